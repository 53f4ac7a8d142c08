#include "source/ctl/words.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "source/config/text.h"

namespace pillion::ctl {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::pair<std::string_view, std::string_view> kWords[] = {
    {"certificate_chain", "certificate"},     {"lb_endpoints", "endpoint"},
    {"trusted_ca", "trusted CA"},             {"tls_certificates", "certificate"},
    {"tls_certificate_sds_secret_configs", "certificate by SDS"},
};

constexpr std::string_view kPassedOver[] = {
    "typed_config", "common_tls_context", "route_config", "load_assignment", "endpoint", "typed_extension_config",
};

template <typename M>
const M& As(const Message& message) {
  return static_cast<const M&>(message);
}

std::string TextOf(const envoy::config::core::v3::Address& address) {
  if (address.has_pipe()) return address.pipe().path();
  if (!address.has_socket_address()) return "";
  const auto& socket = address.socket_address();
  const bool v6 = socket.address().find(':') != std::string::npos;
  return config::Concat(v6 ? "[" : "", socket.address(), v6 ? "]:" : ":", socket.port_value());
}

std::string TextOf(const google::protobuf::Duration& duration) {
  const double seconds = static_cast<double>(duration.seconds()) + 1e-9 * static_cast<double>(duration.nanos());
  return config::Concat(seconds, "s");
}

// A wrapper: google.protobuf.UInt32Value and its like.
bool IsWrapper(const Descriptor& type) {
  return type.full_name().starts_with("google.protobuf.") && type.field_count() == 1 && type.field(0)->name() == "value" &&
         type.full_name().ends_with("Value");
}

std::string Json(const Message& message) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok()) return "?";
  return json;
}

}  // namespace

std::string FieldText(const FieldDescriptor& field) {
  for (const auto& [name, word] : kWords) {
    if (field.name() == name) return std::string(word);
  }
  std::string text = field.name();
  std::replace(text.begin(), text.end(), '_', ' ');
  if (!field.is_repeated()) return text;
  if (text.ends_with("ies")) return text.substr(0, text.size() - 3) + "y";
  if (text.ends_with("sses")) return text.substr(0, text.size() - 2);
  if (text.ends_with("s") && !text.ends_with("ss")) text.pop_back();
  return text;
}

bool IsPassedOver(const FieldDescriptor& field) {
  const bool action = field.containing_type()->full_name() == "envoy.config.route.v3.Route" && field.name() == "route";
  return action || std::find(std::begin(kPassedOver), std::end(kPassedOver), field.name()) != std::end(kPassedOver);
}

std::string ElementName(const Message& element) {
  using envoy::config::endpoint::v3::LbEndpoint;
  using envoy::config::endpoint::v3::LocalityLbEndpoints;
  const Descriptor& type = *element.GetDescriptor();
  const Reflection& reflection = *element.GetReflection();
  if (type.options().map_entry()) return ScalarText(element, *type.map_key());
  if (&type == LbEndpoint::descriptor()) return TextOf(As<LbEndpoint>(element).endpoint().address());
  if (&type == LocalityLbEndpoints::descriptor()) {
    const auto& group = As<LocalityLbEndpoints>(element);
    const auto& locality = group.locality();
    return config::Concat("of locality ", locality.region(), "/", locality.zone(), "/", locality.sub_zone(), " priority ",
                          group.priority());
  }
  if (const FieldDescriptor* header = type.FindFieldByName("header");
      header != nullptr && header->message_type() == envoy::config::core::v3::HeaderValue::descriptor()) {
    return As<envoy::config::core::v3::HeaderValue>(reflection.GetMessage(element, header)).key();
  }
  for (const char* name : {"name", "key", "stat_prefix"}) {
    const FieldDescriptor* const field = type.FindFieldByName(name);
    if (field == nullptr || field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
    return reflection.GetString(element, field);
  }
  return "";
}

bool IsUnordered(const Descriptor& element) {
  constexpr std::string_view kTypes[] = {
      "envoy.config.route.v3.VirtualHost",           "envoy.config.endpoint.v3.LbEndpoint",
      "envoy.config.endpoint.v3.LocalityLbEndpoints", "envoy.config.listener.v3.FilterChain",
      "envoy.config.route.v3.WeightedCluster.ClusterWeight",
  };
  return element.options().map_entry() ||
         std::find(std::begin(kTypes), std::end(kTypes), element.full_name()) != std::end(kTypes);
}

std::optional<std::string> ValueText(const Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  if (&type == google::protobuf::Duration::descriptor()) return TextOf(As<google::protobuf::Duration>(message));
  if (&type == envoy::config::core::v3::Address::descriptor()) return TextOf(As<envoy::config::core::v3::Address>(message));
  if (&type == google::protobuf::Struct::descriptor() || &type == google::protobuf::Value::descriptor() ||
      &type == google::protobuf::ListValue::descriptor()) {
    return Json(message);
  }
  if (IsWrapper(type)) return ScalarText(message, *type.field(0));
  return std::nullopt;
}

std::string ScalarText(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return config::Concat(reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return config::Concat(static_cast<double>(reflection.GetFloat(message, &field)));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetEnum(message, &field)->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return Json(reflection.GetMessage(message, &field));
}

std::string ScalarText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(reflection.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(reflection.GetRepeatedInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection.GetRepeatedUInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection.GetRepeatedUInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return config::Concat(reflection.GetRepeatedDouble(message, &field, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return config::Concat(static_cast<double>(reflection.GetRepeatedFloat(message, &field, index)));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetRepeatedBool(message, &field, index) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetRepeatedEnum(message, &field, index)->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetRepeatedString(message, &field, index);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return Json(reflection.GetRepeatedMessage(message, &field, index));
}

}  // namespace pillion::ctl
