#pragma once

// Metrics as messages of Prometheus (io.prometheus.client.MetricFamily), in bytes: what a scraper takes that asks for
// protobuf, and a metrics service.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/stats/histogram.h"

namespace pillion::stats {

// All metrics of one name. Made, filled, and then its bytes are taken.
class MetricFamily {
 public:
  enum class Type : uint8_t { kCounter = 0, kGauge = 1, kSummary = 2, kHistogram = 4 };
  // Milliseconds since the epoch; nothing: now, as who reads it sees that.
  using Time = std::optional<int64_t>;
  using Labels = std::span<const std::pair<std::string_view, std::string>>;

  static constexpr uint32_t kNativeBuckets = 160;  // where nothing else is asked for

  // Bytes that are no UTF-8, in a name or a label, become U+FFFD: the whole would be refused for one of them.
  MetricFamily(std::string_view name, Type type);

  // Each of the family's type. Of a counter or a gauge:
  void AddNumber(Labels labels, double value, Time time = {});
  void AddSummary(Labels labels, const SparseCounts& counts, Time time = {});
  // By `bounds`, which ascend.
  void AddHistogram(Labels labels, const SparseCounts& counts, std::span<const double> bounds, Time time = {});
  // With buckets that get exponentially wider, as fine as `most_buckets`, at least one, allow.
  void AddNativeHistogram(Labels labels, const SparseCounts& counts, uint32_t most_buckets, Time time = {});

  const std::string& bytes() const { return bytes_; }

 private:
  // `value`: the bytes of the field that has it.
  void Add(Labels labels, uint32_t field, std::string_view value, Time time);

  const Type type_;
  std::string bytes_;
};

// Appends `bytes` as field `number` of a message.
void AppendMessageField(std::string& out, uint32_t number, std::string_view bytes);
// Appends `bytes` with their length in front: one of a series of messages.
void AppendDelimited(std::string& out, std::string_view bytes);

}  // namespace pillion::stats
