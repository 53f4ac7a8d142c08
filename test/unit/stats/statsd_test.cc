#include "source/stats/statsd.h"

#include <gtest/gtest.h>

#include "source/stats/registry.h"

namespace pillion::stats {
namespace {

using Lines = std::vector<std::string>;

class StatsdTest : public testing::Test {
 protected:
  StatsdTest() : scope_(registry_, Prefix("cluster").Add(kClusterName, "a|b")) {
    requests_ = registry_.shard(0).counter(scope_.AddCounter("upstream_rq_200"));
    active_ = registry_.shard(0).gauge(scope_.AddGauge("upstream_cx_active"));
    time_ = registry_.shard(0).histogram(scope_.AddHistogram("upstream_rq_time"));
  }

  Lines Flush(StatsdLines& statsd) {
    registry_.RollInterval();
    Lines lines;
    statsd.Write(registry_.Read({.used_only = true}), [&](std::string_view line) { lines.emplace_back(line); });
    return lines;
  }

  Registry registry_{1};
  Scope scope_;
  Counter* requests_;
  Gauge* active_;
  Histogram* time_;
};

TEST_F(StatsdTest, CountersByWhatTheyHaveGrown) {
  StatsdLines statsd("envoy", false);
  requests_->Add(3);
  active_->Increment();
  EXPECT_EQ(Flush(statsd),
            (Lines{"envoy.cluster.a_b.upstream_cx_active:1|g", "envoy.cluster.a_b.upstream_rq_200:3|c"}));
  requests_->Add(2);
  active_->Increment();
  EXPECT_EQ(Flush(statsd),
            (Lines{"envoy.cluster.a_b.upstream_cx_active:2|g", "envoy.cluster.a_b.upstream_rq_200:2|c"}));
  EXPECT_EQ(Flush(statsd)[1], "envoy.cluster.a_b.upstream_rq_200:0|c");
  registry_.ResetCounters();
  requests_->Add(1);
  EXPECT_EQ(Flush(statsd).back(), "envoy.cluster.a_b.upstream_rq_200:1|c");
}

TEST_F(StatsdTest, HistogramsAsTimersWithTheirRate) {
  StatsdLines statsd("p", false);
  time_->Record(7);
  for (int i = 0; i < 4; ++i) time_->Record(20);
  EXPECT_EQ(Flush(statsd),
            (Lines{"p.cluster.a_b.upstream_rq_time:7|ms", "p.cluster.a_b.upstream_rq_time:20|ms|@0.25"}));
  EXPECT_EQ(Flush(statsd), Lines{});
}

TEST_F(StatsdTest, TagsOfDogStatsD) {
  StatsdLines statsd("envoy", true);
  requests_->Add(1);
  active_->Increment();
  EXPECT_EQ(Flush(statsd),
            (Lines{"envoy.cluster.upstream_cx_active:1|g|#envoy.cluster_name:a_b",
                   "envoy.cluster.upstream_rq:1|c|#envoy.response_code:200,envoy.cluster_name:a_b"}));
}

}  // namespace
}  // namespace pillion::stats
