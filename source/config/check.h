#pragma once

// Checks a message against the options that stand beside its fields (pillion/api/check.proto): what is required,
// and the bounds of numbers and durations; and that each enum has one of its values, which bytes may not. It does not
// matter whether the message was read from text or came as bytes.

#include <string>

#include "source/config/config_error.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// Goes through all of `message`, which stands at `path`, also what its Anys hold.
void CheckConstraints(const google::protobuf::Message& message, ErrorList& errors, const std::string& path = "");

}  // namespace pillion::config
