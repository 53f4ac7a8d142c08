#include "source/guard/samples.h"

#include <gtest/gtest.h>

namespace pillion::guard {
namespace {

using std::chrono::seconds;

base::MonotonicTime At(int second) { return base::MonotonicTime(seconds(1000 + second)); }

class SamplesTest : public testing::Test {
 protected:
  // What has come since the last boundary.
  void Add(int second, uint64_t requests, uint64_t errors = 0, uint64_t milliseconds = 0) {
    totals_.requests += requests;
    totals_.errors += errors;
    totals_.overflows += errors / 2;
    totals_.milliseconds[stats::HistogramLayout::Index(milliseconds)] += requests;
    samples_.Add(At(second), totals_);
  }

  Figures totals_{.requests = 1000000, .errors = 7, .overflows = 7};  // of a time that nobody has seen
  Samples samples_;
};

TEST_F(SamplesTest, WhatCameBetweenBoundaries) {
  EXPECT_TRUE(samples_.empty());
  Add(0, 5);
  EXPECT_FALSE(samples_.empty());
  EXPECT_EQ(samples_.last(), At(0));
  EXPECT_EQ(samples_.Between(At(-100), At(100)).requests, 0u);
  Add(1, 10, 4);
  Add(3, 20);
  Add(4, 40, 2);
  EXPECT_EQ(samples_.Between(At(0), At(4)).requests, 70u);
  EXPECT_EQ(samples_.Between(At(0), At(4)).errors, 6u);
  EXPECT_EQ(samples_.Between(At(0), At(4)).overflows, 3u);
  EXPECT_EQ(samples_.Between(At(1), At(3)).requests, 20u);
  // What lies only partly within is left out.
  EXPECT_EQ(samples_.Between(At(2), At(4)).requests, 40u);
  EXPECT_DOUBLE_EQ(samples_.Between(At(0), At(1)).error_ratio(), 0.4);
  EXPECT_EQ(samples_.Between(At(4), At(9)).error_ratio(), 0);
}

TEST_F(SamplesTest, BeforeAChange) {
  Add(0, 0);
  for (int second = 1; second <= 10; ++second) Add(second, 1 << second);
  EXPECT_EQ(samples_.Before(At(5), seconds(2)).requests, (1u << 5) + (1u << 4));
  EXPECT_EQ(samples_.Before(At(2), seconds(30)).requests, (1u << 2) + (1u << 1));
}

TEST_F(SamplesTest, WhatIsErasedIsNothingToCompareWith) {
  Add(0, 0);
  for (int second = 1; second <= 6; ++second) Add(second, 1 << second);
  samples_.Erase(At(3));
  Add(7, 1000);
  Add(8, 2000);
  EXPECT_EQ(samples_.Between(At(0), At(8)).requests, (1u << 1) + (1u << 2) + (1u << 3) + 3000);
  // The time that is left out is none of the two seconds.
  EXPECT_EQ(samples_.Before(At(7), seconds(2)).requests, 1000u + (1u << 3));
}

TEST_F(SamplesTest, NobodyAsksForWhatWasBefore) {
  Add(0, 0);
  for (int second = 1; second <= 6; ++second) Add(second, 1 << second);
  samples_.Forget(At(4));
  EXPECT_EQ(samples_.Between(At(0), At(6)).requests, (1u << 5) + (1u << 6));
}

TEST_F(SamplesTest, P99) {
  Add(0, 0);
  EXPECT_EQ(samples_.Between(At(0), At(9)).p99(), 0);
  Add(1, 98, 0, 10);
  Add(2, 2, 0, 900);
  EXPECT_EQ(samples_.Between(At(0), At(1)).p99(), 10);
  EXPECT_NEAR(samples_.Between(At(0), At(2)).p99(), 900, 900 / 32.0);
}

}  // namespace
}  // namespace pillion::guard
