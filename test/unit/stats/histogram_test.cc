#include "source/stats/histogram.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pillion::stats {
namespace {

TEST(HistogramLayout, BucketsAreContiguousAndHoldTheirValues) {
  for (size_t i = 0; i + 1 < HistogramLayout::kBuckets; ++i) {
    EXPECT_EQ(HistogramLayout::Index(HistogramLayout::Lowest(i)), i);
    EXPECT_EQ(HistogramLayout::Index(HistogramLayout::Lowest(i + 1) - 1), i);
  }
  EXPECT_EQ(HistogramLayout::Index(HistogramLayout::kLargest), HistogramLayout::kBuckets - 1);
  EXPECT_EQ(HistogramLayout::Index(UINT64_MAX), HistogramLayout::kBuckets - 1);
}

TEST(HistogramLayout, MidpointIsWithinOneThirtySecond) {
  for (uint64_t value = 1; value < HistogramLayout::kLargest; value += 1 + value / 97) {
    const double midpoint = HistogramLayout::Midpoint(HistogramLayout::Index(value));
    EXPECT_LE(std::abs(midpoint - static_cast<double>(value)), static_cast<double>(value) / 32) << value;
    if (value < 32) {
      EXPECT_EQ(midpoint, static_cast<double>(value));
    }
  }
}

TEST(Summarize, NothingIsNan) {
  const HistogramSummary summary = Summarize(SparseCounts{});
  EXPECT_EQ(summary.count, 0u);
  for (const double quantile : summary.quantiles) EXPECT_TRUE(std::isnan(quantile));
}

TEST(Summarize, OneValueIsEveryQuantile) {
  BucketCounts counts{};
  counts[HistogramLayout::Index(7)] = 1;
  const HistogramSummary summary = Summarize(Sparse(counts));
  EXPECT_EQ(summary.count, 1u);
  EXPECT_EQ(summary.sum, 7);
  for (const double quantile : summary.quantiles) EXPECT_EQ(quantile, 7);
}

TEST(Summarize, UniformValues) {
  BucketCounts counts{};
  double sum = 0;
  for (uint64_t value = 1; value <= 1000; ++value) {
    ++counts[HistogramLayout::Index(value)];
    sum += static_cast<double>(value);
  }
  const HistogramSummary summary = Summarize(Sparse(counts));
  EXPECT_EQ(summary.count, 1000u);
  EXPECT_NEAR(summary.sum, sum, sum / 32);
  EXPECT_EQ(summary.quantiles[0], 1);
  for (size_t i = 1; i < kQuantiles.size(); ++i) {
    EXPECT_NEAR(summary.quantiles[i], kQuantiles[i] * 10, kQuantiles[i] * 10 / 32) << kQuantiles[i];
  }
}

TEST(CountsBelowBounds, RoundValuesBelongToTheirBound) {
  BucketCounts counts{};
  ++counts[HistogramLayout::Index(0)];
  for (size_t i = 1; i < kPrometheusBounds.size(); ++i) {
    ++counts[HistogramLayout::Index(static_cast<uint64_t>(kPrometheusBounds[i]))];
  }
  const auto below = CountsBelowBounds(Sparse(counts), kPrometheusBounds);
  for (size_t i = 0; i < below.size(); ++i) EXPECT_EQ(below[i], i + 1) << kPrometheusBounds[i];
}

TEST(CountsBelowBounds, WhatIsLargerThanAllIsInNone) {
  BucketCounts counts{};
  ++counts[HistogramLayout::Index(4'000'000)];
  for (const uint64_t below : CountsBelowBounds(Sparse(counts), kPrometheusBounds)) EXPECT_EQ(below, 0u);
}

TEST(CountsBelowBounds, AnyBounds) {
  BucketCounts counts{};
  counts[HistogramLayout::Index(3)] = 2;
  counts[HistogramLayout::Index(8)] = 1;
  EXPECT_EQ(CountsBelowBounds(Sparse(counts), std::vector<double>{2, 3, 10}), (std::vector<uint64_t>{0, 2, 3}));
  EXPECT_TRUE(CountsBelowBounds(Sparse(counts), {}).empty());
}

TEST(Sparse, HasWhatIsNotZero) {
  BucketCounts counts{};
  counts[5] = 2;
  counts[HistogramLayout::kBuckets - 1] = 1;
  EXPECT_EQ(Sparse(counts), (SparseCounts{{5, 2}, {HistogramLayout::kBuckets - 1, 1}}));
}

}  // namespace
}  // namespace pillion::stats
