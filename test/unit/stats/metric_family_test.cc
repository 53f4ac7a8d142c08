#include "source/stats/metric_family.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>

namespace pillion::stats {
namespace {

using Type = MetricFamily::Type;

// The fields of a message, by number: varints and doubles as numbers, others as bytes, each in its order.
struct Fields {
  std::map<uint32_t, std::vector<uint64_t>> numbers;
  std::map<uint32_t, std::vector<std::string>> bytes;

  explicit Fields(std::string_view from) {
    while (!from.empty()) {
      const uint64_t tag = Varint(from);
      const auto number = static_cast<uint32_t>(tag >> 3);
      if ((tag & 7) == 0) {
        numbers[number].push_back(Varint(from));
      } else if ((tag & 7) == 1) {
        uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits |= uint64_t{static_cast<unsigned char>(from.at(i))} << (8 * i);
        numbers[number].push_back(bits);
        from.remove_prefix(8);
      } else {
        EXPECT_EQ(tag & 7, 2u);
        const uint64_t size = Varint(from);
        bytes[number].emplace_back(from.substr(0, size));
        from.remove_prefix(size);
      }
    }
  }
  static uint64_t Varint(std::string_view& from) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(from.at(0));
      from.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  }
  double Double(uint32_t number, size_t index = 0) const { return std::bit_cast<double>(numbers.at(number).at(index)); }
  // zigzag
  std::vector<int64_t> Signed(uint32_t number) const {
    std::vector<int64_t> values;
    if (!numbers.contains(number)) return values;
    for (const uint64_t value : numbers.at(number)) {
      values.push_back(static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1));
    }
    return values;
  }
  Fields In(uint32_t number, size_t index = 0) const { return Fields(bytes.at(number).at(index)); }
};

constexpr uint32_t kMetric = 4;
constexpr uint32_t kHistogram = 7;

TEST(MetricFamilyTest, Numbers) {
  MetricFamily counter("c", Type::kCounter);
  const std::vector<std::pair<std::string_view, std::string>> labels = {{"a", "1"}, {"b", "x\xffy\xc3\xa9"}};
  counter.AddNumber(labels, 3);
  counter.AddNumber({}, 4.5, 1700000000123);
  const Fields family(counter.bytes());
  EXPECT_EQ(family.bytes.at(1), std::vector<std::string>{"c"});
  EXPECT_EQ(family.numbers.at(3), std::vector<uint64_t>{0});
  ASSERT_EQ(family.bytes.at(kMetric).size(), 2u);
  const Fields first = family.In(kMetric);
  EXPECT_EQ(first.In(1, 0).bytes.at(1)[0], "a");
  EXPECT_EQ(first.In(1, 0).bytes.at(2)[0], "1");
  EXPECT_EQ(first.In(1, 1).bytes.at(2)[0], "x\xef\xbf\xbdy\xc3\xa9");  // the whole would be refused else
  EXPECT_EQ(first.In(3).Double(1), 3);
  EXPECT_FALSE(first.numbers.contains(6));
  EXPECT_EQ(family.In(kMetric, 1).numbers.at(6)[0], 1700000000123u);
  MetricFamily gauge("g", Type::kGauge);
  gauge.AddNumber({}, -2);
  EXPECT_EQ(Fields(gauge.bytes()).numbers.at(3)[0], 1u);
  EXPECT_EQ(Fields(gauge.bytes()).In(kMetric).In(2).Double(1), -2);
}

TEST(MetricFamilyTest, Summary) {
  MetricFamily family("s", Type::kSummary);
  family.AddSummary({}, {{3, 1}, {5, 3}});
  const Fields summary = Fields(family.bytes()).In(kMetric).In(4);
  EXPECT_EQ(summary.numbers.at(1)[0], 4u);
  EXPECT_EQ(summary.Double(2), 18);
  ASSERT_EQ(summary.bytes.at(3).size(), kQuantiles.size());
  EXPECT_EQ(summary.In(3, 2).Double(1), 0.5);
  EXPECT_EQ(summary.In(3, 2).Double(2), 5);
  EXPECT_EQ(summary.In(3, 0).Double(2), 3);
}

