// Lanes of a cluster, and of all that do not say: what is read, and what is wrong with it.

#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

constexpr const char* kType = "\"@type\": type.googleapis.com/pillion.load_balancing_policies.lanes.v1.Lanes";

// A cluster with lanes of these fields (", fallbacks: [...]") and more lines, indented by four.
std::string WithLanes(const std::string& fields, const std::string& lines = "") {
  return "static_resources:\n  clusters:\n  - name: be\n    load_balancing_policy: {policies: [{typed_extension_config: {name: x, "
         "typed_config: {" +
         std::string(kType) + fields + "}}}]}\n" + lines;
}

LoadBalancing Good(const std::string& text, size_t cluster = 0) {
  return GoodCluster(LoadText(text), cluster)->load_balancing;
}

// The first error, its path without what leads to the field.
std::string Bad(const std::string& text) { return FirstAt("typed_config.", LoadText(text).errors); }

using Label = Lanes::Label;
using Keys = std::vector<std::string>;

TEST(Lanes, WithoutAnySettings) {
  const LoadBalancing balancing = Good(WithLanes(""));
  ASSERT_NE(balancing.lanes, nullptr);
  const Lanes& lanes = *balancing.lanes;
  EXPECT_EQ(lanes.keys, (Keys{"env", "release", "version"}));
  EXPECT_TRUE(lanes.baseline.empty());
  EXPECT_TRUE(lanes.fallbacks.empty());
  EXPECT_FALSE(lanes.baseline_on_lanes);
  EXPECT_EQ(lanes.min_healthy_percent, 0);
  EXPECT_EQ(lanes.max_requests_per_host, 0u);
  EXPECT_EQ(Good("static_resources:\n  clusters:\n  - name: be\n").lanes, nullptr);
}

TEST(Lanes, AllSettings) {
  const LoadBalancing balancing = Good(WithLanes(
      ", labels: [stage, env], baseline: [{key: stage, value: prod}], fallbacks: [{keep: [env]}, {labels: [{key: stage, "
      "value: test}, {key: env, value: qa}]}], baseline_on_lanes: WHEN_NO_BASELINE, min_healthy_percent: 30, "
      "max_requests_per_endpoint: 7, endpoint_picking_policy: {policies: [{typed_extension_config: {name: y, typed_config: "
      "{\"@type\": type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random}}}]}"));
  ASSERT_NE(balancing.lanes, nullptr);
  const Lanes& lanes = *balancing.lanes;
  EXPECT_EQ(lanes.keys, (Keys{"env", "stage"})) << "sorted";
  EXPECT_EQ(lanes.baseline, std::vector<Label>{(Label{"stage", "prod"})});
  ASSERT_EQ(lanes.fallbacks.size(), 2u);
  EXPECT_EQ(lanes.fallbacks[0].keep, Keys{"env"});
  EXPECT_EQ(lanes.fallbacks[1].labels, (std::vector<Label>{{"env", "qa"}, {"stage", "test"}})) << "sorted";
  EXPECT_TRUE(lanes.baseline_on_lanes);
  EXPECT_EQ(lanes.min_healthy_percent, 30);
  EXPECT_EQ(lanes.max_requests_per_host, 7u);
  EXPECT_EQ(balancing.policy, LoadBalancing::Policy::kRandom);
}

TEST(Lanes, HostsAreChosenAsTheClusterSays) {
  const LoadBalancing balancing =
      Good(WithLanes("", "    lb_policy: RING_HASH\n    ring_hash_lb_config: {minimum_ring_size: 7}\n"));
  ASSERT_NE(balancing.lanes, nullptr);
  EXPECT_EQ(balancing.policy, LoadBalancing::Policy::kRingHash);
  EXPECT_EQ(balancing.min_ring_size, 7u);
}

TEST(Lanes, OfAllThatDoNotSay) {
  const std::string text = "bootstrap_extensions: [{name: lanes, typed_config: {" + std::string(kType) +
                           ", labels: [stage]}}]\n" + WithLanes(", labels: [env]") +
                           "  - name: plain\n"
                           "  - name: subsets\n    lb_subset_config: {subset_selectors: [{keys: [version]}]}\n"
                           "  - name: aggregate\n    lb_policy: CLUSTER_PROVIDED\n    cluster_type: {name: "
                           "envoy.clusters.aggregate, typed_config: {\"@type\": "
                           "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig, clusters: [be]}}\n";
  const LoadBalancing own = Good(text, 0);
  ASSERT_NE(own.lanes, nullptr);
  EXPECT_EQ(own.lanes->keys, Keys{"env"});
  const LoadBalancing plain = Good(text, 1);
  ASSERT_NE(plain.lanes, nullptr);
  EXPECT_EQ(plain.lanes->keys, Keys{"stage"});
  EXPECT_EQ(Good(text, 2).lanes, nullptr);
  EXPECT_EQ(Good(text, 3).lanes, nullptr) << "its clusters have them";
}

TEST(Lanes, WhatIsWrong) {
  EXPECT_EQ(Bad(WithLanes(", labels: [a, b, c, d, e]")), "labels: 5 keys, expected at most 4");
  EXPECT_EQ(Bad(WithLanes(", labels: [a, b, a]")), "labels[2]: duplicate key \"a\"");
  EXPECT_EQ(Bad(WithLanes(", labels: [\"\"]")), "labels[0]: empty, expected the key of a label");
  EXPECT_EQ(Bad(WithLanes(", baseline: [{key: stage, value: x}]")),
            "baseline[0].key: \"stage\", expected one of labels: env, release, version");
  EXPECT_EQ(Bad(WithLanes(", fallbacks: [{}]")), "fallbacks[0]: expected either keep or labels");
  EXPECT_EQ(Bad(WithLanes(", fallbacks: [{keep: [stage]}]")),
            "fallbacks[0].keep[0]: \"stage\", expected one of labels: env, release, version");
  EXPECT_EQ(Bad(WithLanes(", fallbacks: [{keep: [env, version, release]}]")),
            "fallbacks[0].keep: expected some of the keys in labels, not all of them");
  EXPECT_EQ(Bad(WithLanes(", fallbacks: [{labels: [{key: env, value: a}, {key: env, value: b}]}]")),
            "fallbacks[0].labels: key \"env\" twice");
  EXPECT_TRUE(Bad(WithLanes(", min_healthy_percent: 101")).starts_with("min_healthy_percent: "));
  EXPECT_EQ(Bad(WithLanes("", "    lb_subset_config: {}\n")),
            "static_resources.clusters[0].load_balancing_policy: lanes, expected none beside subsets");
  EXPECT_EQ(Bad(WithLanes("", "    type: ORIGINAL_DST\n    lb_policy: CLUSTER_PROVIDED\n")),
            "static_resources.clusters[0].load_balancing_policy: lanes, expected none with CLUSTER_PROVIDED: clusters of "
            "endpoints have them");
  EXPECT_EQ(Bad("bootstrap_extensions: [{name: lanes, typed_config: {" + std::string(kType) +
                ", endpoint_picking_policy: {policies: [{typed_extension_config: {name: r, typed_config: {'@type': "
                "type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random}}}]}}}]\n"),
            "endpoint_picking_policy: expected none in bootstrap_extensions: clusters say it");
}

}  // namespace
}  // namespace pillion::config
