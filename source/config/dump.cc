#include "source/config/dump.h"

#include <memory>
#include <vector>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "source/config/extensions.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using envoy::extensions::transport_sockets::tls::v3::TlsCertificate;

bool Redact(Message& message);

// What `any` holds, if there is something in it that nobody shall see.
bool RedactAny(google::protobuf::Any& any) {
  const std::unique_ptr<Message> held = UnpackExtension(any);
  if (held == nullptr || !Redact(*held)) return false;
  const std::string url = any.type_url();
  any.PackFrom(*held);
  any.set_type_url(url);
  return true;
}

// Keys and passwords become "[redacted]". True: there were some.
bool Redact(Message& message) {
  constexpr char kRedacted[] = "[redacted]";
  if (auto* any = dynamic_cast<google::protobuf::Any*>(&message)) return RedactAny(*any);
  bool found = false;
  if (auto* pair = dynamic_cast<TlsCertificate*>(&message)) {
    found = pair->has_private_key() || pair->has_password();
    if (pair->has_private_key()) pair->mutable_private_key()->set_inline_string(kRedacted);
    if (pair->has_password()) pair->mutable_password()->set_inline_string(kRedacted);
  }
  std::vector<const FieldDescriptor*> fields;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      found |= Redact(*reflection.MutableMessage(&message, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      found |= Redact(*reflection.MutableRepeatedMessage(&message, field, i));
    }
  }
  return found;
}

}  // namespace

absl::StatusOr<std::string> DumpJson(const google::protobuf::Message& from) {
  const std::unique_ptr<google::protobuf::Message> copy(from.New());
  copy->CopyFrom(from);
  Redact(*copy);
  const google::protobuf::Message& message = *copy;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(Concat("not to be written as JSON: ", status.ToString()));
  return json;
}

}  // namespace pillion::config
