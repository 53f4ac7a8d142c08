#include "source/access/prefix_index.h"

#include <algorithm>
#include <utility>

namespace pillion::access {

PrefixIndex::PrefixIndex(std::vector<std::string> prefixes) : sorted_(std::move(prefixes)) {
  std::sort(sorted_.begin(), sorted_.end());
  sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
  // What is a prefix of one comes before it, and all between the two begin with it as well.
  for (uint32_t i = 0; i < sorted_.size(); ++i) {
    uint32_t before = i == 0 ? kNone : i - 1;
    while (before != kNone && !sorted_[i].starts_with(sorted_[before])) before = shorter_[before];
    shorter_.push_back(before);
  }
}

size_t PrefixIndex::Behind(std::string_view text) const {
  return static_cast<size_t>(std::upper_bound(sorted_.begin(), sorted_.end(), text) - sorted_.begin());
}

uint32_t PrefixIndex::Longest(std::string_view text) const {
  const size_t behind = Behind(text);
  uint32_t number = behind == 0 ? kNone : static_cast<uint32_t>(behind - 1);
  while (number != kNone && !text.starts_with(sorted_[number])) number = shorter_[number];
  return number;
}

uint32_t PrefixIndex::NumberOf(std::string_view text) const { return static_cast<uint32_t>(Behind(text) - 1); }

}  // namespace pillion::access
