#include "source/limit/policy.h"

#include <gtest/gtest.h>

#include "test/unit/limit/schedule.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};

const Terms kBoth{.window = SlidingWindow::Terms{.limit = 100, .length = 60s},
                  .bucket = TokenBucket::Terms{.burst = 10, .tokens = 5, .period = 1s}};

void ExpectEqual(const Decision& a, const Decision& b) {
  EXPECT_EQ(a.refused_by, b.refused_by);
  EXPECT_EQ(a.retry_after, b.retry_after);
  for (const auto stage : {&Decision::window, &Decision::bucket}) {
    EXPECT_EQ((a.*stage).limit, (b.*stage).limit);
    EXPECT_EQ((a.*stage).remaining, (b.*stage).remaining);
    EXPECT_EQ((a.*stage).reset, (b.*stage).reset);
  }
}

TEST(LimitPolicy, SaysWhatItExpects) {
  EXPECT_EQ(Policy::WhatIsWrong(kBoth), nullptr);
  EXPECT_STREQ(Policy::WhatIsWrong({}), "a window, a bucket, or both");
  EXPECT_NE(Policy::WhatIsWrong({.window = SlidingWindow::Terms{0, 1s}, .bucket = kBoth.bucket}), nullptr);
  EXPECT_NE(Policy::WhatIsWrong({.window = kBoth.window, .bucket = TokenBucket::Terms{0, 1, 1s}}), nullptr);
}

