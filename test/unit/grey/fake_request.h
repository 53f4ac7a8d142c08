#pragma once

// A request of tests: maps of texts.

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "source/base/block.h"
#include "source/grey/request.h"

namespace pillion::grey {

class FakeRequest final : public expression::Attributes {
 public:
  using Attribute = expression::Attribute;
  using Value = expression::Value;

  std::map<std::pair<Attribute, std::string>, std::string> entries;
  std::map<Attribute, std::string> texts;
  int64_t flags = -1;  // negative: it has no context

  void Set(Attribute map, const std::string& name, const std::string& value) { entries[{map, name}] = value; }
  void SetField(const std::string& name, const std::string& value) { Set(Attribute::kRequestHeaders, name, value); }

  Value Get(Attribute which, base::Arena&) const override {
    if (which == Attribute::kContextFlags && flags >= 0) return Value::Int(flags);
    const auto found = texts.find(which);
    return found == texts.end() ? Missing() : Value::String(found->second);
  }
  Value Find(Attribute map, const expression::Key& key, base::Arena&) const override {
    const auto found = entries.find(std::pair(map, std::string(key.text)));
    return found == entries.end() ? Value::Error(expression::ErrorCode::kNoSuchKey) : Value::String(found->second);
  }
  Value Keys(Attribute map, base::Arena& arena) const override {
    if (too_many_keys) return Value::Error(expression::ErrorCode::kTooLarge);
    Value* const keys = arena.NewArray<Value>(entries.size());
    size_t count = 0;
    for (const auto& [name, value] : entries) {
      if (name.first == map) keys[count++] = Value::String(name.second);
    }
    return Value::List({keys, count});
  }
  bool too_many_keys = false;
};

}  // namespace pillion::grey
