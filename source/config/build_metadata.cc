// Metadata of endpoints and routes.

#include "source/config/build.h"

namespace pillion::config {
namespace {

MetadataValue ToValue(const google::protobuf::Value& from) {
  switch (from.kind_case()) {
    case google::protobuf::Value::kBoolValue:
      return {from.bool_value()};
    case google::protobuf::Value::kNumberValue:
      return {from.number_value()};
    case google::protobuf::Value::kStringValue:
      return {from.string_value()};
    case google::protobuf::Value::kListValue: {
      MetadataValue::List list;
      for (const google::protobuf::Value& each : from.list_value().values()) list.push_back(ToValue(each));
      return {std::move(list)};
    }
    case google::protobuf::Value::kStructValue:
      return {BuildMetadataFields(from.struct_value())};
    default:
      return {};
  }
}

}  // namespace

MetadataValue::Struct BuildMetadataFields(const google::protobuf::Struct& from) {
  MetadataValue::Struct fields;
  for (const auto& [key, value] : from.fields()) fields.emplace(key, ToValue(value));
  return fields;
}

std::shared_ptr<const Metadata> BuildMetadata(const envoy::config::core::v3::Metadata& from) {
  if (from.filter_metadata().empty()) return nullptr;
  auto metadata = std::make_shared<Metadata>();
  for (const auto& [name, fields] : from.filter_metadata()) {
    metadata->namespaces.emplace(name, BuildMetadataFields(fields));
  }
  return metadata;
}

LbCriteria BuildLbCriteria(const envoy::config::core::v3::Metadata& from) {
  const auto fields = from.filter_metadata().find(std::string(kLbNamespace));
  return fields == from.filter_metadata().end() ? LbCriteria() : LbCriteria(BuildMetadataFields(fields->second));
}

}  // namespace pillion::config
