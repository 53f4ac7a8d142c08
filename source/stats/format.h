#pragma once

// A snapshot as text, JSON or Prometheus exposition. Names and values may hold any bytes: each format escapes
// them, so that none can end a line, a string or a label early.

#include <string>

#include "source/stats/snapshot.h"

namespace pillion::stats {

// How a histogram is shown: by its quantiles; by how many values are at most each bound, or between it and the one
// before; or by its own buckets.
enum class HistogramForm : uint8_t { kSummary, kCumulative, kDisjoint, kDetailed };

// Envoy's gauges have no sign: one that is a hash may use all of its bits. A sum over workers, read while they count, may be
// below zero for a moment, but by no more than there are things to be counted.
inline std::string GaugeText(int64_t gauge) {
  constexpr int64_t kNothingCounts = -(int64_t{1} << 40);
  return gauge < kNothingCounts ? std::to_string(static_cast<uint64_t>(gauge)) : std::to_string(gauge);
}

// `name: value` lines: texts (quoted), then counters and gauges, then histograms.
std::string FormatText(const Snapshot& snapshot, HistogramForm form = HistogramForm::kSummary);

// {"stats":[{"name":..,"value":..},..,{"histograms":{..}}]}
std::string FormatJson(const Snapshot& snapshot, HistogramForm form = HistogramForm::kSummary);

// Text exposition format 0.0.4; histograms by kSummary or kCumulative. Texts are left out unless asked for; then they are
// gauges of value 0 whose label `text_value` is the text.
std::string FormatPrometheus(const Snapshot& snapshot, bool with_texts = false,
                             HistogramForm form = HistogramForm::kCumulative);

}  // namespace pillion::stats
