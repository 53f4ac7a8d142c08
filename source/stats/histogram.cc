#include "source/stats/histogram.h"

#include <cmath>
#include <limits>

namespace pillion::stats {

SparseCounts Sparse(std::span<const uint64_t, HistogramLayout::kBuckets> counts) {
  SparseCounts sparse;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) sparse.emplace_back(static_cast<uint16_t>(i), counts[i]);
  }
  return sparse;
}

HistogramSummary Summarize(const SparseCounts& counts) {
  HistogramSummary summary;
  for (const auto& [index, count] : counts) {
    summary.count += count;
    summary.sum += static_cast<double>(count) * HistogramLayout::Midpoint(index);
  }
  if (summary.count == 0) {
    summary.quantiles.fill(std::numeric_limits<double>::quiet_NaN());
    return summary;
  }
  uint64_t passed = 0;
  size_t next = 0;
  for (const auto& [index, count] : counts) {
    passed += count;
    while (next < kQuantiles.size()) {
      const double wanted = std::max(1.0, std::ceil(kQuantiles[next] / 100 * static_cast<double>(summary.count)));
      if (static_cast<double>(passed) < wanted) break;
      summary.quantiles[next++] = HistogramLayout::Midpoint(index);
    }
  }
  return summary;
}

std::vector<uint64_t> CountsBelowBounds(const SparseCounts& counts, std::span<const double> bounds) {
  std::vector<uint64_t> below;
  below.reserve(bounds.size());
  uint64_t passed = 0;
  for (const auto& [index, count] : counts) {
    const double lowest = static_cast<double>(HistogramLayout::Lowest(index));
    while (below.size() < bounds.size() && lowest > bounds[below.size()]) below.push_back(passed);
    passed += count;
  }
  below.resize(bounds.size(), passed);
  return below;
}

}  // namespace pillion::stats
