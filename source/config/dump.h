#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// `message` as JSON: protobuf's mapping with the names as the API writes them ("static_resources"). For
// /config_dump, with Bootstrap::source.
absl::StatusOr<std::string> DumpJson(const google::protobuf::Message& message);

}  // namespace pillion::config