TEST(MetricFamilyTest, Histogram) {
  constexpr double kBounds[] = {1, 4, 100};
  MetricFamily family("h", Type::kHistogram);
  family.AddHistogram({}, {{3, 1}, {5, 3}}, kBounds);
  const Fields histogram = Fields(family.bytes()).In(kMetric).In(kHistogram);
  EXPECT_EQ(histogram.numbers.at(1)[0], 4u);
  EXPECT_EQ(histogram.Double(2), 18);
  ASSERT_EQ(histogram.bytes.at(3).size(), 3u);
  EXPECT_EQ(histogram.In(3, 0).numbers.at(1)[0], 0u);
  EXPECT_EQ(histogram.In(3, 1).numbers.at(1)[0], 1u);
  EXPECT_EQ(histogram.In(3, 2).numbers.at(1)[0], 4u);
  EXPECT_EQ(histogram.In(3, 2).Double(2), 100);
}

// The counts by the indices that spans and deltas come to.
std::map<int64_t, int64_t> NativeBuckets(const Fields& histogram) {
  std::map<int64_t, int64_t> buckets;
  const std::vector<int64_t> deltas = histogram.Signed(13);
  size_t next = 0;
  int64_t index = 0, count = 0;
  const auto spans = histogram.bytes.find(12);
  for (size_t i = 0; spans != histogram.bytes.end() && i < spans->second.size(); ++i) {
    const Fields span = histogram.In(12, i);
    index += span.Signed(1).at(0);
    for (uint64_t k = 0; k < span.numbers.at(2)[0]; ++k) buckets[index++] = count += deltas.at(next++);
  }
  EXPECT_EQ(next, deltas.size());
  return buckets;
}

TEST(MetricFamilyTest, NativeHistogram) {
  MetricFamily family("h", Type::kHistogram);
  family.AddNativeHistogram({}, {{0, 2}, {1, 5}, {2, 1}, {16, 7}, {17, 3}}, MetricFamily::kNativeBuckets);
  const Fields histogram = Fields(family.bytes()).In(kMetric).In(kHistogram);
  EXPECT_EQ(histogram.numbers.at(1)[0], 18u);
  EXPECT_EQ(histogram.Double(2), 5 + 2 + 7 * 16 + 3 * 17);
  EXPECT_EQ(histogram.Signed(5).at(0), 4);  // 2^(1/16) from bucket to bucket
  EXPECT_EQ(histogram.numbers.at(7)[0], 2u);
  EXPECT_GT(histogram.Double(6), 0);
  EXPECT_EQ(NativeBuckets(histogram), (std::map<int64_t, int64_t>{{0, 5}, {16, 1}, {64, 7}, {66, 3}}));
}

// Fewer buckets are wider, and hold the same.
TEST(MetricFamilyTest, NativeHistogramOfFewBuckets) {
  SparseCounts counts;
  uint64_t total = 0;
  for (uint16_t i = 1; i < HistogramLayout::kBuckets; ++i) {
    counts.emplace_back(i, i);
    total += i;
  }
  for (const uint32_t most : {160u, 40u, 10u}) {
    MetricFamily family("h", Type::kHistogram);
    family.AddNativeHistogram({}, counts, most);
    const Fields histogram = Fields(family.bytes()).In(kMetric).In(kHistogram);
    const std::map<int64_t, int64_t> buckets = NativeBuckets(histogram);
    EXPECT_LE(buckets.size(), most);
    int64_t sum = 0;
    for (const auto& [index, count] : buckets) sum += count;
    EXPECT_EQ(static_cast<uint64_t>(sum), total);
    const double base = std::exp2(std::exp2(-static_cast<double>(histogram.Signed(5).at(0))));
    const double highest = HistogramLayout::Midpoint(HistogramLayout::kBuckets - 1);
    EXPECT_GE(std::pow(base, buckets.rbegin()->first) * 1.0001, highest);
    EXPECT_LT(std::pow(base, buckets.rbegin()->first - 1), highest);
  }
}

TEST(MetricFamilyTest, EmptyNativeHistogram) {
  MetricFamily family("h", Type::kHistogram);
  family.AddNativeHistogram({}, {}, 10);
  const Fields histogram = Fields(family.bytes()).In(kMetric).In(kHistogram);
  EXPECT_EQ(histogram.numbers.at(1)[0], 0u);
  EXPECT_GT(histogram.Double(6), 0);  // by which it is known for what it is
}

TEST(MetricFamilyTest, Framing) {
  std::string out;
  AppendDelimited(out, "ab");
  AppendMessageField(out, 2, std::string(200, 'x'));
  EXPECT_EQ(out, "\x02" "ab" "\x12\xc8\x01" + std::string(200, 'x'));
}

}  // namespace
}  // namespace pillion::stats
