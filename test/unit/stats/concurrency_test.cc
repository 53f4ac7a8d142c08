// Workers count while the control side registers, releases, reads and rolls. Meant for ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "source/stats/registry.h"

namespace pillion::stats {
namespace {

TEST(Concurrency, CountingGoesOnWhileMetricsComeAndGo) {
  constexpr size_t kWorkers = 3;
  constexpr uint64_t kRounds = 20'000;
  Registry registry(kWorkers);
  const CounterId counter = registry.AddCounter("counter");
  const GaugeId gauge = registry.AddGauge("gauge");
  const HistogramId histogram = registry.AddHistogram("histogram");

  std::atomic<size_t> running{kWorkers};
  std::vector<std::thread> threads;
  for (size_t worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      Shard& shard = registry.shard(worker);
      Counter* count = shard.counter(counter);
      for (uint64_t i = 0; i < kRounds; ++i) {
        count->Increment();
        shard.gauge(gauge)->Add(i % 2 == 0 ? 1 : -1);
        shard.histogram(histogram)->Record(i);
        if (i % 1000 == 0) {  // a cluster that arrives at run time
          Scope scope(registry, Prefix("cluster").Add(kClusterName, std::to_string(i)));
          shard.counter(scope.AddCounter("upstream_rq_total"))->Increment();
        }
      }
      running.fetch_sub(1);
    });
  }
  uint64_t last = 0;
  while (running.load() > 0) {
    const Snapshot snapshot = registry.Read();
    for (const Snapshot::Number& number : snapshot.numbers) {
      if (number.description->name() != "counter") continue;
      EXPECT_GE(number.counter, last);
      last = number.counter;
    }
    registry.RollInterval();
    registry.Release(registry.AddCounter("temporary"));
  }
  for (std::thread& thread : threads) thread.join();

  const Snapshot snapshot = registry.Read();
  ASSERT_EQ(snapshot.numbers.size(), 3u);
  EXPECT_EQ(snapshot.numbers[0].counter, kWorkers * kRounds);
  EXPECT_EQ(snapshot.numbers[1].gauge, 0);
  EXPECT_EQ(Summarize(snapshot.histograms.at(0).cumulative).count, kWorkers * kRounds);
}

}  // namespace
}  // namespace pillion::stats
