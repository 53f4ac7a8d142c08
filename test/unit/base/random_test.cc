#include "source/base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace pillion::base {
namespace {

TEST(Random, RepeatsItselfForTheSameSeed) {
  Random a(1), b(1), c(2);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next();
    EXPECT_EQ(value, b.Next());
    differs = differs || value != c.Next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, WorksWithoutASeed) {
  Random random(0);
  EXPECT_NE(random.Next(), random.Next());
}

TEST(Random, SpreadsEvenly) {
  Random random(3);
  std::array<int, 10> counts{};
  for (int i = 0; i < 100000; ++i) {
    const uint64_t value = random.Below(counts.size());
    ASSERT_LT(value, counts.size());
    ++counts[value];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(random.Below(1), 0u);
}

}  // namespace
}  // namespace pillion::base
