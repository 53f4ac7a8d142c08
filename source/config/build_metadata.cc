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

metadata::Value Plant(const MetadataValue::Struct& from, metadata::Tree& tree);

metadata::Value Plant(const MetadataValue& from, metadata::Tree& tree) {
  if (const auto* flag = std::get_if<bool>(&from.value)) return metadata::Value::Flag(*flag);
  if (const auto* number = std::get_if<double>(&from.value)) return metadata::Value::Number(*number);
  if (const auto* text = std::get_if<std::string>(&from.value)) return metadata::Value::Text(tree.Keep(*text));
  if (const auto* fields = std::get_if<MetadataValue::Struct>(&from.value)) return Plant(*fields, tree);
  const auto* list = std::get_if<MetadataValue::List>(&from.value);
  if (list == nullptr) return {};
  std::vector<metadata::Member> members;
  for (const MetadataValue& each : *list) members.push_back({"", Plant(each, tree)});
  return tree.Keep(metadata::Value::Kind::kList, std::move(members));
}

metadata::Value Plant(const MetadataValue::Struct& from, metadata::Tree& tree) {
  std::vector<metadata::Member> members;
  for (const auto& [key, value] : from) members.push_back({tree.Keep(key), Plant(value, tree)});
  return tree.Keep(metadata::Value::Kind::kObject, std::move(members));
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
  auto tree = std::make_shared<metadata::Tree>();
  std::vector<metadata::Member> members;
  for (const auto& [name, fields] : metadata->namespaces) members.push_back({tree->Keep(name), Plant(fields, *tree)});
  tree->value = tree->Keep(metadata::Value::Kind::kObject, std::move(members));
  metadata->tree = std::move(tree);
  return metadata;
}

MetadataPath BuildMetadataPath(const envoy::type::metadata::v3::MetadataKey& from) {
  MetadataPath path{.name_space = from.key(), .keys = {}};
  for (const auto& segment : from.path()) path.keys.push_back(segment.key());
  return path;
}

LbCriteria BuildLbCriteria(const envoy::config::core::v3::Metadata& from) {
  const auto fields = from.filter_metadata().find(std::string(kLbNamespace));
  return fields == from.filter_metadata().end() ? LbCriteria() : LbCriteria(BuildMetadataFields(fields->second));
}

}  // namespace pillion::config
