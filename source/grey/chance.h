#pragma once

// In which part of all a request is. A key is always at the same point of a million, on each machine and in each version
// of pillion: whoever is in a part stays in it as it grows.

#include <cstdint>
#include <memory>
#include <string_view>

#include "source/expression/program.h"
#include "source/grey/request.h"

namespace pillion::grey {

inline constexpr uint32_t kMillion = 1'000'000;

// Of the text that rules with the same choice of keys have in common.
uint64_t SeedOf(std::string_view text);
// Below kMillion, evenly over keys; what it is for one seed says nothing about what it is for another.
uint32_t PointOf(std::string_view key, uint64_t seed);

// What the chance goes by. Immutable.
struct Sticky {
  std::shared_ptr<const expression::Program> key;  // null, or it has no value: each request has its own chance
  uint64_t seed = 0;

  // Below kMillion.
  uint32_t PointOf(const Request& request) const;
};

}  // namespace pillion::grey
