#pragma once

// What a configuration attaches to endpoints, routes, listeners and others (envoy.config.core.v3.Metadata): by namespace,
// then by key.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "source/metadata/value.h"

namespace pillion::config {

// A google.protobuf.Value.
struct MetadataValue {
  using List = std::vector<MetadataValue>;
  using Struct = std::map<std::string, MetadataValue, std::less<>>;

  std::variant<std::monostate, bool, double, std::string, List, Struct> value;

  bool operator==(const MetadataValue& other) const { return value == other.value; }
};

struct Metadata {
  std::map<std::string, MetadataValue::Struct, std::less<>> namespaces;
  // All of it as a value of the data path, by namespace and key: for texts with operators. Null: not made.
  std::shared_ptr<const metadata::Tree> tree;

  // Null where there is none of that name.
  const MetadataValue* Find(std::string_view name_space, std::string_view key) const {
    const auto fields = namespaces.find(name_space);
    if (fields == namespaces.end()) return nullptr;
    const auto field = fields->second.find(key);
    return field == fields->second.end() ? nullptr : &field->second;
  }

  bool operator==(const Metadata& other) const { return namespaces == other.namespaces; }
};

// All of it, as texts with operators ask for it; null where there is none.
inline const metadata::Value* ValueOf(const std::shared_ptr<const Metadata>& metadata) {
  return metadata == nullptr || metadata->tree == nullptr ? nullptr : &metadata->tree->value;
}

// A value in metadata: the namespace, then the keys that lead to it.
struct MetadataPath {
  std::string name_space;
  std::vector<std::string> keys;  // at least one
};

// What balancing looks at, where nothing else is said.
inline constexpr std::string_view kLbNamespace = "envoy.lb";

}  // namespace pillion::config
