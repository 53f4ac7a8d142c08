#pragma once

// Regular expressions of a message that is not built, as something else in it is wrong: so that all that is to be mended is
// said at once.

#include <string>

#include "absl/status/status.h"
#include "source/config/config_error.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// Why `pattern` is none.
std::string RegexError(const std::string& pattern, const absl::Status& status);

// Adds those that are none, in all of `message`, which stands at `path`, also in what its Anys hold.
void CheckRegexes(const google::protobuf::Message& message, ErrorList& errors, const std::string& path);

}  // namespace pillion::config
