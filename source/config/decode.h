#pragma once

// From a tree to a message: protobuf's JSON mapping, walked by reflection. Unlike protobuf's own reader it does
// not stop at the first error, and says for each where it is, what stands there and what was expected.

#include "source/config/config_error.h"
#include "source/config/tree.h"
#include "source/config/unknown.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// Fills `message`, which is empty, as far as `tree` is right, and says in `errors` where it is not. `notes`: what is taken
// without effect. As Envoy does, it takes one value where a list of them is meant.
void Decode(const Tree& tree, const UnknownRule& unknown, google::protobuf::Message& message, ErrorList& errors,
            std::vector<ConfigError>& notes);

}  // namespace pillion::config
