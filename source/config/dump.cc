#include "source/config/dump.h"

#include "google/protobuf/util/json_util.h"
#include "source/config/text.h"

namespace pillion::config {

absl::StatusOr<std::string> DumpJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(Concat("not to be written as JSON: ", status.ToString()));
  return json;
}

}  // namespace pillion::config
