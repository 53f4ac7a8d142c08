#pragma once

// Many regular expressions, asked at once: one pass over the text, however many they are. Never copied or moved.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "source/match/regex.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace pillion::match {

class RegexSet {
 public:
  explicit RegexSet(std::span<const Regex> regexes);
  RegexSet(const RegexSet&) = delete;
  RegexSet& operator=(const RegexSet&) = delete;
  ~RegexSet();

  // The positions, ascending, of those that the whole of `text` matches. False: it takes more memory than is given, so
  // they must be asked one by one. Allocates from the heap.
  [[nodiscard]] bool Find(std::string_view text, std::vector<int>& positions) const;

 private:
  struct Compiled;

  const std::unique_ptr<Compiled> compiled_;
};

}  // namespace pillion::match
