#pragma once

// A part of all requests. A request has one random number, and keeps it: asked twice, it belongs or it does not.

#include <cstdint>
#include <string>

namespace pillion::match {

struct Fraction {
  uint32_t numerator = 0;  // more than the denominator: all
  uint32_t denominator = 100;

  bool Holds(uint64_t random) const { return random % denominator < numerator; }
};

// The name under which it may be set while the program runs, where there is such a layer; `fraction` where not.
struct RuntimeFraction {
  Fraction fraction;
  std::string runtime_key;  // empty: none
};

}  // namespace pillion::match
