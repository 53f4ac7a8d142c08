#pragma once

// How far a name is from another one, to find what was meant.

#include <cstddef>
#include <string_view>

namespace pillion::expression {

constexpr size_t kLongestName = 128;  // of what may be a slip

// How many letters have to be changed, added or taken (Levenshtein).
size_t EditDistance(std::string_view a, std::string_view b);

}  // namespace pillion::expression
