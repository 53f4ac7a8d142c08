#include "source/stats/registry.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <cmath>
#include <memory>

namespace pillion::stats {
namespace {

const Snapshot::Number* Find(const Snapshot& snapshot, std::string_view name) {
  for (const Snapshot::Number& number : snapshot.numbers) {
    if (number.description->name() == name) return &number;
  }
  return nullptr;
}

uint64_t CounterValue(Registry& registry, std::string_view name) {
  const Snapshot snapshot = registry.Read();
  const Snapshot::Number* number = Find(snapshot, name);
  return number == nullptr ? UINT64_MAX : number->counter;
}

TEST(Registry, MergesTheWorkersCells) {
  Registry registry(2);
  const CounterId total = registry.AddCounter("cluster.be.upstream_rq_total");
  const GaugeId active = registry.AddGauge("cluster.be.upstream_rq_active");
  registry.shard(0).counter(total)->Add(3);
  registry.shard(1).counter(total)->Add(4);
  registry.control().counter(total)->Increment();
  registry.shard(0).gauge(active)->Add(5);
  registry.shard(1).gauge(active)->Sub(2);
  const Snapshot snapshot = registry.Read();
  EXPECT_EQ(Find(snapshot, "cluster.be.upstream_rq_total")->counter, 8u);
  EXPECT_EQ(Find(snapshot, "cluster.be.upstream_rq_active")->gauge, 3);
}

TEST(Registry, SameNameIsTheSameMetricUntilTheLastRelease) {
  Registry registry(1);
  const CounterId first = registry.AddCounter("a");
  const CounterId second = registry.AddCounter("a");
  EXPECT_EQ(registry.shard(0).counter(first), registry.shard(0).counter(second));
  registry.shard(0).counter(first)->Add(1);
  registry.Release(first);
  EXPECT_EQ(CounterValue(registry, "a"), 1u);
  registry.Release(second);
  EXPECT_EQ(CounterValue(registry, "a"), UINT64_MAX);
}

TEST(Registry, ReleasedCellsAreZeroedAndUsedAgain) {
  Registry registry(1);
  const CounterId counter = registry.AddCounter("a");
  const HistogramId histogram = registry.AddHistogram("h");
  Counter* counter_cell = registry.shard(0).counter(counter);
  Histogram* histogram_cell = registry.shard(0).histogram(histogram);
  counter_cell->Add(9);
  histogram_cell->Record(9);
  registry.Release(counter);
  registry.Release(histogram);
  EXPECT_EQ(registry.shard(0).counter(registry.AddCounter("b")), counter_cell);
  EXPECT_EQ(registry.shard(0).histogram(registry.AddHistogram("i")), histogram_cell);
  EXPECT_EQ(CounterValue(registry, "b"), 0u);
  EXPECT_EQ(Summarize(registry.Read().histograms.at(0).cumulative).count, 0u);
}

TEST(Registry, RecordsWithoutCells) {
  Registry registry(1);
  const HistogramId id = registry.AddHistogram("h");
  for (const uint64_t value : {700, 3, 0, 3}) registry.Record(id, value);
  registry.shard(0).histogram(id)->Record(3);
  const SparseCounts all = registry.Read().histograms.at(0).cumulative;
  EXPECT_EQ(all, (SparseCounts{{0, 1}, {3, 3}, {static_cast<uint16_t>(HistogramLayout::Index(700)), 1}}));
  const HistogramId other = registry.AddHistogram("i");
  EXPECT_EQ(registry.Read({.used_only = true}).histograms.size(), 1u);
  registry.Record(other, 5);
  registry.RollInterval();
  registry.Record(other, 6);
  registry.RollInterval();
  EXPECT_EQ(registry.Read().histograms.at(1).interval, (SparseCounts{{6, 1}}));
  registry.Release(other);
  registry.AddHistogram("i");
  EXPECT_EQ(registry.Read({.used_only = true}).histograms.size(), 1u);
}

TEST(Registry, ASnapshotOutlivesItsMetrics) {
  Registry registry(1);
  std::optional<Scope> scope(std::in_place, registry, Prefix("a"));
  registry.shard(0).counter(scope->AddCounter("b"))->Add(2);
  Snapshot snapshot = registry.Read();
  const Snapshot copy = snapshot;
  std::swap(snapshot.numbers.front(), snapshot.numbers.back());
  scope.reset();
  EXPECT_EQ(copy.numbers.front().description->name(), "a.b");
  snapshot = {};
  EXPECT_EQ(copy.numbers.front().description->name(), "a.b");
}

TEST(Registry, KindsHaveSeparateNames) {
  Registry registry(1);
  registry.shard(0).counter(registry.AddCounter("x"))->Add(1);
  registry.shard(0).gauge(registry.AddGauge("x"))->Set(2);
  const Snapshot snapshot = registry.Read();
  int seen = 0;
  for (const Snapshot::Number& number : snapshot.numbers) seen += number.description->name() == "x";
  EXPECT_EQ(seen, 2);
}

TEST(Registry, CellsStayWhereTheyAreWhenMoreAreAdded) {
  Registry registry(2);
  Counter* first = registry.shard(1).counter(registry.AddCounter("first"));
  first->Add(1);
  for (int i = 0; i < 40'000; ++i) {  // more than two chunks
    registry.shard(1).counter(registry.AddCounter("c" + std::to_string(i)))->Add(1);
  }
  for (int i = 0; i < 100; ++i) {
    registry.shard(1).histogram(registry.AddHistogram("h" + std::to_string(i)))->Record(1);
  }
  first->Add(1);
  EXPECT_EQ(CounterValue(registry, "first"), 2u);
  EXPECT_EQ(CounterValue(registry, "c39999"), 1u);
  for (const Snapshot::Distribution& histogram : registry.Read().histograms) {
    EXPECT_EQ(Summarize(histogram.cumulative).count, 1u);
  }
}

TEST(Registry, RefusesNamesPastTheBoundAndCountsThem) {
  Registry registry(1, 3);  // stats.metrics_refused is one
  registry.AddCounter("a");
  registry.AddCounter("b");
  const CounterId refused = registry.AddCounter("c");
  registry.shard(0).counter(refused)->Add(5);
  registry.shard(0).histogram(registry.AddHistogram("h"))->Record(1);
  registry.SetText(registry.AddText("t"), "lost");
  registry.AddGaugeCallback("g", [] { return 1; });
  EXPECT_EQ(CounterValue(registry, "c"), UINT64_MAX);
  EXPECT_EQ(CounterValue(registry, "stats.metrics_refused"), 4u);
  EXPECT_TRUE(registry.Read().texts.empty());
  registry.Release(refused);
  EXPECT_EQ(CounterValue(registry, "a"), 0u);
}

TEST(Registry, ReadIsSortedByName) {
  Registry registry(1);
  registry.AddGauge("b");
  registry.AddCounter("c");
  registry.AddCounter("a");
  std::vector<std::string> names;
  for (const Snapshot::Number& number : registry.Read().numbers) names.push_back(number.description->name());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c", "stats.metrics_refused"}));
}

TEST(Registry, QueryByUseNameAndKind) {
  Registry registry(1);
  Gauge* touched = registry.shard(0).gauge(registry.AddGauge("touched"));
  touched->Increment();
  touched->Decrement();
  registry.AddGauge("untouched");
  registry.AddCounter("zero");
  registry.shard(0).counter(registry.AddCounter("one"))->Add(1);
  registry.AddHistogram("empty");
  registry.AddText("unset");

  Query used;
  used.used_only = true;
  const Snapshot snapshot = registry.Read(used);
  ASSERT_EQ(snapshot.numbers.size(), 2u);
  EXPECT_EQ(snapshot.numbers[0].description->name(), "one");
  EXPECT_EQ(snapshot.numbers[1].description->name(), "touched");
  EXPECT_EQ(snapshot.numbers[1].gauge, 0);
  EXPECT_TRUE(snapshot.histograms.empty());
  EXPECT_TRUE(snapshot.texts.empty());

  const re2::RE2 filter("touch");
  Query filtered;
  filtered.filter = &filter;
  EXPECT_EQ(registry.Read(filtered).numbers.size(), 2u);

  Query counters;
  counters.kind = Kind::kCounter;
  EXPECT_EQ(registry.Read(counters).numbers.size(), 3u);
  EXPECT_TRUE(registry.Read(counters).histograms.empty());
}

TEST(Registry, CallbacksAndTexts) {
  Registry registry(1);
  uint64_t uptime = 5;
  const CallbackId first = registry.AddGaugeCallback("server.uptime", [&] { return uptime; });
  const CallbackId second = registry.AddGaugeCallback("server.uptime", [&] { return uptime + 1; });
  EXPECT_EQ(Find(registry.Read(), "server.uptime")->gauge, 6);
  registry.Release(first);
  EXPECT_EQ(Find(registry.Read(), "server.uptime")->gauge, 6);
  registry.Release(second);
  EXPECT_EQ(Find(registry.Read(), "server.uptime"), nullptr);

  const TextId text = registry.AddText("control_plane.identifier");
  EXPECT_EQ(registry.Read().texts.at(0).value, "");
  registry.SetText(text, "istiod");
  EXPECT_EQ(registry.Read().texts.at(0).value, "istiod");
}

TEST(Registry, IntervalsAndTotalsOfHistograms) {
  Registry registry(2);
  const HistogramId id = registry.AddHistogram("time");
  registry.shard(0).histogram(id)->Record(10);
  EXPECT_TRUE(std::isnan(Summarize(registry.Read().histograms.at(0).interval).quantiles[0]));
  registry.RollInterval();
  registry.shard(1).histogram(id)->Record(20);

  Snapshot::Distribution read = registry.Read().histograms.at(0);
  EXPECT_EQ(Summarize(read.interval).count, 1u);
  EXPECT_EQ(Summarize(read.interval).quantiles[9], 10);
  EXPECT_EQ(Summarize(read.cumulative).count, 2u);
  EXPECT_EQ(Summarize(read.cumulative).quantiles[9], 20);

  registry.RollInterval();
  read = registry.Read().histograms.at(0);
  EXPECT_EQ(Summarize(read.interval).count, 1u);
  EXPECT_EQ(Summarize(read.interval).quantiles[0], 20);
  registry.RollInterval();
  read = registry.Read().histograms.at(0);
  EXPECT_EQ(Summarize(read.interval).count, 0u);
  EXPECT_EQ(Summarize(read.cumulative).sum, 30);
}

TEST(Registry, ResetMakesCountersGoOnFromZero) {
  Registry registry(1);
  const CounterId id = registry.AddCounter("a");
  registry.shard(0).counter(id)->Add(7);
  registry.ResetCounters();
  EXPECT_EQ(CounterValue(registry, "a"), 0u);
  registry.shard(0).counter(id)->Add(1);
  EXPECT_EQ(CounterValue(registry, "a"), 1u);
}

TEST(Scope, ReleasesWhatItAdded) {
  Registry registry(1);
  const CounterId kept = registry.AddCounter("cluster.be.shared");
  {
    Scope scope(registry, Prefix("cluster").Add(kClusterName, "be"));
    scope.AddCounter("upstream_rq_total");
    scope.AddCounter("shared");
    const Scope moved(std::move(scope));
    EXPECT_EQ(CounterValue(registry, "cluster.be.upstream_rq_total"), 0u);
  }
  EXPECT_EQ(CounterValue(registry, "cluster.be.upstream_rq_total"), UINT64_MAX);
  EXPECT_EQ(CounterValue(registry, "cluster.be.shared"), 0u);
  registry.Release(kept);
}

// What is replaced while it is still used has the same names as what replaces it, and either may go first.
TEST(Scope, OfSeveralCallbacksTheNewestThatIsLeftCounts) {
  Registry registry(1);
  const auto value = [&] {
    for (const Snapshot::Number& number : registry.Read().numbers) {
      if (number.description->name() == "cluster.be.open") return number.gauge;
    }
    return int64_t{-1};
  };
  const Prefix prefix = Prefix("cluster").Add(kClusterName, "be");
  auto first = std::make_unique<Scope>(registry, prefix);
  auto second = std::make_unique<Scope>(registry, prefix);
  auto third = std::make_unique<Scope>(registry, prefix);
  first->AddGaugeCallback("open", [] { return uint64_t{1}; });
  second->AddGaugeCallback("open", [] { return uint64_t{2}; });
  third->AddGaugeCallback("open", [] { return uint64_t{3}; });
  EXPECT_EQ(value(), 3);
  third.reset();
  EXPECT_EQ(value(), 2);
  first.reset();
  EXPECT_EQ(value(), 2);
  const Scope moved(std::move(*second));
  second.reset();
  EXPECT_EQ(value(), 2);
}

TEST(Gauge, HoldsNegativeAndLargeValues) {
  Gauge gauge;
  EXPECT_FALSE(gauge.used());
  gauge.Sub(3);
  EXPECT_EQ(gauge.value(), -3);
  gauge.Set(int64_t{1} << 61);
  EXPECT_EQ(gauge.value(), int64_t{1} << 61);
  gauge.Set(0);
  EXPECT_EQ(gauge.value(), 0);
  EXPECT_TRUE(gauge.used());
}

}  // namespace
}  // namespace pillion::stats
