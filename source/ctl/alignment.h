#pragma once

// Which elements of two lists are the same ones, as far as their order goes.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pillion::ctl {

// The longest common subsequence of `a` and `b`: places in them, ascending in both. Time grows with the number of pairs
// that are equal (Hunt and Szymanski, 1977), which is the lists' length where each element is there once.
std::vector<std::pair<size_t, size_t>> LongestCommon(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b);

}  // namespace pillion::ctl
