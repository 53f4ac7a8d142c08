#include "source/stats/rules.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include "source/stats/format.h"
#include "source/stats/registry.h"

namespace pillion::stats {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

std::shared_ptr<const re2::RE2> Regex(const char* pattern) { return std::make_shared<const re2::RE2>(pattern); }

PrometheusName Convert(const Rules& rules, const Prefix& prefix, std::string_view name) {
  return ToPrometheus(prefix.text() + std::string(name), prefix.tags(), rules);
}

const Prefix kBe = Prefix("cluster").Add(kClusterName, "be");

TEST(Rules, LabelsAreMadeFitForPrometheus) {
  EXPECT_EQ(Rules::LabelOf("envoy.cluster_name"), "envoy_cluster_name");
  EXPECT_EQ(Rules::LabelOf("a-b c"), "a_b_c");
  EXPECT_EQ(Rules::LabelOf("1a"), "_1a");
}

TEST(Rules, FirstGroupIsCutOutAndTheSecondIsTheValue) {
  Rules rules;
  rules.AddTag("kind", Regex("upstream_((cx|rq)_)"));
  rules.AddTag("none", Regex("nothing(x)"));
  const PrometheusName name = Convert(rules, kBe, "upstream_rq_total");
  EXPECT_EQ(name.family, "envoy_cluster_upstream_total");
  EXPECT_EQ(name.labels, (Labels{{"kind", "rq"}, {"envoy_cluster_name", "be"}}));
}

// Istio has labels of its own for the parts that have one already.
TEST(Rules, CutsMayOverlap) {
  Rules rules;
  rules.AddTag("cluster_name", Regex("^cluster\\.((.+?)\\.)"));
  PrometheusName name = Convert(rules, kBe, "upstream_rq_200");
  EXPECT_EQ(name.family, "envoy_cluster_upstream_rq");
  EXPECT_EQ(name.labels, (Labels{{kResponseCode, "200"}, {"cluster_name", "be"}, {kClusterName, "be"}}));
  rules.DropDefaultTags();
  name = Convert(rules, kBe, "upstream_rq_200");
  EXPECT_EQ(name.family, "envoy_cluster_upstream_rq_200");
  EXPECT_EQ(name.labels, (Labels{{"cluster_name", "be"}}));
}

TEST(Rules, WithoutDefaultsOnlyThoseThatAreKeptAreShown) {
  Rules rules;
  rules.DropDefaultTags();
  EXPECT_EQ(Convert(rules, kBe, "upstream_rq_2xx").family, "envoy_cluster_be_upstream_rq_2xx");
  rules.KeepDefaultTag("envoy.response_code_class");
  const PrometheusName name = Convert(rules, kBe, "upstream_rq_2xx");
  EXPECT_EQ(name.family, "envoy_cluster_be_upstream_rq_xx");
  EXPECT_EQ(name.labels, (Labels{{kResponseCodeClass, "2"}}));
}

TEST(Rules, FixedTagsAreOnEveryMetricAndALabelOnce) {
  Rules rules;
  rules.AddFixedTag("local.cluster", "a b");
  rules.AddFixedTag("local.cluster", "again");
  EXPECT_EQ(ToPrometheus("server.live", {}, rules).labels, (Labels{{"local_cluster", "a b"}}));
}

TEST(Rules, OnlySomeAreExported) {
  Rules rules;
  rules.ExportOnly([](std::string_view name) { return name.starts_with("cluster.be.") && !name.ends_with("_b"); });
  Registry registry(1, Registry::kMaxMetrics, std::move(rules));
  Scope scope(registry, kBe);
  Counter* exported = registry.shard(0).counter(scope.AddCounter("a"));
  Counter* not_exported = registry.shard(0).counter(scope.AddCounter("b_b"));
  Histogram* not_seen = registry.shard(0).histogram(scope.AddHistogram("h_b"));
  registry.AddGaugeCallback("server.live", [] { return uint64_t{1}; });
  exported->Increment();
  not_exported->Increment();  // it counts, and nobody hears of it
  not_seen->Record(1);
  EXPECT_EQ(FormatText(registry.Read()), "cluster.be.a: 1\n");
  EXPECT_TRUE(registry.Exports("cluster.be.a"));
  EXPECT_FALSE(registry.Exports("server.live"));
}

TEST(Rules, BucketsByName) {
  Rules rules;
  rules.AddBuckets([](std::string_view name) { return name.starts_with("cluster.be."); }, {5, 10});
  rules.AddBuckets([](std::string_view) { return true; }, {});
  Registry registry(1, Registry::kMaxMetrics, std::move(rules));
  Scope scope(registry, kBe);
  for (Histogram* histogram : {registry.shard(0).histogram(scope.AddHistogram("t")),
                               registry.shard(0).histogram(registry.AddHistogram("u"))}) {
    histogram->Record(3);
    histogram->Record(7);
    histogram->Record(70);
  }
  Query query;
  query.kind = Kind::kHistogram;
  registry.RollInterval();
  registry.shard(0).histogram(scope.AddHistogram("t"))->Record(4);
  const Snapshot read = registry.Read(query);
  EXPECT_EQ(FormatText(read, HistogramForm::kCumulative), "cluster.be.t: B5(1,2) B10(2,3)\nu:\n");
  EXPECT_EQ(FormatText(read, HistogramForm::kDisjoint), "cluster.be.t: B5(1,2) B10(1,1)\nu:\n");
  EXPECT_TRUE(FormatText(read, HistogramForm::kDetailed)
                  .starts_with("cluster.be.t:\n  totals=3,1:1, 4,1:1, 7,1:1, 68,4:1\n  intervals=3,1:1, 7,1:1, 68,4:1\n  summary=P0("));
  EXPECT_TRUE(FormatJson(read, HistogramForm::kCumulative)
                  .starts_with("{\"stats\":[{\"histograms\":[{\"name\":\"cluster.be.t\",\"buckets\":[{\"upper_bound\":5,"
                               "\"interval\":1,\"cumulative\":2},{\"upper_bound\":10,\"interval\":2,\"cumulative\":3}]},"
                               "{\"name\":\"u\",\"buckets\":[]}]}"));
  EXPECT_NE(FormatJson(read, HistogramForm::kDetailed)
                .find("\"details\":[{\"name\":\"cluster.be.t\",\"totals\":[{\"lower_bound\":3,\"width\":1,\"count\":1},"),
            std::string::npos);
  EXPECT_EQ(FormatPrometheus(read),
            "# TYPE envoy_cluster_t histogram\n"
            "envoy_cluster_t_bucket{envoy_cluster_name=\"be\",le=\"5\"} 2\n"
            "envoy_cluster_t_bucket{envoy_cluster_name=\"be\",le=\"10\"} 3\n"
            "envoy_cluster_t_bucket{envoy_cluster_name=\"be\",le=\"+Inf\"} 4\n"
            "envoy_cluster_t_sum{envoy_cluster_name=\"be\"} 83.5\n"
            "envoy_cluster_t_count{envoy_cluster_name=\"be\"} 4\n"
            "# TYPE envoy_u histogram\n"
            "envoy_u_bucket{le=\"+Inf\"} 3\n"
            "envoy_u_sum{} 79.5\n"
            "envoy_u_count{} 3\n");
  const std::string summary = FormatPrometheus(read, false, HistogramForm::kSummary);
  EXPECT_TRUE(summary.starts_with("# TYPE envoy_cluster_t summary\nenvoy_cluster_t{envoy_cluster_name=\"be\",quantile=\"0\"} 3\n"));
}

}  // namespace
}  // namespace pillion::stats
