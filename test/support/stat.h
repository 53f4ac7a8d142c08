#pragma once

// What a registry counts, by its name.

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>

#include "source/stats/registry.h"

namespace pillion::test {

// Of a counter or a gauge. Where there is none, the test fails, and it is -1.
inline int64_t Stat(stats::Registry& registry, std::string_view name) {
  const stats::Snapshot snapshot = registry.Read();
  for (const stats::Snapshot::Number& number : snapshot.numbers) {
    if (number.description->name() != name) continue;
    return number.description->kind == stats::Kind::kGauge ? number.gauge : static_cast<int64_t>(number.counter);
  }
  ADD_FAILURE() << "no stat " << name;
  return -1;
}

}  // namespace pillion::test
