#include "source/xds/holdings.h"

namespace pillion::xds {

const Holdings::Held* Holdings::Find(std::string_view name) const {
  const auto found = held_.find(name);
  return found == held_.end() ? nullptr : &found->second;
}

void Holdings::Set(const std::string& name, Held held, Until until) {
  Erase(name);
  held.until.reset();
  SetEnd(name, held_.emplace(name, std::move(held)).first->second, until);
}

void Holdings::Prolong(std::string_view name, Until until) {
  const auto found = held_.find(name);
  SetEnd(found->first, found->second, until);
}

std::optional<Holdings::Held> Holdings::Erase(std::string_view name) {
  const auto found = held_.find(name);
  if (found == held_.end()) return {};
  SetEnd(found->first, found->second, {});
  Held held = std::move(found->second);
  held_.erase(found);
  return held;
}

Holdings::Until Holdings::first_end() const {
  return ends_.empty() ? Until() : ends_.begin()->first;
}

std::vector<std::pair<std::string, Holdings::Held>> Holdings::Expire(base::MonotonicTime now) {
  std::vector<std::pair<std::string, Held>> over;
  while (!ends_.empty() && ends_.begin()->first <= now) {
    std::string name = ends_.begin()->second;
    Held held = *Erase(name);
    over.emplace_back(std::move(name), std::move(held));
  }
  return over;
}

void Holdings::SetEnd(const std::string& name, Held& held, Until until) {
  if (held.until) ends_.erase({*held.until, name});
  held.until = until;
  if (until) ends_.emplace(*until, name);
}

}  // namespace pillion::xds
