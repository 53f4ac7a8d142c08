#include "source/runtime/keys.h"

namespace pillion::runtime {

std::shared_ptr<const Key> Keys::Find(std::string_view name) {
  if (name.empty()) return nullptr;
  const auto found = keys_.find(name);
  if (found != keys_.end()) return found->second;
  const auto key = std::make_shared<Key>(std::string(name));
  if (const auto value = values_.find(name); value != values_.end()) key->Set(&value->second);
  keys_.emplace(name, key);
  return key;
}

void Keys::Apply(const Values& values) {
  values_ = values;
  for (const auto& [name, key] : keys_) {
    const auto value = values_.find(name);
    key->Set(value == values_.end() ? nullptr : &value->second);
  }
}

}  // namespace pillion::runtime
