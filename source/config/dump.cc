#include "source/config/dump.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "source/config/extensions.h"
#include "source/config/optional.h"
#include "source/config/text.h"
#include "source/http/syntax.h"

namespace pillion::config {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using envoy::config::core::v3::HeaderValue;

bool IsSecret(const FieldDescriptor& field) {
  constexpr std::string_view kSecrets[] = {
      "envoy.extensions.transport_sockets.tls.v3.TlsCertificate.private_key",
      "envoy.extensions.transport_sockets.tls.v3.TlsCertificate.password",
      "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext.session_ticket_keys",
  };
  return std::find(std::begin(kSecrets), std::end(kSecrets), field.full_name()) != std::end(kSecrets);
}

// Envoy shows them.
bool IsCredential(const Message& message) {
  if (message.GetDescriptor() != HeaderValue::descriptor()) return false;
  const auto& header = static_cast<const HeaderValue&>(message);
  constexpr std::string_view kNames[] = {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view name) { return http::EqualsIgnoreCase(header.key(), name); });
}

namespace {

// All texts of `message`, and in it.
void Blank(Message& message) {
  std::vector<const FieldDescriptor*> fields;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) {
      reflection.ClearField(&message, field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection.SetString(&message, field, kRedacted);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Blank(*reflection.MutableMessage(&message, field));
    }
  }
}

// As whoever writes JSON does it: whatever type the process has, be it an extension here or not.
std::unique_ptr<Message> Unpack(const google::protobuf::Any& any) {
  if (std::unique_ptr<Message> held = UnpackExtension(any)) return held;
  const google::protobuf::Descriptor* const type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      any.type_url().substr(any.type_url().rfind('/') + 1));
  if (type == nullptr) return nullptr;
  std::unique_ptr<Message> held(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return held->ParseFromString(any.value()) ? std::move(held) : nullptr;
}

// Of what has no type in this process, and so can't be written, only the name is shown. True: there was none.
bool KeepNameOfUnknown(google::protobuf::Any& any) {
  const std::string url = any.type_url();
  if (url.empty()) return false;  // an empty object
  if (google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(url.substr(url.rfind('/') + 1)) != nullptr) {
    return false;
  }
  KeepName(url, any);
  return true;
}

bool Redact(Message& message, int depth = 0);

// What `any` holds, if there is something in it that nobody shall see.
bool RedactAny(google::protobuf::Any& any, int depth) {
  if (depth > kMostNestedAnys) {  // what is taken nests less, and each level is written with the indentation of all
    any.clear_value();
    return true;
  }
  const std::unique_ptr<Message> held = Unpack(any);
  if (held == nullptr || !Redact(*held, depth + 1)) return false;
  const std::string url = any.type_url();
  any.PackFrom(*held);
  any.set_type_url(url);
  return true;
}

// Keys, passwords and credentials become "[redacted]". True: there were some.
bool Redact(Message& message, int depth) {
  if (auto* any = dynamic_cast<google::protobuf::Any*>(&message)) return RedactAny(*any, depth);
  bool found = false;
  if (IsCredential(message)) {
    static_cast<HeaderValue&>(message).set_value(kRedacted);
    return true;
  }
  std::vector<const FieldDescriptor*> fields;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (IsSecret(*field)) {
      Blank(*reflection.MutableMessage(&message, field));
      found = true;
      continue;
    }
    if (!field->is_repeated()) {
      Message& part = *reflection.MutableMessage(&message, field);
      if (IsOptional(message, *field) && KeepNameOfUnknown(static_cast<google::protobuf::Any&>(part))) {
        found = true;
        continue;
      }
      found |= Redact(part, depth);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      found |= Redact(*reflection.MutableRepeatedMessage(&message, field, i), depth);
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
