#include "source/limit/token_bucket.h"

#include <gtest/gtest.h>

#include "test/unit/limit/schedule.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};

TEST(TokenBucket, ABurstThenTheRate) {
  const TokenBucket bucket({.burst = 3, .tokens = 10, .period = 1s});
  TokenBucket::State state = TokenBucket::Fresh();
  EXPECT_EQ(bucket.time_to_fill(), 300ms);
  bucket.Charge(state, 3, kStart);
  EXPECT_EQ(bucket.Remaining(state, kStart), 0u);
  EXPECT_EQ(bucket.Wait(state, 1, kStart), 100ms);
  EXPECT_EQ(bucket.UntilFresh(state, kStart), 300ms);
  EXPECT_EQ(bucket.Remaining(state, kStart + 100ms - 1ns), 0u);
  EXPECT_EQ(bucket.Remaining(state, kStart + 100ms), 1u);
  EXPECT_EQ(bucket.Remaining(state, kStart + 1h), 3u);
}

TEST(TokenBucket, SaysWhatItExpects) {
  const auto wrong = [](uint64_t burst, uint64_t tokens, base::Duration period) {
    return TokenBucket::WhatIsWrong({.burst = burst, .tokens = tokens, .period = period});
  };
  EXPECT_EQ(wrong(1, 1, 1ns), nullptr);
  EXPECT_EQ(wrong(TokenBucket::kMostBurst, 100'000'000'000, 1s), nullptr);
  EXPECT_STREQ(wrong(0, 1, 1s), "a burst of 1 to 999999999999999");
  EXPECT_NE(wrong(TokenBucket::kMostBurst + 1, 1, 1ns), nullptr);
  EXPECT_STREQ(wrong(1, 1, 0s), "a period of more than 0 s");
  EXPECT_NE(wrong(1, 1, -1s), nullptr);
  EXPECT_STREQ(wrong(1, 0, 1s), "1 to 4294967295 tokens in a period, when the fraction of both is reduced");
  EXPECT_NE(wrong(1, (uint64_t{1} << 40) + 1, 1s), nullptr);
  EXPECT_STREQ(wrong(4'294'967'295, 1, 24h), "a bucket that fills within 100 years");
  EXPECT_NE(wrong(TokenBucket::kMostBurst, 1, base::Duration::max()), nullptr);
}

class TokenBucketProperty : public testing::TestWithParam<TokenBucket::Terms> {};

// To the nanosecond the same as a bucket by the book, for as long as it runs.
TEST_P(TokenBucketProperty, IsExact) {
  const TokenBucket::Terms terms = GetParam();
  ASSERT_EQ(TokenBucket::WhatIsWrong(terms), nullptr);
  const TokenBucket bucket(terms);
  uint64_t refused = 0, steps = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    base::Random random(seed);
    base::MonotonicTime now = kStart;
    TokenBucket::State state = TokenBucket::Fresh();
    BucketModel model(terms);
    const base::Duration fill = std::max(bucket.time_to_fill(), base::Duration(1));
    for (int i = 0; i < 5000; ++i, ++steps) {
      const base::Duration step = RandomStep(random, fill) / (seed % 4 == 0 ? 1000 : 1);
      if (now.time_since_epoch() > base::Duration::max() - 4 * fill) break;
      now += step;
      const uint64_t cost = RandomCost(random, terms.burst);
      ASSERT_EQ(bucket.Remaining(state, now), model.Remaining(now)) << "seed " << seed << ", step " << i;
      ASSERT_EQ(TokenBucket::IsFresh(state, now), bucket.UntilFresh(state, now) == 0s);
      ASSERT_EQ(bucket.Remaining(state, now + bucket.UntilFresh(state, now)), terms.burst);
      const base::Duration wait = bucket.Wait(state, cost, now);
      ASSERT_GE(bucket.Remaining(state, now + wait), cost);
      ASSERT_EQ(model.Take(cost, now), wait == 0s);
      if (wait == 0s) {
        bucket.Charge(state, cost, now);
      } else {
        ++refused;
        ASSERT_LT(bucket.Remaining(state, now + wait - 1ns), cost);
      }
    }
  }
  EXPECT_GT(refused, steps / 100);
}

// Charged without asking: as by the book as well, down to another burst that is owed.
TEST_P(TokenBucketProperty, ADebtIsExact) {
  const TokenBucket::Terms terms = GetParam();
  const TokenBucket bucket(terms);
  base::Random random(19);
  base::MonotonicTime now = kStart;
  TokenBucket::State state = TokenBucket::Fresh();
  BucketModel model(terms);
  for (int i = 0; i < 3000 && now.time_since_epoch() < base::Duration::max() / 4; ++i) {
    now += RandomStep(random, std::max(bucket.time_to_fill(), base::Duration(1))) / 2;
    ASSERT_EQ(bucket.Remaining(state, now), model.Remaining(now)) << "step " << i;
    const uint64_t cost = RandomCost(random, terms.burst);
    const base::Duration wait = bucket.Wait(state, cost, now);
    ASSERT_GE(bucket.Remaining(state, now + wait), cost);
    if (wait != 0s) {
      ASSERT_LT(bucket.Remaining(state, now + wait - 1ns), cost);
    }
    ASSERT_LE(bucket.UntilFresh(state, now), 2 * bucket.time_to_fill());
    const uint64_t known_later = random.Below(16) == 0 ? UINT64_MAX >> random.Below(60) : cost;
    bucket.ChargeAnyway(state, known_later, now);
    model.ChargeAnyway(known_later, now);
  }
}

TEST_P(TokenBucketProperty, WhatIsGivenBackAtOnceWasNotCharged) {
  const TokenBucket::Terms terms = GetParam();
  const TokenBucket bucket(terms);
  base::Random random(11);
  base::MonotonicTime now = kStart;
  TokenBucket::State with = TokenBucket::Fresh();
  BucketModel without(terms);
  for (int i = 0; i < 2000 && now.time_since_epoch() < base::Duration::max() / 2; ++i) {
    now += RandomStep(random, std::max(bucket.time_to_fill(), base::Duration(1))) / 8;
    const uint64_t cost = RandomCost(random, terms.burst);
    if (cost > bucket.Remaining(with, now)) continue;
    bucket.Charge(with, cost, now);
    if (random.Below(2) == 0) {
      bucket.GiveBack(with, cost, now, now);
    } else {
      EXPECT_TRUE(without.Take(cost, now));
    }
    ASSERT_EQ(bucket.Remaining(with, now), without.Remaining(now));
  }
}

// However late it is given back: there is never more than if it had not been charged.
TEST_P(TokenBucketProperty, WhatIsGivenBackLaterIsNeverTooMuch) {
  const TokenBucket::Terms terms = GetParam();
  const TokenBucket bucket(terms);
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    base::Random random(seed);
    base::MonotonicTime now = kStart;
    TokenBucket::State with = TokenBucket::Fresh();
    BucketModel without(terms);
    std::optional<Admitted> open;
    for (int i = 0; i < 200 && now.time_since_epoch() < base::Duration::max() / 2; ++i) {
      now += RandomStep(random, std::max(bucket.time_to_fill(), base::Duration(1))) / 16;
      const uint64_t cost = RandomCost(random, terms.burst);
      if (open && random.Below(3) == 0) {
        bucket.GiveBack(with, open->cost, open->at, now);
        open.reset();
      } else if (cost <= bucket.Remaining(with, now)) {
        bucket.Charge(with, cost, now);
        if (!open) {
          open = {now, cost};
        } else {
          ASSERT_TRUE(without.Take(cost, now)) << "seed " << seed << ", step " << i;
        }
      }
      ASSERT_LE(bucket.Remaining(with, now), without.Remaining(now)) << "seed " << seed << ", step " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Terms, TokenBucketProperty,
                         testing::Values(TokenBucket::Terms{1, 1, 1s}, TokenBucket::Terms{10, 3, 7s},
                                         TokenBucket::Terms{20, 1000, 1s}, TokenBucket::Terms{1000, 4'294'967'291, 997ns},
                                         TokenBucket::Terms{5, 1, 1ns}, TokenBucket::Terms{100, 999'999'937, 1s},
                                         TokenBucket::Terms{1'000'000, 4'294'967'291, 24h},
                                         TokenBucket::Terms{3'000'000'000, 4'294'967'291, 1s},
                                         TokenBucket::Terms{TokenBucket::kMostBurst, 4'294'967'291, 3600s},
                                         TokenBucket::Terms{50, 1, 24h * 366}));

}  // namespace
}  // namespace pillion::limit
