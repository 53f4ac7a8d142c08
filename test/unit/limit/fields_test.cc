#include "source/limit/fields.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};

const Terms kBoth{.window = SlidingWindow::Terms{.limit = 100, .length = 60s},
                  .bucket = TokenBucket::Terms{.burst = 20, .tokens = 16, .period = 1s}};

std::string RetryAfter(base::Duration time) {
  char memory[kMostFieldBytes];
  return std::string(WriteRetryAfter({.refused_by = Stage::kBucket, .retry_after = time}, memory));
}

TEST(LimitFields, OfBothStages) {
  char memory[kMostFieldBytes];
  const Policy policy(kBoth);
  Policy::State state = policy.Fresh(kStart);
  EXPECT_EQ(WriteRateLimitPolicy("api", policy, memory), R"("api.window";q=100;w=60, "api.bucket";q=20;w=2)");
  EXPECT_EQ(WriteRateLimit("api", policy.Decide(state, 0, kStart), memory),
            R"("api.window";r=100;t=0, "api.bucket";r=20;t=0)");
  policy.Decide(state, 20, kStart);
  const Decision refused = policy.Decide(state, 1, kStart);
  EXPECT_EQ(WriteRateLimit("api", refused, memory), R"("api.window";r=80;t=1, "api.bucket";r=0;t=1)");
  EXPECT_EQ(WriteRetryAfter(refused, memory), "1");
  const Decision never = policy.Decide(state, 21, kStart);
  EXPECT_EQ(WriteRateLimit("api", never, memory), R"("api.window";r=80;t=62, "api.bucket";r=0;t=2)");
  EXPECT_EQ(WriteRetryAfter(never, memory), "");
}

TEST(LimitFields, OfOneStage) {
  char memory[kMostFieldBytes];
  const Policy window({.window = kBoth.window, .bucket = {}}), bucket({.window = {}, .bucket = kBoth.bucket});
  Policy::State of_window = window.Fresh(kStart), of_bucket = bucket.Fresh(kStart);
  EXPECT_EQ(WriteRateLimitPolicy("api", window, memory), R"("api";q=100;w=60)");
  EXPECT_EQ(WriteRateLimitPolicy("api", bucket, memory), R"("api";q=20;w=2)");
  EXPECT_EQ(WriteRateLimit("api", window.Decide(of_window, 1, kStart), memory), R"("api";r=99;t=62)");
  EXPECT_EQ(WriteRateLimit("api", bucket.Decide(of_bucket, 1, kStart), memory), R"("api";r=19;t=1)");
}

TEST(LimitFields, SayWhatIsCounted) {
  char memory[kMostFieldBytes];
  EXPECT_EQ(WriteRateLimitPolicy("api", Policy(kBoth), memory, Unit::kContentBytes),
            R"("api.window";q=100;qu="content-bytes";w=60, "api.bucket";q=20;qu="content-bytes";w=2)");
}

TEST(LimitFields, SecondsAreRoundedUp) {
  EXPECT_EQ(RetryAfter(1ns), "1");
  EXPECT_EQ(RetryAfter(1s), "1");
  EXPECT_EQ(RetryAfter(1s + 1ns), "2");
  EXPECT_EQ(RetryAfter(Decision::kNever), "");
  EXPECT_EQ(RetryAfter(Decision::kNever - 1ns), "9223372037");
}

// A client that does as it is told is admitted.
TEST(LimitFields, WhoComesBackAfterwardsIsAdmitted) {
  char memory[kMostFieldBytes];
  const Policy policy(kBoth);
  Policy::State state = policy.Fresh(kStart);
  base::MonotonicTime now = kStart;
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    now += 3ms;
    const Decision decision = policy.Decide(state, 7, now);
    if (decision.allowed()) continue;
    ++refused;
    now += std::chrono::seconds(std::stoi(std::string(WriteRetryAfter(decision, memory))));
    ASSERT_TRUE(policy.Decide(state, 7, now).allowed());
  }
  EXPECT_GT(refused, 100);
}

TEST(LimitFields, NamesAreStringsWhateverTheyHold) {
  char memory[kMostFieldBytes];
  const Policy policy({.window = kBoth.window, .bucket = {}});
  EXPECT_EQ(WriteRateLimitPolicy("a\"b\\c\r\nd\xc3\xa9 ", policy, memory), R"("a\"b\\c__d__ ";q=100;w=60)");
}

TEST(LimitFields, WhatDoesNotFitIsLeftOut) {
  const Terms most{.window = SlidingWindow::Terms{SlidingWindow::kMostLimit, 366 * 24h},
                   .bucket = TokenBucket::Terms{TokenBucket::kMostBurst, 1'000'000'000, 1s}};
  const Policy policy(most);
  char memory[kMostFieldBytes];
  const std::string name(64, '"');
  const std::string whole(WriteRateLimitPolicy(name, policy, memory, Unit::kContentBytes));
  EXPECT_TRUE(whole.ends_with(R"(.bucket";q=999999999999999;qu="content-bytes";w=1000000)")) << whole;
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(WriteRateLimitPolicy(name, policy, {memory, size}, Unit::kContentBytes), "") << size;
  }
  EXPECT_EQ(WriteRateLimitPolicy(name, policy, {memory, whole.size()}, Unit::kContentBytes), whole);
}

}  // namespace
}  // namespace pillion::limit
