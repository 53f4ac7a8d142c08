#pragma once

// Attributes as a test says them.

#include <map>
#include <string>
#include <vector>

#include "source/expression/attributes.h"

namespace pillion::expression {

class TestRequest final : public Attributes {
 public:
  std::map<Attribute, Value> values;
  std::map<Attribute, std::map<std::string, std::string>> maps;  // of texts
  std::map<Attribute, std::map<std::string, Value>> others;      // of what is no text
  mutable size_t asked = 0;                                      // how often

  Value Get(Attribute which, base::Arena&) const override {
    ++asked;
    if (maps.contains(which) || others.contains(which)) return Value::Map({});
    const auto found = values.find(which);
    return found == values.end() ? Missing() : found->second;
  }
  Value Find(Attribute map, const Key& key, base::Arena&) const override {
    ++asked;
    if (const auto found = others.find(map); found != others.end()) {
      const auto entry = found->second.find(std::string(key.text));
      return entry == found->second.end() ? Value::Error(ErrorCode::kNoSuchKey) : entry->second;
    }
    const auto found = maps.find(map);
    if (found == maps.end()) return Missing();
    const auto entry = found->second.find(std::string(key.text));
    return entry == found->second.end() ? Value::Error(ErrorCode::kNoSuchKey) : Value::String(entry->second);
  }
  Value Keys(Attribute map, base::Arena& arena) const override {
    ++asked;
    const auto found = maps.find(map);
    if (found == maps.end()) return Missing();
    Value* keys = arena.NewArray<Value>(found->second.size());
    size_t count = 0;
    for (const auto& [key, value] : found->second) keys[count++] = Value::String(key);
    return Value::List({keys, count});
  }
};

}  // namespace pillion::expression
