#include "source/degradation/breakers.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace pillion::degradation {
namespace {

using namespace std::chrono_literals;

class BreakersTest : public testing::Test {
 protected:
  bool Call(std::string_view key, Verdict verdict) {
    const Breakers::Answer answer = breakers_.Ask(key, now_);
    if (answer.passes) breakers_.End(answer.pass, verdict, now_);
    return answer.passes;
  }

  base::MonotonicTime now_{1000s};
  Breakers breakers_{{.threshold = 0.5, .minimum = 2, .open_for = 10s}, 3};
};

TEST_F(BreakersTest, EachKeyHasItsOwn) {
  EXPECT_TRUE(Call("a", Verdict::kBad));
  EXPECT_TRUE(Call("b", Verdict::kBad));
  EXPECT_TRUE(Call("a", Verdict::kBad));
  EXPECT_FALSE(Call("a", Verdict::kGood));
  EXPECT_TRUE(Call("b", Verdict::kGood));
  std::map<std::string, State> states;
  breakers_.ForEach(now_, [&](std::string_view key, const Breaker::View& view) { states[std::string(key)] = view.state; });
  EXPECT_EQ(states, (std::map<std::string, State>{{"a", State::kOpen}, {"b", State::kOpen}}));
  const Breakers::Counts counts = breakers_.Read();
  EXPECT_EQ(counts.breakers, 2u);
  EXPECT_EQ(counts.by_state[static_cast<size_t>(State::kOpen)], 2u);
}

TEST_F(BreakersTest, WithoutRoomNobodyIsRefused) {
  for (const char* const key : {"a", "b", "c"}) Call(key, Verdict::kGood);
  const Breakers::Answer answer = breakers_.Ask("d", now_);
  EXPECT_TRUE(answer.passes);
  EXPECT_FALSE(answer.pass.is_guarded());
  EXPECT_FALSE(breakers_.End(answer.pass, Verdict::kBad, now_).counts);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Call("d", Verdict::kBad));
  EXPECT_EQ(breakers_.Read().no_room, 11u);
  EXPECT_EQ(breakers_.Read().breakers, 3u);
}

// Also where those that know nothing are in other parts of the table than the newcomers.
TEST(BreakersOfFewKeys, NewcomersFindTheirRoom) {
  base::MonotonicTime now{1000s};
  for (const size_t most : {1, 2, 10}) {
    const auto made = std::make_unique<Breakers>(Terms{.threshold = 0.5, .minimum = 2, .open_for = 10s}, most);
    Breakers& breakers = *made;
    for (size_t i = 0; i < most; ++i) EXPECT_TRUE(breakers.Ask("old" + std::to_string(i), now).pass.is_guarded());
    for (size_t i = 0; i < most; ++i) {
      const std::string key = "new" + std::to_string(i);
      int asked = 1;
      for (; asked < 100; ++asked) {
        const Breakers::Pass pass = breakers.Ask(key, now).pass;
        if (!pass.is_guarded()) continue;
        breakers.End(pass, Verdict::kGood, now);
        break;
      }
      EXPECT_LE(asked, 17) << key << " of " << most;
    }
    EXPECT_EQ(breakers.Read().breakers, most);
    EXPECT_EQ(breakers.Read().forgotten, most);
    EXPECT_EQ(breakers.Read().by_state[static_cast<size_t>(State::kClosed)], most);
  }
}

// A key may find no room though another part of the table has a breaker that knows nothing: few do.
TEST(BreakersOfManyKeys, WhatKnowsNothingIsForgotten) {
  base::MonotonicTime now{1000s};
  const auto made = std::make_unique<Breakers>(Terms{.threshold = 0.5, .minimum = 2, .open_for = 10s}, 400);
  Breakers& breakers = *made;
  const auto pass = [&](const std::string& key) { return breakers.Ask(key, now).pass; };
  const Breakers::Pass early = pass("early");
  for (int i = 0; i < 399; ++i) breakers.End(pass("k" + std::to_string(i)), Verdict::kGood, now);
  now += 1s;
  for (int i = 0; i < 4000; ++i) {
    const Breakers::Pass newer = pass("n" + std::to_string(i));
    if (newer.is_guarded()) breakers.End(newer, Verdict::kGood, now);
    now += 100ms;
  }
  const Breakers::Counts counts = breakers.Read();
  EXPECT_EQ(counts.breakers, 400u);
  EXPECT_GT(counts.forgotten, 3900u);
  EXPECT_LT(counts.no_room, 40u);
  // The pass of one that was forgotten says nothing of the one that is there now.
  ASSERT_TRUE(pass("early").is_guarded());
  EXPECT_FALSE(breakers.End(early, Verdict::kBad, now).counts);
}

TEST_F(BreakersTest, SaysWhatItWasOpenedBy) {
  Call("a", Verdict::kGood);
  Call("a", Verdict::kGood);
  Call("a", Verdict::kBad);
  Call("a", Verdict::kBad);
  now_ += 4s;
  const Breakers::Answer answer = breakers_.Ask("a", now_);
  EXPECT_FALSE(answer.passes);
  EXPECT_EQ(answer.opened_by, (Calls{4, 2}));
  EXPECT_EQ(answer.retry_after, 6s);
}

}  // namespace
}  // namespace pillion::degradation
