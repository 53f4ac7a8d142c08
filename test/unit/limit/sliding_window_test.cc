#include "source/limit/sliding_window.h"

#include <gtest/gtest.h>

#include "test/unit/limit/schedule.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};
constexpr base::Duration kEnd = base::Duration::max() / 2;

// Admits, charges, and says so, as long as there is room.
bool Ask(const SlidingWindow& window, SlidingWindow::State& state, uint64_t cost, base::MonotonicTime now) {
  window.BringTo(state, now);
  if (cost > window.Remaining(state)) return false;
  window.Charge(state, cost);
  return true;
}

TEST(SlidingWindow, ABurstIsForgottenAsAWhole) {
  const SlidingWindow window({.limit = 10, .length = 16s});
  SlidingWindow::State state = window.Fresh(kStart);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Ask(window, state, 1, kStart));
  EXPECT_FALSE(Ask(window, state, 1, kStart));
  EXPECT_EQ(window.Wait(state, 1, kStart + 1ms), 17s - 1ms);
}

TEST(SlidingWindow, TheBoundaryOfAnAlignedWindowIsNoLoophole) {
  const SlidingWindow window({.limit = 100, .length = 60s});
  SlidingWindow::State state = window.Fresh(kStart);
  const base::MonotonicTime boundary{1020s};
  EXPECT_TRUE(Ask(window, state, 100, boundary - 1ms));
  EXPECT_FALSE(Ask(window, state, 1, boundary));
  EXPECT_FALSE(Ask(window, state, 1, boundary + 59s));
  EXPECT_TRUE(Ask(window, state, 100, boundary + 64s));
}

TEST(SlidingWindow, SaysWhatItExpects) {
  EXPECT_EQ(SlidingWindow::WhatIsWrong({.limit = 1, .length = 1s}), nullptr);
  EXPECT_EQ(SlidingWindow::WhatIsWrong({.limit = SlidingWindow::kMostLimit, .length = 366 * 24h}), nullptr);
  EXPECT_STREQ(SlidingWindow::WhatIsWrong({.limit = 0, .length = 1s}), "a limit of 1 to 281474976710655");
  EXPECT_NE(SlidingWindow::WhatIsWrong({.limit = SlidingWindow::kMostLimit + 1, .length = 1s}), nullptr);
  EXPECT_STREQ(SlidingWindow::WhatIsWrong({.limit = 1, .length = 0s}), "a length of 16 ns to 366 days");
  EXPECT_NE(SlidingWindow::WhatIsWrong({.limit = 1, .length = 367 * 24h}), nullptr);
}

struct Case {
  uint64_t limit;
  base::Duration length;
};

class SlidingWindowProperty : public testing::TestWithParam<Case> {};

// The header's two bounds, and that Wait() and IsFresh() are true to the nanosecond.
TEST_P(SlidingWindowProperty, NeverMoreAndSeldomLess) {
  const auto [limit, length] = GetParam();
  const SlidingWindow window({.limit = limit, .length = length});
  const base::Duration slice((length.count() + 15) / 16);
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    base::Random random(seed);
    base::MonotonicTime now = kStart + base::Duration(random.Below(static_cast<uint64_t>(length.count())));
    SlidingWindow::State state = window.Fresh(now);
    std::vector<Admitted> admitted;
    uint64_t refused = 0;
    for (int i = 0; i < 2000 && now.time_since_epoch() < kEnd; ++i) {
      now += RandomStep(random, length) / (seed % 4 == 0 ? 64 : 1);  // also so that there is always too much
      const uint64_t cost = RandomCost(random, limit);
      const bool forgettable = window.IsFresh(state, now);
      if (Ask(window, state, cost, now)) {
        admitted.push_back({now, cost});
        continue;
      }
      EXPECT_FALSE(forgettable);
      ++refused;
      Wide lately = cost;
      for (size_t j = admitted.size(); j > 0 && now - admitted[j - 1].at < 17 * slice; --j) lately += admitted[j - 1].cost;
      ASSERT_GT(lately * 10'000, Wide{limit} * (limit > 32'759 ? 9'995 : 10'000)) << "seed " << seed << ", step " << i;
      const base::Duration wait = window.Wait(state, cost, now);
      SlidingWindow::State before = state, then = state, fresh = state;
      window.BringTo(before, now + wait - 1ns);
      window.BringTo(then, now + wait);
      ASSERT_LT(window.Remaining(before), cost);
      ASSERT_GE(window.Remaining(then), cost);
      const base::Duration reset = window.UntilFresh(state, now);
      window.BringTo(fresh, now + reset);
      ASSERT_TRUE(window.IsFresh(fresh, now + reset));
      ASSERT_FALSE(window.IsFresh(state, now + reset - 1ns));
    }
    ASSERT_LE(MostInAnyWindow(admitted, length), Wide{limit}) << "seed " << seed;
    EXPECT_GT(refused, 0u);
  }
}

// Who always wants more gets 16/17 of the limit or more, over time.
TEST_P(SlidingWindowProperty, AdmitsAlmostTheLimitOfWhoAlwaysWantsMore) {
  const auto [limit, length] = GetParam();
  if (length < 1us) return;
  const SlidingWindow window({.limit = limit, .length = length});
  SlidingWindow::State state = window.Fresh(kStart);
  Wide sum = 0;
  const base::Duration step = length / 160;
  for (int i = 0; i < 160 * 40; ++i) {
    window.BringTo(state, kStart + i * step);
    const uint64_t cost = std::min(window.Remaining(state), limit / 160 + 1);
    window.Charge(state, cost);
    sum += cost;
  }
  EXPECT_GE(sum * 17, Wide{limit} * 16 * 39);
  EXPECT_LE(sum, Wide{limit} * 40);
}

