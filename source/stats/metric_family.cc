#include "source/stats/metric_family.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "source/base/escape.h"

namespace pillion::stats {
namespace {

enum class Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2 };

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void AppendTag(std::string& out, uint32_t number, Wire wire) {
  AppendVarint(out, number << 3 | static_cast<uint32_t>(wire));
}

void AppendInteger(std::string& out, uint32_t number, uint64_t value) {
  AppendTag(out, number, Wire::kVarint);
  AppendVarint(out, value);
}

// sint32 and sint64.
void AppendSigned(std::string& out, uint32_t number, int64_t value) {
  AppendInteger(out, number, static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}

void AppendDouble(std::string& out, uint32_t number, double value) {
  AppendTag(out, number, Wire::kFixed64);
  const auto bits = std::bit_cast<uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(bits >> shift);
}

void AppendText(std::string& out, uint32_t number, std::string_view text) {
  std::string clean;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t length = base::Utf8Length(rest);
    length == 0 ? clean += "\xef\xbf\xbd" : clean.append(rest, 0, length);
    rest.remove_prefix(std::max<size_t>(length, 1));
  }
  AppendMessageField(out, number, clean);
}

// The members of io.prometheus.client, by number.
constexpr uint32_t kFamilyName = 1;
constexpr uint32_t kFamilyType = 3;
constexpr uint32_t kFamilyMetric = 4;
constexpr uint32_t kMetricLabel = 1;
constexpr uint32_t kMetricGauge = 2;
constexpr uint32_t kMetricCounter = 3;
constexpr uint32_t kMetricSummary = 4;
constexpr uint32_t kMetricTimestamp = 6;
constexpr uint32_t kMetricHistogram = 7;
constexpr uint32_t kSampleCount = 1;  // of a summary and of a histogram, as the next two
constexpr uint32_t kSampleSum = 2;
constexpr uint32_t kPart = 3;  // a quantile, a bucket
constexpr uint32_t kSchema = 5;
constexpr uint32_t kZeroThreshold = 6;
constexpr uint32_t kZeroCount = 7;
constexpr uint32_t kPositiveSpan = 12;
constexpr uint32_t kPositiveDelta = 13;

constexpr int kFinestSchema = 4;  // 16 buckets to each power of two: as many as a histogram here has
constexpr int kCoarsestSchema = -4;
constexpr double kZeroBelow = 0.5;  // values are whole numbers

std::string Sample(const HistogramSummary& total) {
  std::string out;
  AppendInteger(out, kSampleCount, total.count);
  AppendDouble(out, kSampleSum, total.sum);
  return out;
}

// Counts by the index of an exponential bucket: the values above 2^((i - 1) / 2^schema), up to 2^(i / 2^schema).
struct Exponential {
  int schema = kFinestSchema;
  uint64_t zeros = 0;
  std::map<int32_t, uint64_t> buckets;
};

Exponential ToExponential(const SparseCounts& counts, uint32_t most_buckets) {
  Exponential out;
  for (const auto& [index, count] : counts) {
    const double middle = HistogramLayout::Midpoint(index);
    if (middle < kZeroBelow) {
      out.zeros += count;
    } else {
      out.buckets[static_cast<int32_t>(std::ceil(std::log2(middle) * (1 << kFinestSchema)))] += count;
    }
  }
  for (; out.buckets.size() > most_buckets && out.schema > kCoarsestSchema; --out.schema) {
    std::map<int32_t, uint64_t> wider;
    for (const auto& [index, count] : out.buckets) wider[(index + 1) >> 1] += count;
    out.buckets = std::move(wider);
  }
  return out;
}

}  // namespace

void AppendMessageField(std::string& out, uint32_t number, std::string_view bytes) {
  AppendTag(out, number, Wire::kBytes);
  AppendDelimited(out, bytes);
}

void AppendDelimited(std::string& out, std::string_view bytes) {
  AppendVarint(out, bytes.size());
  out += bytes;
}

MetricFamily::MetricFamily(std::string_view name, Type type) : type_(type) {
  AppendText(bytes_, kFamilyName, name);
  AppendInteger(bytes_, kFamilyType, static_cast<uint64_t>(type));
}

void MetricFamily::Add(Labels labels, uint32_t field, std::string_view value, Time time) {
  std::string metric;
  for (const auto& [name, text] : labels) {
    std::string label;
    AppendText(label, 1, name);
    AppendText(label, 2, text);
    AppendMessageField(metric, kMetricLabel, label);
  }
  AppendMessageField(metric, field, value);
  if (time) AppendInteger(metric, kMetricTimestamp, static_cast<uint64_t>(*time));
  AppendMessageField(bytes_, kFamilyMetric, metric);
}

void MetricFamily::AddNumber(Labels labels, double value, Time time) {
  std::string number;
  AppendDouble(number, 1, value);
  Add(labels, type_ == Type::kCounter ? kMetricCounter : kMetricGauge, number, time);
}

void MetricFamily::AddSummary(Labels labels, const SparseCounts& counts, Time time) {
  const HistogramSummary total = Summarize(counts);
  std::string summary = Sample(total);
  for (size_t i = 0; i < kQuantiles.size(); ++i) {
    std::string quantile;
    AppendDouble(quantile, 1, kQuantiles[i] / 100);
    AppendDouble(quantile, 2, total.quantiles[i]);
    AppendMessageField(summary, kPart, quantile);
  }
  Add(labels, kMetricSummary, summary, time);
}

void MetricFamily::AddHistogram(Labels labels, const SparseCounts& counts, std::span<const double> bounds, Time time) {
  std::string histogram = Sample(Summarize(counts));
  const std::vector<uint64_t> below = CountsBelowBounds(counts, bounds);
  for (size_t i = 0; i < below.size(); ++i) {
    std::string bucket;
    AppendInteger(bucket, 1, below[i]);
    AppendDouble(bucket, 2, bounds[i]);
    AppendMessageField(histogram, kPart, bucket);
  }
  Add(labels, kMetricHistogram, histogram, time);
}

void MetricFamily::AddNativeHistogram(Labels labels, const SparseCounts& counts, uint32_t most_buckets, Time time) {
  const Exponential from = ToExponential(counts, most_buckets);
  std::string histogram = Sample(Summarize(counts));
  AppendSigned(histogram, kSchema, from.schema);
  AppendDouble(histogram, kZeroThreshold, kZeroBelow);
  AppendInteger(histogram, kZeroCount, from.zeros);
  // Spans of buckets that follow each other, each with how many are left out in front of it.
  int32_t next = 0;
  for (auto at = from.buckets.begin(); at != from.buckets.end();) {
    const int32_t first = at->first;
    int32_t last = first;
    for (++at; at != from.buckets.end() && at->first == last + 1; ++at) last = at->first;
    std::string span;
    AppendSigned(span, 1, first - next);
    AppendInteger(span, 2, static_cast<uint64_t>(last - first + 1));
    AppendMessageField(histogram, kPositiveSpan, span);
    next = last + 1;
  }
  uint64_t before = 0;
  for (const auto& [index, count] : from.buckets) {
    AppendSigned(histogram, kPositiveDelta, static_cast<int64_t>(count - before));
    before = count;
  }
  Add(labels, kMetricHistogram, histogram, time);
}

}  // namespace pillion::stats
