#include "source/runtime/keys.h"

#include <gtest/gtest.h>

#include "source/match/fraction.h"

namespace pillion::runtime {
namespace {

Value Number(uint64_t number) {
  Value value;
  value.number = static_cast<double>(number);
  value.integer = number;
  return value;
}

TEST(KeysTest, DefaultsHoldWhileNothingIsSet) {
  Keys keys;
  const std::shared_ptr<const Key> key = keys.Find("a.b");
  EXPECT_EQ(key->Integer(7), 7u);
  EXPECT_EQ(key->Number(1.5), 1.5);
  EXPECT_TRUE(key->Flag(true));
  EXPECT_EQ(key->Fraction(), 0u);
  EXPECT_EQ(keys.Find(""), nullptr);
  EXPECT_EQ(keys.Find("a.b"), key);
}

TEST(KeysTest, ValuesReachKeysBeforeAndAfter) {
  Keys keys;
  const auto before = keys.Find("before");
  keys.Apply({{"before", Number(1)}, {"after", Number(2)}});
  EXPECT_EQ(before->Integer(0), 1u);
  EXPECT_EQ(keys.Find("after")->Number(0), 2);
  keys.Apply({});
  EXPECT_EQ(before->Integer(9), 9u);
}

TEST(KeysTest, KindsThatDoNotFitLeaveTheDefault) {
  Keys keys;
  Value value;
  value.text = "true";
  value.flag = true;
  keys.Apply({{"k", value}});
  const auto key = keys.Find("k");
  EXPECT_TRUE(key->Flag(false));
  EXPECT_EQ(key->Integer(3), 3u);
  EXPECT_EQ(key->Fraction(), 0u);
}

TEST(KeysTest, Fractions) {
  Keys keys;
  const match::RuntimeFraction fraction{.fraction = {1, 2}, .key = keys.Find("k")};
  EXPECT_EQ(fraction.Now().denominator, 2u);
  keys.Apply({{"k", Number(30)}});  // a whole number is one of hundred
  EXPECT_EQ(fraction.Now().numerator, 30u);
  EXPECT_EQ(fraction.Now().denominator, 100u);
  Value part;
  part.numerator = 0;
  part.denominator = 10'000;
  keys.Apply({{"k", part}});
  EXPECT_FALSE(fraction.Holds(0));
  EXPECT_EQ(fraction.Now().denominator, 10'000u);
}

}  // namespace
}  // namespace pillion::runtime
