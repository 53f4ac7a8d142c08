// How long it takes until so much was admitted: beside a queue of requests that are admitted as soon as they may be.

#include "source/limit/wait_bounds.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{std::chrono::hours(1)};
constexpr Key kKey{1, 2};

// When the last of `costs` is admitted, one behind the other.
base::Duration UntilAll(KeyedLimit& limit, const std::vector<uint64_t>& costs) {
  base::MonotonicTime now = kStart;
  for (const uint64_t cost : costs) {
    for (Decision decision = limit.Decide(kKey, cost, now); !decision.allowed(); decision = limit.Decide(kKey, cost, now)) {
      now += std::max(decision.retry_after, base::Duration(1));
    }
  }
  return now - kStart;
}

TEST(WaitBounds, OfABucketWhateverItsPeriod) {
  for (const TokenBucket::Terms terms : {TokenBucket::Terms{.burst = 1, .tokens = 1, .period = 100s},
                                         TokenBucket::Terms{.burst = 5, .tokens = 3, .period = 1h},
                                         TokenBucket::Terms{.burst = 100, .tokens = 7, .period = 1ms}}) {
    KeyedLimit limit({.window = {}, .bucket = terms}, 10);
    limit.Charge(kKey, terms.burst, kStart - terms.period / terms.tokens / 4);
    std::vector<uint64_t> costs;
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= 20; ++i) {
      costs.push_back(i % terms.burst + 1);
      sum += costs.back();
      const WaitBounds bounds = BoundsOf(limit, kKey, sum, kStart);
      KeyedLimit same({.window = {}, .bucket = terms}, 10);
      same.Charge(kKey, terms.burst, kStart - terms.period / terms.tokens / 4);
      const base::Duration took = UntilAll(same, costs);
      EXPECT_LE(bounds.least, took) << i;
      EXPECT_GE(bounds.least + 5ns, took) << i;
      EXPECT_GE(bounds.most, took) << i;
      EXPECT_LE(bounds.most, bounds.least + 1us) << i;
    }
  }
}

TEST(WaitBounds, OfWindowsAndOfBoth) {
  std::minstd_rand random(7);
  for (int round = 0; round < 3000; ++round) {
    const uint64_t most = 1 + random() % 20;
    const bool both = random() % 2 == 0;
    const Terms terms = {
        .window = SlidingWindow::Terms{.limit = most, .length = base::Duration(1s) * (1 + random() % 100)},
        .bucket = both ? std::optional(TokenBucket::Terms{.burst = 1 + random() % 30, .tokens = 1 + random() % 9,
                                                          .period = base::Duration(1s) * (1 + random() % 50)})
                       : std::nullopt};
    const uint64_t dearest = both ? std::min(most, terms.bucket->burst) : most;
    KeyedLimit limit(terms, 10);
    for (base::MonotonicTime time = kStart - 200s; time < kStart; time += 1s * (1 + random() % 20)) {
      limit.Decide(kKey, 1 + random() % dearest, time);
    }
    std::vector<uint64_t> costs;
    uint64_t sum = 0;
    for (size_t i = 1 + random() % 12; i > 0; --i) {
      costs.push_back(1 + random() % dearest);
      sum += costs.back();
    }
    const WaitBounds bounds = BoundsOf(limit, kKey, sum, kStart);
    const base::Duration took = UntilAll(limit, costs);
    EXPECT_LE(bounds.least, took) << round;
    EXPECT_GE(bounds.most, took) << round;
  }
}

TEST(WaitBounds, Ends) {
  KeyedLimit limit({.window = SlidingWindow::Terms{.limit = 1, .length = 1h},
                    .bucket = TokenBucket::Terms{.burst = 1, .tokens = 1, .period = 1h}},
                   10);
  EXPECT_EQ(BoundsOf(limit, kKey, 0, kStart).least, 0s);
  EXPECT_EQ(BoundsOf(limit, kKey, 1, kStart).least, 0s);
  const WaitBounds bounds = BoundsOf(limit, kKey, UINT64_MAX, kStart);
  EXPECT_EQ(bounds.least, std::chrono::hours(24 * 366 * 100));
  EXPECT_EQ(bounds.most, bounds.least);
}

}  // namespace
}  // namespace pillion::limit
