#pragma once

// All keys that a configuration names. Control thread. A key lives as long as anybody has it.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "source/runtime/key.h"

namespace pillion::runtime {

class Keys {
 public:
  // The one of that name; null for an empty name: there is none.
  std::shared_ptr<const Key> Find(std::string_view name);

  // Sets each key to what `values` has of its name.
  using Values = std::map<std::string, Value, std::less<>>;
  void Apply(const Values& values);

  // Somebody asked for it.
  bool Knows(std::string_view name) const { return keys_.contains(name); }

 private:
  std::map<std::string, std::shared_ptr<Key>, std::less<>> keys_;
  Values values_;  // as applied last: for keys that come later
};

}  // namespace pillion::runtime
