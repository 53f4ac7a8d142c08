#include "source/stats/format.h"

#include <gtest/gtest.h>

#include "source/stats/registry.h"

namespace pillion::stats {
namespace {

// One of each kind, in one cluster and outside.
class FormatTest : public ::testing::Test {
 protected:
  FormatTest() : scope_(registry_, Prefix("cluster").Add(kClusterName, "be")) {
    registry_.shard(0).counter(scope_.AddCounter("upstream_rq_200"))->Add(6);
    registry_.shard(0).counter(scope_.AddCounter("upstream_rq_503"))->Add(1);
    registry_.shard(0).gauge(registry_.AddGauge("server.live"))->Set(1);
    histogram_ = registry_.shard(0).histogram(scope_.AddHistogram("upstream_rq_time"));
    registry_.SetText(registry_.AddText("control_plane.identifier"), "a \"b\"");
  }

  Registry registry_{1};
  Scope scope_;
  Histogram* histogram_;
};

TEST_F(FormatTest, Text) {
  EXPECT_EQ(FormatText(registry_.Read()),
            "control_plane.identifier: \"a \\\"b\\\"\"\n"
            "cluster.be.upstream_rq_200: 6\n"
            "cluster.be.upstream_rq_503: 1\n"
            "server.live: 1\n"
            "stats.metrics_refused: 0\n"
            "cluster.be.upstream_rq_time: No recorded values\n");
  histogram_->Record(3);
  registry_.RollInterval();
  histogram_->Record(1000);
  Query histograms;
  histograms.kind = Kind::kHistogram;
  EXPECT_EQ(FormatText(registry_.Read(histograms)),
            "cluster.be.upstream_rq_time: P0(3,3) P25(3,3) P50(3,3) P75(3,1007.5) P90(3,1007.5) P95(3,1007.5) "
            "P99(3,1007.5) P99.5(3,1007.5) P99.9(3,1007.5) P100(3,1007.5)\n");
  registry_.RollInterval();
  registry_.RollInterval();
  EXPECT_EQ(FormatText(registry_.Read(histograms)).substr(0, 51),
            "cluster.be.upstream_rq_time: P0(nan,3) P25(nan,3) P");
}

TEST_F(FormatTest, Json) {
  histogram_->Record(3);
  const std::string json = FormatJson(registry_.Read());
  EXPECT_TRUE(
      json.starts_with("{\"stats\":[{\"name\":\"control_plane.identifier\",\"value\":\"a \\\"b\\\"\"},"
                       "{\"name\":\"cluster.be.upstream_rq_200\",\"value\":6},{\"name\":\"cluster.be.upstream_rq_"
                       "503\",\"value\":1},"
                       "{\"name\":\"server.live\",\"value\":1},"))
      << json;
  EXPECT_NE(json.find("{\"histograms\":{\"supported_quantiles\":[0,25,50,75,90,95,99,99.5,99.9,100],"
                      "\"computed_quantiles\":[{\"name\":\"cluster.be.upstream_rq_time\",\"values\":"
                      "[{\"interval\":null,\"cumulative\":3},"),
            std::string::npos)
      << json;
  EXPECT_EQ(FormatJson(Snapshot{}), "{\"stats\":[]}\n");
}

TEST_F(FormatTest, Prometheus) {
  histogram_->Record(3);
  histogram_->Record(300);
  const std::string text = FormatPrometheus(registry_.Read());
  EXPECT_EQ(text.substr(0, text.find("# TYPE envoy_cluster_upstream_rq_time")),
            "# TYPE envoy_cluster_upstream_rq counter\n"
            "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"be\"} 6\n"
            "envoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"be\"} 1\n"
            "# TYPE envoy_stats_metrics_refused counter\n"
            "envoy_stats_metrics_refused{} 0\n"
            "# TYPE envoy_server_live gauge\n"
            "envoy_server_live{} 1\n");
  EXPECT_NE(text.find("# TYPE envoy_cluster_upstream_rq_time histogram\n"
                      "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"be\",le=\"0.5\"} 0\n"
                      "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"be\",le=\"1\"} 0\n"
                      "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"be\",le=\"5\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("{envoy_cluster_name=\"be\",le=\"3600000\"} 2\n"
                      "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"be\",le=\"+Inf\"} 2\n"
                      "envoy_cluster_upstream_rq_time_sum{envoy_cluster_name=\"be\"} 298.5\n"),
            std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with("envoy_cluster_upstream_rq_time_count{envoy_cluster_name=\"be\"} 2\n"));
  EXPECT_EQ(text.find("identifier"), std::string::npos);
  EXPECT_NE(FormatPrometheus(registry_.Read(), true)
                .find("envoy_control_plane_identifier{text_value=\"a \\\"b\\\"\"} 0\n"),
            std::string::npos);
}

// hostile-inputs E12: no name or value ends a line, a label or a string early.
TEST(FormatHostileNames, StayInTheirPlace) {
  Registry registry(1);
  const std::string evil("x\"} 1\nfake{a=\"\\<script>\x1b\xff");
  Scope scope(registry, Prefix("cluster").Add(kClusterName, evil));
  scope.AddCounter("total");
  registry.SetText(registry.AddText("t"), "a\nb");
  Query query;
  const Snapshot snapshot = registry.Read(query);

  EXPECT_EQ(FormatText(snapshot),
            "t: \"a\\nb\"\n"
            "cluster.x\\\"} 1\\nfake{a=\\\"\\\\<script>\\x1b\\xff.total: 0\n"
            "stats.metrics_refused: 0\n");
  const std::string prometheus = FormatPrometheus(snapshot);
  EXPECT_EQ(prometheus.substr(0, prometheus.find("# TYPE envoy_stats")),
            "# TYPE envoy_cluster_total counter\n"
            "envoy_cluster_total{envoy_cluster_name=\"x\\\"} "
            "1\\nfake{a=\\\"\\\\<script>\xef\xbf\xbd\xef\xbf\xbd\"} 0\n");
  const std::string json = FormatJson(snapshot);
  EXPECT_NE(json.find("{\"name\":\"cluster.x\\\"} 1\\nfake{a=\\\"\\\\\\u003cscript\\u003e\\u001b\\ufffd.total\","),
            std::string::npos)
      << json;
}

TEST(FormatHostileNames, InAFamilyBecomeUnderscores) {
  Registry registry(1);
  registry.AddCounter("a \"b\"\n<c>");
  EXPECT_NE(FormatPrometheus(registry.Read()).find("envoy_a__b___c_{} 0\n"), std::string::npos);
}

}  // namespace
}  // namespace pillion::stats
