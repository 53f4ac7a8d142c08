#pragma once

// A snapshot as text, JSON or Prometheus exposition. Names and values may hold any bytes: each format escapes
// them, so that none can end a line, a string or a label early.

#include <optional>
#include <string>

#include "source/stats/snapshot.h"

namespace pillion::stats {

// How a histogram is shown: by its quantiles; by how many values are at most each bound, or between it and the one
// before; or by its own buckets.
enum class HistogramForm : uint8_t { kSummary, kCumulative, kDisjoint, kDetailed };

// Envoy's gauges have no sign: one that is a hash may use all of its bits. A sum over workers, read while they count, may be
// below zero for a moment, but by no more than there are things to be counted.
inline constexpr int64_t kNoGaugeBelow = -(int64_t{1} << 40);
inline std::string GaugeText(int64_t gauge) {
  return gauge < kNoGaugeBelow ? std::to_string(static_cast<uint64_t>(gauge)) : std::to_string(gauge);
}
inline double GaugeNumber(int64_t gauge) {
  return gauge < kNoGaugeBelow ? static_cast<double>(static_cast<uint64_t>(gauge)) : static_cast<double>(gauge);
}

// `name: value` lines: texts (quoted), then counters and gauges, then histograms.
std::string FormatText(const Snapshot& snapshot, HistogramForm form = HistogramForm::kSummary);

// {"stats":[{"name":..,"value":..},..,{"histograms":{..}}]}
std::string FormatJson(const Snapshot& snapshot, HistogramForm form = HistogramForm::kSummary);

// Text exposition format 0.0.4; histograms by kSummary or kCumulative. Texts are left out unless asked for; then they are
// gauges of value 0 whose label `text_value` is the text.
std::string FormatPrometheus(const Snapshot& snapshot, bool with_texts = false,
                             HistogramForm form = HistogramForm::kCumulative);

// The same as a series of messages io.prometheus.client.MetricFamily, each with its length in front (metric_family.h).
// `native_buckets`: histograms have so many exponential buckets at most, instead of `form`.
std::string FormatPrometheusMessages(const Snapshot& snapshot, bool with_texts, HistogramForm form,
                                     std::optional<uint32_t> native_buckets);

}  // namespace pillion::stats
