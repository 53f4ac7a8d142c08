#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// What stands in place of what nobody shall see.
inline constexpr char kRedacted[] = "[redacted]";

// A field that nobody shall see, with all that is in it: keys, passwords.
bool IsSecret(const google::protobuf::FieldDescriptor& field);
// A field of HTTP whose value lets in who has it: a HeaderValue of authorization, say.
bool IsCredential(const google::protobuf::Message& message);

// `message` as JSON: protobuf's mapping with the names as the API writes them ("static_resources"). For
// /config_dump, with Bootstrap::source.
absl::StatusOr<std::string> DumpJson(const google::protobuf::Message& message);

}  // namespace pillion::config
