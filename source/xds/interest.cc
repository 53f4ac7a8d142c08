#include "source/xds/interest.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pillion::xds {

void Interest::Add(const std::string& name) {
  wanted_.insert(name);
  dropped_.erase(name);
  added_.insert(name);
}

void Interest::Remove(const std::string& name) {
  if (wanted_.erase(name) == 0) return;
  added_.erase(name);
  if (told_.contains(name)) dropped_.insert(name);
}

void Interest::Begin() {
  asked_ = false;
  told_.clear();
  dropped_.clear();
  added_ = wanted_;
}

void Interest::Tell() {
  asked_ = true;
  for (const std::string& name : dropped_) told_.erase(name);
  dropped_.clear();
  told_.merge(added_);
  added_.clear();
}

void Interest::TellList() {
  Names again;
  std::ranges::set_intersection(added_, told_, std::inserter(again, again.end()));
  for (const std::string& name : again) added_.erase(name);
  Tell();
  for (const std::string& name : again) told_.erase(name);
  added_ = std::move(again);
}

}  // namespace pillion::xds
