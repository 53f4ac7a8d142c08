#pragma once

// Checks a message against the options that stand beside its fields (pillion/api/check.proto): what is required,
// and the bounds of numbers and durations. It does not matter whether the message was read from text or came as
// bytes.

#include "source/config/config_error.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// Goes through all of `message`, also what its Anys hold.
void CheckConstraints(const google::protobuf::Message& message, ErrorList& errors);

}  // namespace pillion::config
