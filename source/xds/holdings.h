#pragma once

// What was taken of a type: versions, and until when it lives. Not the resources: whoever took them has them. Part of a
// TypeProtocol.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/clock.h"

namespace pillion::xds {

class Holdings {
 public:
  using Until = std::optional<base::MonotonicTime>;  // nothing: it does not end by itself

  struct Held {
    std::string version;
    uint64_t hash;  // of its bytes
    Until until;
  };

  // Null: there is none.
  const Held* Find(std::string_view name) const;
  const std::map<std::string, Held, std::less<>>& all() const { return held_; }

  void Set(const std::string& name, std::string version, uint64_t hash, Until until);
  // It is there.
  void Prolong(std::string_view name, Until until);
  // False: it was not there.
  bool Erase(std::string_view name);

  // When the first one ends.
  Until first_end() const;
  // Those whose time is over are taken out.
  std::vector<std::string> Expire(base::MonotonicTime now);

 private:
  void SetEnd(const std::string& name, Held& held, Until until);

  std::map<std::string, Held, std::less<>> held_;
  std::set<std::pair<base::MonotonicTime, std::string>> ends_;
};

}  // namespace pillion::xds