TEST(LimitPolicy, SaysWhichStageRefusedAndUntilWhen) {
  const Policy policy(kBoth);
  Policy::State state = policy.Fresh(kStart);
  Decision decision = policy.Decide(state, 10, kStart);
  EXPECT_TRUE(decision.allowed());
  EXPECT_EQ(decision.retry_after, 0s);
  EXPECT_EQ(decision.window.limit, 100u);
  EXPECT_EQ(decision.window.remaining, 90u);
  EXPECT_EQ(decision.window.reset, 61'250ms);  // 1000 s is in a slice of 3.75 s that ends at 1001.25 s; 16 follow
  EXPECT_EQ(decision.bucket.limit, 10u);
  EXPECT_EQ(decision.bucket.remaining, 0u);
  EXPECT_EQ(decision.bucket.reset, 2s);

  decision = policy.Decide(state, 1, kStart);
  EXPECT_EQ(decision.refused_by, Stage::kBucket);
  EXPECT_EQ(decision.retry_after, 200ms);
  EXPECT_EQ(decision.window.remaining, 90u);

  for (int i = 1; i <= 9; ++i) EXPECT_TRUE(policy.Decide(state, 10, kStart + i * 2s).allowed());
  decision = policy.Decide(state, 1, kStart + 30s);
  EXPECT_EQ(decision.refused_by, Stage::kWindow);
  EXPECT_EQ(decision.window.remaining, 0u);
  EXPECT_EQ(decision.bucket.remaining, 10u);
}

TEST(LimitPolicy, NothingAndTooMuchAreNotCharged) {
  const Policy policy(kBoth);
  Policy::State state = policy.Fresh(kStart);
  EXPECT_TRUE(policy.Decide(state, 10, kStart).allowed());
  EXPECT_TRUE(policy.Decide(state, 0, kStart).allowed());
  EXPECT_EQ(policy.Decide(state, 0, kStart).window.remaining, 90u);
  const Decision above_burst = policy.Decide(state, 11, kStart + 30s);
  EXPECT_EQ(above_burst.refused_by, Stage::kBucket);
  EXPECT_EQ(above_burst.retry_after, Decision::kNever);
  const Decision huge = policy.Decide(state, UINT64_MAX, kStart + 30s);
  EXPECT_EQ(huge.refused_by, Stage::kWindow);
  EXPECT_EQ(huge.retry_after, Decision::kNever);
  EXPECT_EQ(huge.window.remaining, 90u);
  EXPECT_EQ(huge.bucket.remaining, 10u);
}

TEST(LimitPolicy, WhatIsKnownAfterwardsIsOwed) {
  const Policy policy(kBoth);
  Policy::State state = policy.Fresh(kStart);
  policy.Charge(state, 15, kStart);
  Decision decision = policy.Decide(state, 1, kStart);
  EXPECT_EQ(decision.refused_by, Stage::kBucket);
  EXPECT_EQ(decision.retry_after, 1200ms);  // 5 that are owed, and 1
  EXPECT_EQ(decision.window.remaining, 85u);
  EXPECT_EQ(decision.bucket.remaining, 0u);
  EXPECT_EQ(decision.bucket.reset, 3s);
  EXPECT_TRUE(policy.Decide(state, 1, kStart + 1200ms).allowed());
  policy.Charge(state, UINT64_MAX, kStart + 2s);
  decision = policy.Decide(state, 1, kStart + 2s);
  EXPECT_EQ(decision.refused_by, Stage::kWindow);
  EXPECT_TRUE(policy.Decide(state, 10, kStart + 2s + decision.window.reset).allowed());
}

TEST(LimitPolicy, OneStageMayBeMissing) {
  const Policy window({.window = kBoth.window, .bucket = {}}), bucket({.window = {}, .bucket = kBoth.bucket});
  Policy::State of_window = window.Fresh(kStart), of_bucket = bucket.Fresh(kStart);
  const Decision by_window = window.Decide(of_window, 100, kStart), by_bucket = bucket.Decide(of_bucket, 10, kStart);
  EXPECT_TRUE(by_window.allowed() && by_bucket.allowed());
  EXPECT_EQ(by_window.bucket.limit, 0u);
  EXPECT_EQ(by_bucket.window.limit, 0u);
  EXPECT_EQ(window.Decide(of_window, 1, kStart).refused_by, Stage::kWindow);
  EXPECT_EQ(bucket.Decide(of_bucket, 1, kStart).refused_by, Stage::kBucket);
  EXPECT_TRUE(window.IsFresh(of_window, kStart + 64s));
  EXPECT_TRUE(bucket.IsFresh(of_bucket, kStart + 2s));
}

std::vector<Terms> ManyTerms() {
  std::vector<Terms> terms{kBoth};
  for (const uint64_t limit : {1, 13, 500}) {
    for (const uint64_t burst : {1, 4, 600}) {
      terms.push_back({.window = SlidingWindow::Terms{limit, 7s}, .bucket = TokenBucket::Terms{burst, 17, 3s}});
    }
  }
  return terms;
}

// What a stage refuses leaves no trace in any: as if it had not been asked.
TEST(LimitPolicy, WhatIsRefusedIsChargedToNoStage) {
  uint64_t refused[3] = {};
  for (const Terms& terms : ManyTerms()) {
    const Policy policy(terms);
    base::Random random(3);
    base::MonotonicTime now = kStart;
    Policy::State all = policy.Fresh(now), admitted_only = all;
    for (int i = 0; i < 3000; ++i) {
      now += RandomStep(random, terms.window->length) / 4;
      const uint64_t cost = RandomCost(random, terms.bucket->burst + 1);
      const Decision decision = policy.Decide(all, cost, now);
      ++refused[static_cast<size_t>(decision.refused_by)];
      if (decision.allowed()) {
        ExpectEqual(decision, policy.Decide(admitted_only, cost, now));
      } else {
        // After the wait the same is admitted, and not before.
        Policy::State before = all, then = all;
        if (decision.retry_after == Decision::kNever) continue;
        EXPECT_FALSE(policy.Decide(before, cost, now + decision.retry_after - 1ns).allowed());
        EXPECT_TRUE(policy.Decide(then, cost, now + decision.retry_after).allowed());
      }
      ASSERT_FALSE(testing::Test::HasFailure()) << "step " << i;
    }
  }
  EXPECT_GT(refused[static_cast<size_t>(Stage::kWindow)], 1000u);
  EXPECT_GT(refused[static_cast<size_t>(Stage::kBucket)], 1000u);
}

// Both bounds hold for what was not given back, whenever the rest was.
TEST(LimitPolicy, WhatIsGivenBackIsNeverAdmittedTwice) {
  for (const Terms& terms : ManyTerms()) {
    const Policy policy(terms);
    base::Random random(5);
    base::MonotonicTime now = kStart;
    Policy::State state = policy.Fresh(now);
    BucketModel bucket(*terms.bucket);
    std::vector<Admitted> admitted;
    std::optional<Admitted> open;
    for (int i = 0; i < 3000; ++i) {
      now += RandomStep(random, terms.window->length) / 16;
      const uint64_t cost = RandomCost(random, terms.bucket->burst);
      if (open && random.Below(3) == 0) {
        policy.GiveBack(state, open->cost, open->at, now);
        open.reset();
      } else if (policy.Decide(state, cost, now).allowed()) {
        if (!open) {
          open = {now, cost};
        } else {
          admitted.push_back({now, cost});
          ASSERT_TRUE(bucket.Take(cost, now)) << "step " << i;
        }
      }
    }
    EXPECT_LE(MostInAnyWindow(admitted, terms.window->length), Wide{terms.window->limit});
  }
}

}  // namespace
}  // namespace pillion::limit
