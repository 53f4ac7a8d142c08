#include "source/config/inline_secrets.h"

#include <functional>
#include <memory>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/message.h"
#include "source/config/config_error.h"
#include "source/config/dump.h"
#include "source/config/extensions.h"
#include "source/config/typed_struct.h"
#include "source/identity/certificate.h"

namespace pillion::config {
namespace {

using envoy::config::core::v3::DataSource;
using envoy::config::core::v3::HeaderValue;
using google::protobuf::Any;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
namespace tls = envoy::extensions::transport_sockets::tls::v3;

// Also one that comes apart from what it extends. Null: it can't be read.
std::unique_ptr<Message> Unpack(const Any& resource) {
  if (!resource.Is<envoy::config::core::v3::TypedExtensionConfig>()) return UnpackExtension(resource);
  auto extension = std::make_unique<envoy::config::core::v3::TypedExtensionConfig>();
  return extension->ParseFromString(resource.value()) ? std::move(extension) : nullptr;
}

std::vector<const FieldDescriptor*> FieldsOf(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  return fields;
}

// Calls visit(part, path) for each message right within `message`, which is no Any.
void ForEachPart(Message& message, const std::string& path,
                 const std::function<void(Message& part, const FieldDescriptor& field, const std::string& path)>& visit) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (const FieldDescriptor* field : FieldsOf(message)) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string place = FieldPath(path, field->name());
    if (!field->is_repeated()) {
      visit(*reflection.MutableMessage(&message, field), *field, place);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      visit(*reflection.MutableRepeatedMessage(&message, field, i), *field, ElementPath(place, static_cast<size_t>(i)));
    }
  }
}

// Also bytes: any text in it but the name of a file or of an environment variable.
bool HasText(Message& message) {
  if (message.GetDescriptor() == DataSource::descriptor()) {
    const auto& source = static_cast<const DataSource&>(message);
    return source.has_inline_bytes() || source.has_inline_string();
  }
  for (const FieldDescriptor* field : FieldsOf(message)) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) return true;
  }
  bool has = false;
  ForEachPart(message, "", [&has](Message& part, const FieldDescriptor&, const std::string&) { has |= HasText(part); });
  return has;
}

// The place of the first one; empty: there is none.
std::string FindSecret(Message& message, const std::string& path) {
  if (message.GetDescriptor() == Any::descriptor()) {
    const std::unique_ptr<Message> held = UnpackExtension(static_cast<const Any&>(message));
    return held == nullptr ? "" : FindSecret(*held, path);
  }
  if (IsCredential(message)) return static_cast<const HeaderValue&>(message).value().empty() ? "" : path;
  std::string found;
  ForEachPart(message, path, [&found](Message& part, const FieldDescriptor& field, const std::string& place) {
    if (!found.empty()) return;
    if (!IsSecret(field)) {
      found = FindSecret(part, place);
    } else if (HasText(part)) {
      found = place;
    }
  });
  return found;
}

// True: something was.
bool DropUnknown(Message& message) {
  if (message.GetDescriptor() == Any::descriptor()) {
    Any& any = static_cast<Any&>(message);
    const std::unique_ptr<Message> held = UnpackExtension(any);
    if (held == nullptr) {
      const bool has = !any.value().empty();
      any.clear_value();
      return has;
    }
    if (!DropUnknown(*held)) return false;
    any.set_value(held->SerializeAsString());
    return true;
  }
  google::protobuf::UnknownFieldSet& unknown = *message.GetReflection()->MutableUnknownFields(&message);
  bool dropped = !unknown.empty();
  unknown.Clear();
  ForEachPart(message, "", [&dropped](Message& part, const FieldDescriptor&, const std::string&) {
    dropped |= DropUnknown(part);
  });
  return dropped;
}

void FindEnd(Message& message, const std::string& path, std::optional<CertificateEnd>& end) {
  if (message.GetDescriptor() == Any::descriptor()) {
    const std::unique_ptr<Message> held = UnpackExtension(static_cast<const Any&>(message));
    if (held != nullptr) FindEnd(*held, path, end);
    return;
  }
  if (message.GetDescriptor() == tls::TlsCertificate::descriptor()) {
    auto& pair = static_cast<tls::TlsCertificate&>(message);
    const DataSource& chain = pair.certificate_chain();
    if (!HasText(*pair.mutable_private_key()) || !HasText(*pair.mutable_certificate_chain())) return;
    const absl::StatusOr<absl::Time> time =
        identity::FirstNotAfter(chain.has_inline_bytes() ? chain.inline_bytes() : chain.inline_string());
    if (!time.ok()) return;  // whoever takes the resource says what is wrong with it
    if (!end || *time < end->time) end = CertificateEnd{path, *time};
    return;
  }
  ForEachPart(message, path, [&end](Message& part, const FieldDescriptor&, const std::string& place) {
    FindEnd(part, place, end);
  });
}

}  // namespace

std::optional<Writable> WritableOf(const Any& resource) {
  const std::unique_ptr<Message> message = Unpack(resource);
  if (message == nullptr) return {};
  bool changed = false;
  if (MayHaveTypedStructs(resource.value())) {
    ErrorList errors;
    std::vector<ConfigError> notes;
    const UnknownRule rule{.fields = UnknownFields::kIgnore, .passed_over = nullptr, .disabled_extensions = {}};
    ResolveTypedStructs(rule, *message, "", errors, notes);
    if (!errors.empty()) return {};
    changed = true;
  }
  Writable writable{.secret = FindSecret(*message, ""), .known = {}};
  if (!writable.secret.empty()) return writable;
  changed |= DropUnknown(*message);
  if (!changed) return writable;
  Any& known = writable.known.emplace();
  known.set_type_url(resource.type_url());
  known.set_value(message->SerializeAsString());
  return writable;
}

std::optional<CertificateEnd> FirstCertificateEnd(const Any& resource) {
  const std::unique_ptr<Message> message = Unpack(resource);
  std::optional<CertificateEnd> end;
  if (message != nullptr) FindEnd(*message, "", end);
  return end;
}

}  // namespace pillion::config
