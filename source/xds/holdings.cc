#include "source/xds/holdings.h"

namespace pillion::xds {

const Holdings::Held* Holdings::Find(std::string_view name) const {
  const auto found = held_.find(name);
  return found == held_.end() ? nullptr : &found->second;
}

void Holdings::Set(const std::string& name, std::string version, uint64_t hash, Until until) {
  Held& held = held_[name];
  held.version = std::move(version);
  held.hash = hash;
  SetEnd(name, held, until);
}

void Holdings::Prolong(std::string_view name, Until until) {
  const auto found = held_.find(name);
  SetEnd(found->first, found->second, until);
}

bool Holdings::Erase(std::string_view name) {
  const auto found = held_.find(name);
  if (found == held_.end()) return false;
  SetEnd(found->first, found->second, {});
  held_.erase(found);
  return true;
}

Holdings::Until Holdings::first_end() const {
  return ends_.empty() ? Until() : ends_.begin()->first;
}

std::vector<std::string> Holdings::Expire(base::MonotonicTime now) {
  std::vector<std::string> names;
  while (!ends_.empty() && ends_.begin()->first <= now) {
    names.push_back(ends_.begin()->second);
    Erase(names.back());
  }
  return names;
}

void Holdings::SetEnd(const std::string& name, Held& held, Until until) {
  if (held.until) ends_.erase({*held.until, name});
  held.until = until;
  if (until) ends_.emplace(*until, name);
}

}  // namespace pillion::xds
