#include "source/server/metrics_service.h"

#include <gtest/gtest.h>

#include "source/stats/metric_family.h"
#include "source/stats/registry.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_clock.h"

namespace pillion::server {
namespace {

using stats::MetricFamily;

class MetricsServiceTest : public testing::Test {
 protected:
  MetricsService& Make(const config::MetricsService& config) {
    service_ = std::make_unique<MetricsService>(
        config, MetricsService::Surroundings{.caller = caller_,
                                             .clock = clock_,
                                             .node = "NODE",
                                             .target = [this]() -> std::optional<client::Target> {
                                               if (!has_host_) return std::nullopt;
                                               return client::Target{};
                                             },
                                             .warn = [this](std::string_view line) { log_.emplace_back(line); }});
    return *service_;
  }
  bool Flush() { return service_->Flush(registry_.Read({.used_only = true})); }
  int64_t now() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.WallNow().time_since_epoch()).count();
  }
  std::string Number(const std::string& name, MetricFamily::Type type, double value, MetricFamily::Labels labels = {}) {
    MetricFamily family(name, type);
    family.AddNumber(labels, value, now());
    return family.bytes();
  }
  // A message of these, with the node in front when it is the first.
  static std::string Message(const std::vector<std::string>& families, bool first) {
    std::string message = first ? std::string("\x0a\x06\x0a\x04NODE") : std::string();
    for (const std::string& family : families) stats::AppendMessageField(message, 2, family);
    return message;
  }

  test::SimulatedClock clock_;
  stats::Registry registry_{1};
  test::FakeCaller caller_;
  bool has_host_ = true;
  std::vector<std::string> log_;
  std::unique_ptr<MetricsService> service_;
};

constexpr auto kCounter = MetricFamily::Type::kCounter;
constexpr auto kGauge = MetricFamily::Type::kGauge;

TEST_F(MetricsServiceTest, TellsAllThatWasUsedOverOneCall) {
  Make({.cluster = "m", .authority = "metrics", .metadata = {{"x", "y"}}});
  stats::Counter* const counter = registry_.shard(0).counter(registry_.AddCounter("a.b"));
  registry_.AddCounter("unused");
  registry_.shard(0).gauge(registry_.AddGauge("g"))->Set(7);
  counter->Add(3);
  EXPECT_TRUE(Flush());
  ASSERT_EQ(caller_.size(), 1u);
  EXPECT_EQ(caller_.last().request.path, "/envoy.service.metrics.v3.MetricsService/StreamMetrics");
  EXPECT_EQ(caller_.last().target.authority, "metrics");
  EXPECT_EQ(caller_.last().request.metadata, (std::vector<std::pair<std::string, std::string>>{{"x", "y"}}));
  counter->Add(1);
  EXPECT_TRUE(Flush());
  ASSERT_EQ(caller_.last().sent.size(), 2u);
  EXPECT_EQ(caller_.last().sent[0], Message({Number("a.b", kCounter, 3), Number("g", kGauge, 7)}, true));
  EXPECT_EQ(caller_.last().sent[1], Message({Number("a.b", kCounter, 4), Number("g", kGauge, 7)}, false));
}

TEST_F(MetricsServiceTest, Deltas) {
  Make({.cluster = "m", .deltas = true, .summaries = false});
  stats::Counter* const counter = registry_.shard(0).counter(registry_.AddCounter("c"));
  stats::Histogram* const histogram = registry_.shard(0).histogram(registry_.AddHistogram("h"));
  const auto distribution = [this](const stats::SparseCounts& counts) {
    MetricFamily family("h", MetricFamily::Type::kHistogram);
    family.AddHistogram({}, counts, stats::kPrometheusBounds, now());
    return family.bytes();
  };
  counter->Add(3);
  histogram->Record(5);
  registry_.RollInterval();
  Flush();
  counter->Add(2);
  registry_.RollInterval();
  Flush();
  EXPECT_EQ(caller_.last().sent[0], Message({Number("c", kCounter, 3), distribution({{5, 1}})}, true));
  EXPECT_EQ(caller_.last().sent[1], Message({Number("c", kCounter, 2), distribution({})}, false));
}

