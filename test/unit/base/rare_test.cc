#include "source/base/rare.h"

#include <string>

#include "gtest/gtest.h"

namespace pillion::base {
namespace {

TEST(RareTest, IsThereOrNot) {
  Rare<std::string> rare;
  EXPECT_FALSE(rare.has_value());
  rare = std::string("a");
  ASSERT_TRUE(rare.has_value());
  EXPECT_EQ(*rare, "a");
  EXPECT_EQ(rare->size(), 1u);
  rare = {};
  EXPECT_FALSE(rare.has_value());
}

TEST(RareTest, ACopyIsAnother) {
  const Rare<std::string> one(std::string("a"));
  Rare<std::string> other = one;
  *other += "b";
  EXPECT_EQ(*one, "a");
  EXPECT_EQ(*other, "ab");
  other = one;
  EXPECT_EQ(*other, "a");
  const Rare<std::string> none;
  other = none;
  EXPECT_FALSE(other.has_value());
}

TEST(RareTest, TakesOnePointer) { static_assert(sizeof(Rare<std::string>) == sizeof(void*)); }

}  // namespace
}  // namespace pillion::base
