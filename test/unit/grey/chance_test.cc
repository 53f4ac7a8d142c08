// Percentages are what they say, keys stay where they are, and a part that grows keeps those who were in it.

#include "source/grey/chance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "source/expression/compiler.h"
#include "source/grey/rules.h"
#include "test/unit/grey/fake_request.h"

namespace pillion::grey {
namespace {

constexpr uint32_t kRequests = 1'000'000;

class ChanceTest : public testing::Test {
 protected:
  static Rules Of(std::vector<Share> shares, std::string_view key, std::string_view seed) {
    Sticky sticky{.key = nullptr, .seed = SeedOf(seed)};
    if (!key.empty()) sticky.key = expression::Compile(key, {}).value();
    std::vector<Rule> rules(1);
    rules[0].shares = std::move(shares);
    rules[0].sticky = sticky;
    return Rules(std::move(rules));
  }
  uint32_t ColourOf(const Rules& rules, uint32_t user) {
    base::Arena arena(blocks_);
    request_.SetField("x-user-id", "user-" + std::to_string(user));
    return rules.Decide({request_, {}, random_, arena}).colour;
  }
  // Within three standard deviations.
  static void ExpectAbout(uint32_t count, uint32_t per_million) {
    const double share = per_million / 1e6;
    EXPECT_NEAR(count, kRequests * share, 3 * std::sqrt(kRequests * share * (1 - share))) << per_million;
  }

  static constexpr const char* kKey = "request.headers['x-user-id']";
  base::BlockPool blocks_;
  base::Random random_{11};
  FakeRequest request_;
};

TEST_F(ChanceTest, AMillionRequests) {
  const std::pair<const char*, uint32_t> kinds[] = {{kKey, 1'000}, {kKey, 50'000}, {"", 50'000}};
  for (const auto& [key, per_million] : kinds) {
    const Rules rules = Of({{per_million, 0}}, key, "canary");
    uint32_t in = 0;
    for (uint32_t user = 0; user < kRequests; ++user) in += ColourOf(rules, user) == 0;
    ExpectAbout(in, per_million);
  }
}

TEST_F(ChanceTest, SplitsAMillionRequests) {
  const Rules rules = Of({{900'000, 0}, {70'000, 1}, {20'000, 2}}, kKey, "split");
  uint32_t counts[4] = {};
  for (uint32_t user = 0; user < kRequests; ++user) ++counts[std::min(ColourOf(rules, user), 3u)];
  ExpectAbout(counts[0], 900'000);
  ExpectAbout(counts[1], 70'000);
  ExpectAbout(counts[2], 20'000);
  ExpectAbout(counts[3], 10'000);
}

TEST_F(ChanceTest, AMillionthAndAll) {
  EXPECT_EQ(ColourOf(Of({{0, 0}}, kKey, "none"), 1), Decision::kNone);
  EXPECT_EQ(ColourOf(Of({{kMillion, 0}}, kKey, "all"), 1), 0u);
  uint32_t in = 0;
  const Rules one = Of({{1, 0}}, kKey, "one");
  for (uint32_t user = 0; user < kRequests; ++user) in += ColourOf(one, user) == 0;
  EXPECT_LE(in, 4u);  // one is expected
}

TEST_F(ChanceTest, KeysStay) {
  const Rules rules = Of({{50'000, 0}}, kKey, "canary"), again = Of({{50'000, 0}}, kKey, "canary");
  for (uint32_t user = 0; user < 100'000; ++user) ASSERT_EQ(ColourOf(rules, user), ColourOf(again, user));
}

TEST_F(ChanceTest, WhoWasInStaysIn) {
  const Rules rules[] = {Of({{10'000, 0}}, kKey, "canary"), Of({{50'000, 0}}, kKey, "canary"),
                         Of({{500'000, 0}}, kKey, "canary")};
  uint32_t in = 0;
  for (uint32_t user = 0; user < 100'000; ++user) {
    bool before = false;
    for (const Rules& each : rules) {
      const bool now = ColourOf(each, user) == 0;
      ASSERT_TRUE(now || !before) << user;
      before = now;
    }
    in += before;
  }
  EXPECT_GT(in, 49'000u);
}

// Of those in the one half are in the other.
TEST_F(ChanceTest, SeedsHaveNothingToDoWithEachOther) {
  const Rules one = Of({{500'000, 0}}, kKey, "one"), other = Of({{500'000, 0}}, kKey, "other");
  uint32_t in_one = 0, in_both = 0;
  for (uint32_t user = 0; user < 100'000; ++user) {
    if (ColourOf(one, user) != 0) continue;
    ++in_one;
    in_both += ColourOf(other, user) == 0;
  }
  EXPECT_NEAR(in_both, in_one / 2.0, 3 * std::sqrt(in_one / 4.0));
}

TEST_F(ChanceTest, WhoHasNoKeyHasAChanceOfHisOwn) {
  const Rules rules = Of({{500'000, 0}}, "request.headers['x-session']", "canary");
  uint32_t in = 0;
  for (int i = 0; i < 10'000; ++i) in += ColourOf(rules, 1) == 0;
  EXPECT_NEAR(in, 5'000, 150);
}

// They must not change with a version: users would change sides.
TEST(PointTest, AreWhatTheyAre) {
  EXPECT_EQ(PointOf("user-1", SeedOf("canary")), 467626u);
  EXPECT_EQ(PointOf("user-2", SeedOf("canary")), 946736u);
  EXPECT_EQ(PointOf("", SeedOf("canary")), 113662u);
  EXPECT_EQ(PointOf("user-1", SeedOf("")), 879385u);
}

}  // namespace
}  // namespace pillion::grey