// Another counter of the same name, as of a cluster that went and came again, begins at zero.
TEST_F(MetricsServiceTest, DeltasOfWhatWasGoneInBetween) {
  Make({.cluster = "m", .deltas = true});
  const auto flush_with = [this](uint64_t count) {
    stats::Scope scope(registry_, stats::Prefix("cluster").Add(stats::kClusterName, "be"));
    registry_.shard(0).counter(scope.AddCounter("c"))->Add(count);
    Flush();
  };
  flush_with(3);
  Flush();
  flush_with(5);
  ASSERT_EQ(caller_.last().sent.size(), 2u);
  EXPECT_EQ(caller_.last().sent[0], Message({Number("cluster.be.c", kCounter, 3)}, true));
  EXPECT_EQ(caller_.last().sent[1], Message({Number("cluster.be.c", kCounter, 5)}, false));
}

TEST_F(MetricsServiceTest, LabelsAndSummaries) {
  Make({.cluster = "m", .labels = true, .histograms = false});
  stats::Scope scope(registry_, stats::Prefix("cluster").Add(stats::kClusterName, "be.x"));
  registry_.shard(0).counter(scope.AddCounter("upstream_rq_200"))->Add(1);
  registry_.shard(0).histogram(scope.AddHistogram("time"))->Record(5);
  registry_.RollInterval();
  Flush();
  const std::vector<std::pair<std::string_view, std::string>> both = {{"envoy.response_code", "200"},
                                                                      {"envoy.cluster_name", "be.x"}};
  const std::vector<std::pair<std::string_view, std::string>> one = {{"envoy.cluster_name", "be.x"}};
  MetricFamily summary("cluster.time", MetricFamily::Type::kSummary);
  summary.AddSummary(one, {{5, 1}}, now());
  EXPECT_EQ(caller_.last().sent.at(0),
            Message({Number("cluster.upstream_rq", kCounter, 1, both), summary.bytes()}, true));
}

TEST_F(MetricsServiceTest, Batches) {
  Make({.cluster = "m", .batch = 2});
  for (const char* name : {"a", "b", "c"}) registry_.shard(0).counter(registry_.AddCounter(name))->Add(1);
  Flush();
  ASSERT_EQ(caller_.last().sent.size(), 2u);
  EXPECT_EQ(caller_.last().sent[0], Message({Number("a", kCounter, 1), Number("b", kCounter, 1)}, true));
  EXPECT_EQ(caller_.last().sent[1], Message({Number("c", kCounter, 1)}, false));
}

TEST_F(MetricsServiceTest, WhatEndsIsBegunAgain) {
  Make({.cluster = "m"});
  registry_.shard(0).counter(registry_.AddCounter("a"))->Add(1);
  has_host_ = false;
  EXPECT_FALSE(Flush());
  EXPECT_EQ(caller_.size(), 0u);
  has_host_ = true;
  EXPECT_TRUE(Flush());
  caller_.End({codec::grpc::Code::kUnavailable, "gone"});
  EXPECT_TRUE(Flush());
  EXPECT_EQ(caller_.size(), 2u);
  EXPECT_EQ(caller_.last().sent.at(0), Message({Number("a", kCounter, 1)}, true));
  EXPECT_EQ(log_, std::vector<std::string>{"metrics service m: there is no host"});  // one line is enough
}

TEST_F(MetricsServiceTest, EachOutageIsSaidOnce) {
  Make({.cluster = "m"});
  const auto lines = [this] { return log_.size(); };
  const codec::grpc::Status gone{codec::grpc::Code::kUnavailable, "gone"};
  Flush();
  caller_.End(gone);
  EXPECT_EQ(lines(), 1u);
  // One that takes each connection and ends the call is not back.
  for (int i = 0; i < 3; ++i) {
    Flush();
    caller_.Open();
    caller_.End(gone);
  }
  // Nor is one that has not taken it by the next flush.
  Flush();
  Flush();
  caller_.End(gone);
  EXPECT_EQ(lines(), 1u);
  Flush();
  caller_.Open();
  Flush();
  caller_.End(gone);
  EXPECT_EQ(lines(), 2u);
  has_host_ = false;
  Flush();
  EXPECT_EQ(lines(), 2u);
}

}  // namespace
}  // namespace pillion::server
