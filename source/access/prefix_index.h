#pragma once

// Prefixes by what begins with them: finding those of a text takes a search by halves, however many there are. Immutable
// once built; any thread; a search allocates nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pillion::access {

class PrefixIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  PrefixIndex() = default;
  // Their numbers are their places in the sorted list of all, each once.
  explicit PrefixIndex(std::vector<std::string> prefixes);

  // The longest prefix of `text`; kNone: there is none.
  uint32_t Longest(std::string_view text) const;
  // The next shorter one of the same text.
  uint32_t Shorter(uint32_t number) const { return shorter_[number]; }
  const std::string& text(uint32_t number) const { return sorted_[number]; }
  uint32_t size() const { return static_cast<uint32_t>(sorted_.size()); }
  // Of a text that is one of them.
  uint32_t NumberOf(std::string_view text) const;

 private:
  // Behind the last that is not greater.
  size_t Behind(std::string_view text) const;

  std::vector<std::string> sorted_;
  std::vector<uint32_t> shorter_;
};

}  // namespace pillion::access
