#include "source/stats/histogram.h"

#include <cmath>
#include <limits>

namespace pillion::stats {

HistogramSummary Summarize(std::span<const uint64_t, HistogramLayout::kBuckets> counts) {
  HistogramSummary summary;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    summary.count += counts[i];
    summary.sum += static_cast<double>(counts[i]) * HistogramLayout::Midpoint(i);
  }
  if (summary.count == 0) {
    summary.quantiles.fill(std::numeric_limits<double>::quiet_NaN());
    return summary;
  }
  uint64_t passed = 0;
  size_t next = 0;
  for (size_t i = 0; i < counts.size() && next < kQuantiles.size(); ++i) {
    passed += counts[i];
    while (next < kQuantiles.size()) {
      const double wanted = std::max(1.0, std::ceil(kQuantiles[next] / 100 * static_cast<double>(summary.count)));
      if (static_cast<double>(passed) < wanted) break;
      summary.quantiles[next++] = HistogramLayout::Midpoint(i);
    }
  }
  return summary;
}

std::array<uint64_t, kPrometheusBounds.size()> CountsBelowBounds(
    std::span<const uint64_t, HistogramLayout::kBuckets> counts) {
  std::array<uint64_t, kPrometheusBounds.size()> below{};
  uint64_t passed = 0;
  size_t bound = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double lowest = static_cast<double>(HistogramLayout::Lowest(i));
    while (bound < below.size() && lowest > kPrometheusBounds[bound]) below[bound++] = passed;
    passed += counts[i];
  }
  while (bound < below.size()) below[bound++] = passed;
  return below;
}

}  // namespace pillion::stats
