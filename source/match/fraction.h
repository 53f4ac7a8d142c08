#pragma once

// A part of all requests. A request has one random number, and keeps it: asked twice, it belongs or it does not.

#include <cstdint>
#include <memory>

#include "source/runtime/key.h"

namespace pillion::match {

struct Fraction {
  uint32_t numerator = 0;  // more than the denominator: all
  uint32_t denominator = 100;

  bool Holds(uint64_t random) const { return random % denominator < numerator; }
  bool operator==(const Fraction&) const = default;
};

// `fraction`, while `key` is not set.
struct RuntimeFraction {
  Fraction fraction;
  std::shared_ptr<const runtime::Key> key;  // null: it can't be set

  Fraction Now() const {
    if (key == nullptr) return fraction;
    const uint64_t set = key->Fraction();
    if (set == 0) return fraction;
    return {static_cast<uint32_t>(set >> 32), static_cast<uint32_t>(set)};
  }
  bool Holds(uint64_t random) const { return Now().Holds(random); }
};

}  // namespace pillion::match
