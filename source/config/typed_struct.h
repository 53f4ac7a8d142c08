#pragma once

// In what came as bytes: each TypedStruct, which holds the fields of another type's message as free data, becomes that
// message. (In texts decode.h does it.) Internal to config/.

#include <string>
#include <vector>

#include "source/config/config_error.h"
#include "source/config/unknown.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// Goes through all of `message`, which stands at `path`, also what its Anys hold.
void ResolveTypedStructs(const UnknownRule& unknown, google::protobuf::Message& message, const std::string& path,
                         ErrorList& errors, std::vector<ConfigError>& notes);

// Whether `bytes`, of a message, can have any.
bool MayHaveTypedStructs(std::string_view bytes);

}  // namespace pillion::config
