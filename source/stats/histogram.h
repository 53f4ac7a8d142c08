#pragma once

// Log-linear buckets: 16 of equal width to each power of two. Values up to 31 are exact; above, a bucket's
// midpoint is at most 1/32 (3.2 %) away from any value in it. A histogram keeps the counts only; quantiles and the
// sum are worked out from the midpoints on reading. Values have the unit that the histogram's name implies
// (milliseconds unless it says otherwise).

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace pillion::stats {

struct HistogramLayout {
  static constexpr int kSubBucketBits = 4;
  static constexpr int kValueBits = 36;  // larger values count as the largest: two years in ms, 19 hours in us
  static constexpr uint64_t kLargest = (uint64_t{1} << kValueBits) - 1;
  static constexpr size_t kBuckets = (kValueBits - kSubBucketBits + 1) << kSubBucketBits;

  static size_t Index(uint64_t value) {
    value = std::min(value, kLargest);
    const int exponent = std::max(static_cast<int>(std::bit_width(value)) - kSubBucketBits - 1, 0);
    return (static_cast<size_t>(exponent) << kSubBucketBits) + (value >> exponent);
  }
  static uint64_t Lowest(size_t index) {
    constexpr size_t kSubBuckets = size_t{1} << kSubBucketBits;
    if (index < 2 * kSubBuckets) return index;
    return (kSubBuckets + index % kSubBuckets) << (index / kSubBuckets - 1);
  }
  static double Midpoint(size_t index) {
    return (static_cast<double>(Lowest(index)) + static_cast<double>(Lowest(index + 1) - 1)) / 2;
  }
};

using BucketCounts = std::array<uint64_t, HistogramLayout::kBuckets>;

// What is read out of every histogram, in percent; P0 is the smallest value, P100 the largest.
inline constexpr std::array<double, 10> kQuantiles = {0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100};

// The upper bounds of the buckets in Prometheus' format, without +Inf.
inline constexpr std::array<double, 19> kPrometheusBounds = {
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000};

// Of buckets that are not empty: index, count; in their order.
using SparseCounts = std::vector<std::pair<uint16_t, uint64_t>>;
SparseCounts Sparse(std::span<const uint64_t, HistogramLayout::kBuckets> counts);

struct HistogramSummary {
  uint64_t count = 0;
  double sum = 0;
  std::array<double, kQuantiles.size()> quantiles{};  // NaN when count == 0
};

HistogramSummary Summarize(const SparseCounts& counts);

// How many values are <= each bound; bounds ascend. A bucket that straddles a bound counts as below it.
std::vector<uint64_t> CountsBelowBounds(const SparseCounts& counts, std::span<const double> bounds);

}  // namespace pillion::stats