// What is given back at once was never there.
TEST_P(SlidingWindowProperty, WhatIsGivenBackWasNotCharged) {
  const auto [limit, length] = GetParam();
  const SlidingWindow window({.limit = limit, .length = length});
  base::Random random(7);
  base::MonotonicTime now = kStart;
  SlidingWindow::State with = window.Fresh(now), without = with;
  for (int i = 0; i < 2000 && now.time_since_epoch() < kEnd; ++i) {
    now += RandomStep(random, length) / 8;
    const uint64_t cost = RandomCost(random, limit);
    const bool kept = random.Below(2) == 0;
    const bool admitted = Ask(window, with, cost, now);
    window.BringTo(without, now);
    ASSERT_EQ(admitted, cost <= window.Remaining(without));
    if (!admitted) continue;
    if (kept) {
      window.Charge(without, cost);
    } else {
      window.GiveBack(with, cost, now);
    }
    ASSERT_EQ(window.Remaining(with), window.Remaining(without));
  }
}

// Who owes something gets nothing before the windows that have it are over.
TEST_P(SlidingWindowProperty, ADebtCountsLikeTheRest) {
  const auto [limit, length] = GetParam();
  const SlidingWindow window({.limit = limit, .length = length});
  base::Random random(13);
  base::MonotonicTime now = kStart;
  SlidingWindow::State state = window.Fresh(now);
  std::vector<Admitted> charged;
  uint64_t refused = 0, owed = 0;
  for (int i = 0; i < 3000 && now.time_since_epoch() < kEnd; ++i) {
    now += RandomStep(random, length) / 8;
    window.BringTo(state, now);
    const auto since = [&](base::Duration time) {
      Wide sum = 0;
      for (size_t j = charged.size(); j-- > 0 && now - charged[j].at < time;) sum += charged[j].cost;
      return sum;
    };
    const uint64_t cost = RandomCost(random, limit);
    if (random.Below(4) == 0 && since(2 * length) + cost <= Wide{limit} * 2 * 9 / 10) {
      const uint64_t before = window.Remaining(state);
      window.ChargeAnyway(state, cost);
      ASSERT_EQ(window.Remaining(state), before - std::min(before, cost));
      owed += cost > before;
    } else if (Ask(window, state, cost, now)) {
      ASSERT_LE(since(length) + cost, Wide{limit}) << "step " << i;
    } else {
      ++refused;
      continue;
    }
    charged.push_back({now, cost});
  }
  EXPECT_GT(refused, 0u);
  EXPECT_TRUE(owed > 0 || limit == 1);
}

// However much is charged: it is over one window after the last.
TEST_P(SlidingWindowProperty, ADebtIsBounded) {
  const auto [limit, length] = GetParam();
  const SlidingWindow window({.limit = limit, .length = length});
  const base::Duration slice((length.count() + 15) / 16);
  base::MonotonicTime now = kStart;
  SlidingWindow::State state = window.Fresh(now);
  for (int i = 0; i < 40; ++i, now += slice) {
    window.BringTo(state, now);
    for (const uint64_t cost : {limit / 7 + 1, limit, i % 3 == 0 ? UINT64_MAX : 1}) window.ChargeAnyway(state, cost);
    ASSERT_EQ(window.Remaining(state), 0u);
    ASSERT_LE(window.UntilFresh(state, now), 17 * slice);
    SlidingWindow::State then = state;
    window.BringTo(then, now + window.UntilFresh(state, now));
    ASSERT_EQ(window.Remaining(then), limit);
  }
}

INSTANTIATE_TEST_SUITE_P(Terms, SlidingWindowProperty,
                         testing::Values(Case{1, 1s}, Case{2, 17ns}, Case{7, 999'999'937ns}, Case{100, 60s}, Case{1000, 1ms},
                                         Case{32'759, 10s}, Case{32'760, 10s}, Case{100'000'000, 1h},
                                         Case{SlidingWindow::kMostLimit, 366 * 24h}));

// What was charged in a slice before is given back there.
TEST(SlidingWindow, WhatIsGivenBackLaterIsTakenFromWhereItWas) {
  const SlidingWindow window({.limit = 10, .length = 16s});
  SlidingWindow::State state = window.Fresh(kStart);
  EXPECT_TRUE(Ask(window, state, 4, kStart));
  EXPECT_TRUE(Ask(window, state, 6, kStart + 3s));
  window.GiveBack(state, 4, kStart);
  EXPECT_EQ(window.Remaining(state), 4u);
  window.GiveBack(state, 4, kStart);  // there is no more of that
  window.GiveBack(state, 4, kStart - 20s);
  EXPECT_EQ(window.Remaining(state), 4u);
  window.BringTo(state, kStart + 17s);
  EXPECT_EQ(window.Remaining(state), 4u);
  window.BringTo(state, kStart + 20s);
  EXPECT_EQ(window.Remaining(state), 10u);
}

}  // namespace
}  // namespace pillion::limit
