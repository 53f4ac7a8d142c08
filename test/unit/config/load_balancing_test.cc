// How a cluster's hosts are chosen: what is read of that, and what is wrong with it.

#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

// Lines of a cluster, indented by four.
Loaded LoadCluster(const std::string& lines) {
  return LoadText("static_resources:\n  clusters:\n  - name: be\n" + lines);
}

Cluster Good(const std::string& lines) {
  return *GoodCluster(LoadCluster(lines));
}

// The first error, its path without what leads to the cluster.
std::string Bad(const std::string& lines) { return FirstAt(kFirstCluster, LoadCluster(lines).errors); }

using Policy = LoadBalancing::Policy;
using Fallback = SubsetConfig::Fallback;

TEST(LoadBalancing, PolicyAndItsSettings) {
  EXPECT_EQ(Good("    lb_policy: RANDOM\n").load_balancing.policy, Policy::kRandom);
  const LoadBalancing ring =
      Good("    lb_policy: RING_HASH\n"
           "    ring_hash_lb_config: {minimum_ring_size: 7, maximum_ring_size: 9}\n"
           "    common_lb_config: {consistent_hashing_lb_config: {use_hostname_for_hashing: true, "
           "hash_balance_factor: 120}}\n")
          .load_balancing;
  EXPECT_EQ(ring.policy, Policy::kRingHash);
  EXPECT_EQ(ring.min_ring_size, 7u);
  EXPECT_EQ(ring.max_ring_size, 9u);
  EXPECT_TRUE(ring.hash_hostname);
  EXPECT_EQ(ring.hash_balance_percent, 120u);
  const LoadBalancing maglev = Good("    lb_policy: MAGLEV\n    maglev_lb_config: {table_size: 101}\n").load_balancing;
  EXPECT_EQ(maglev.policy, Policy::kMaglev);
  EXPECT_EQ(maglev.maglev_table_size, 101u);
  const LoadBalancing least =
      Good("    lb_policy: LEAST_REQUEST\n"
           "    least_request_lb_config: {choice_count: 5, active_request_bias: {default_value: 0.5, runtime_key: b},\n"
           "      slow_start_config: {slow_start_window: 60s, aggression: {default_value: 2, runtime_key: a}, "
           "min_weight_percent: {value: 3}}}\n")
          .load_balancing;
  EXPECT_EQ(least.least_request_choices, 5u);
  EXPECT_EQ(least.active_request_bias, 0.5);
  EXPECT_EQ(least.slow_start.window, std::chrono::seconds(60));
  EXPECT_EQ(least.slow_start.aggression, 2);
  EXPECT_EQ(least.slow_start.min_weight_percent, 3);
  EXPECT_EQ(Good("    round_robin_lb_config: {slow_start_config: {slow_start_window: 1s}}\n")
                .load_balancing.slow_start.window,
            std::chrono::seconds(1));
  const LoadBalancing common =
      Good("    common_lb_config: {healthy_panic_threshold: {value: 7}, locality_weighted_lb_config: {}}\n")
          .load_balancing;
  EXPECT_EQ(common.panic_threshold, 7);
  EXPECT_TRUE(common.locality_weighted);
}

TEST(LoadBalancing, ThePolicyListHoldsInsteadOfTheOldFields) {
  const auto with = [](const std::string& type, const std::string& fields) {
    return Good("    load_balancing_policy: {policies: [{typed_extension_config: {name: x, typed_config: "
                "{\"@type\": type.googleapis.com/envoy.extensions.load_balancing_policies." +
                type + fields + "}}}]}\n")
        .load_balancing;
  };
  EXPECT_EQ(with("random.v3.Random", "").policy, Policy::kRandom);
  const LoadBalancing robin = with("round_robin.v3.RoundRobin",
                                   ", slow_start_config: {slow_start_window: 2s}, locality_lb_config: "
                                   "{locality_weighted_lb_config: {}}");
  EXPECT_EQ(robin.policy, Policy::kRoundRobin);
  EXPECT_EQ(robin.slow_start.window, std::chrono::seconds(2));
  EXPECT_TRUE(robin.locality_weighted);
  const LoadBalancing least = with("least_request.v3.LeastRequest",
                                   ", choice_count: 3, active_request_bias: {default_value: 2, runtime_key: b}, "
                                   "locality_lb_config: {locality_weighted_lb_config: {}}");
  EXPECT_EQ(least.policy, Policy::kLeastRequest);
  EXPECT_EQ(least.least_request_choices, 3u);
  EXPECT_EQ(least.active_request_bias, 2);
  const LoadBalancing ring = with("ring_hash.v3.RingHash",
                                  ", minimum_ring_size: 3, maximum_ring_size: 4, consistent_hashing_lb_config: "
                                  "{hash_balance_factor: 101}, locality_weighted_lb_config: {}");
  EXPECT_EQ(ring.policy, Policy::kRingHash);
  EXPECT_EQ(ring.max_ring_size, 4u);
  EXPECT_EQ(ring.hash_balance_percent, 101u);
  EXPECT_TRUE(ring.locality_weighted);
  const LoadBalancing maglev = with("maglev.v3.Maglev", ", table_size: 13, consistent_hashing_lb_config: "
                                                        "{use_hostname_for_hashing: true}");
  EXPECT_EQ(maglev.policy, Policy::kMaglev);
  EXPECT_EQ(maglev.maglev_table_size, 13u);
  EXPECT_TRUE(maglev.hash_hostname);
  const LoadBalancing weighted = with(
      "wrr_locality.v3.WrrLocality",
      ", endpoint_picking_policy: {policies: [{typed_extension_config: {name: y, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random}}}]}");
  EXPECT_EQ(weighted.policy, Policy::kRandom);
  EXPECT_TRUE(weighted.locality_weighted);
}

TEST(LoadBalancing, WhatIsWrong) {
  EXPECT_EQ(Bad("    maglev_lb_config: {table_size: 101}\n"), "maglev_lb_config: needs lb_policy MAGLEV");
  EXPECT_EQ(Bad("    lb_policy: MAGLEV\n    maglev_lb_config: {table_size: 100}\n"),
            "maglev_lb_config.table_size: 100, expected a prime");
  EXPECT_EQ(Bad("    lb_policy: RING_HASH\n    ring_hash_lb_config: {minimum_ring_size: 9, maximum_ring_size: 8}\n"),
            "ring_hash_lb_config.minimum_ring_size: 9, expected at most maximum_ring_size, 8");
  EXPECT_EQ(Bad("    round_robin_lb_config: {slow_start_config: {slow_start_window: 1s, aggression: "
                "{default_value: 0, runtime_key: a}}}\n"),
            "round_robin_lb_config.slow_start_config.aggression.default_value: 0, expected more than 0");
  EXPECT_EQ(Bad("    lb_policy: LOAD_BALANCING_POLICY_CONFIG\n"),
            "load_balancing_policy: missing, but lb_policy asks for it");
  EXPECT_EQ(Bad("    load_balancing_policy: {policies: [{typed_extension_config: {name: x, typed_config: "
                "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, "
                "max_request_bytes: 1}}}]}\n"),
            "load_balancing_policy.policies[0].typed_extension_config.typed_config: a "
            "envoy.extensions.filters.http.buffer.v3.Buffer, expected RoundRobin, LeastRequest, Random, RingHash, Maglev, "
            "WrrLocality, Subset, OverrideHost or Lanes");
}

TEST(LoadBalancing, Subsets) {
  const auto subsets = Good("    lb_subset_config:\n"
                            "      fallback_policy: DEFAULT_SUBSET\n"
                            "      default_subset: {v: one}\n"
                            "      locality_weight_aware: true\n"
                            "      panic_mode_any: true\n"
                            "      list_as_any: true\n"
                            "      subset_selectors:\n"
                            "      - {keys: [v, s, v], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [v]}\n"
                            "      - {keys: [v], fallback_policy: ANY_ENDPOINT, single_host_per_subset: true}\n")
                           .load_balancing.subsets;
  ASSERT_NE(subsets, nullptr);
  EXPECT_EQ(subsets->fallback, Fallback::kDefaultSubset);
  EXPECT_EQ(subsets->default_subset.text(), LbCriteria(MetadataValue::Struct{{"v", {std::string("one")}}}).text());
  EXPECT_TRUE(subsets->locality_weight_aware && subsets->panic_mode_any && subsets->list_as_any);
  ASSERT_EQ(subsets->selectors.size(), 2u);
  EXPECT_EQ(subsets->selectors[0].keys, (std::vector<std::string>{"s", "v"}));
  EXPECT_EQ(subsets->selectors[0].fallback, Fallback::kFewerKeys);
  EXPECT_EQ(subsets->selectors[0].fallback_keys, std::vector<std::string>{"v"});
  EXPECT_EQ(subsets->selectors[1].fallback, Fallback::kAnyHost);
  EXPECT_TRUE(subsets->selectors[1].single_host);

  EXPECT_EQ(Bad("    lb_subset_config: {subset_selectors: [{keys: [a]}, {keys: [a]}]}\n"),
            "lb_subset_config.subset_selectors[1].keys: the same keys as an earlier selector's");
  EXPECT_EQ(Bad("    lb_subset_config: {subset_selectors: [{keys: [a], fallback_policy: KEYS_SUBSET, "
                "fallback_keys_subset: [a]}]}\n"),
            "lb_subset_config.subset_selectors[0].fallback_keys_subset: expected some of keys, not all of them");
  EXPECT_EQ(Bad("    lb_subset_config: {subset_selectors: [{keys: [a, b], single_host_per_subset: true}]}\n"),
            "lb_subset_config.subset_selectors[0].single_host_per_subset: expected one key only");
  EXPECT_EQ(Bad("    lb_subset_config: {scale_locality_weight: true}\n"),
            "lb_subset_config.scale_locality_weight: true, but needs locality_weight_aware");
}

TEST(LoadBalancing, WeightsThatHostsReport) {
  const auto policy = [](const std::string& fields) {
    return "    load_balancing_policy: {policies: [{typed_extension_config: {name: x, typed_config: {\"@type\": "
           "type.googleapis.com/envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3."
           "ClientSideWeightedRoundRobin" + fields + "}}}]}\n";
  };
  const LoadBalancing usual = Good(policy("")).load_balancing;
  EXPECT_EQ(usual.policy, Policy::kRoundRobin);
  ASSERT_NE(usual.reported_weights, nullptr);
  EXPECT_EQ(usual.reported_weights->blackout, std::chrono::seconds(10));
  EXPECT_EQ(usual.reported_weights->expiration, std::chrono::seconds(180));
  EXPECT_EQ(usual.reported_weights->update, std::chrono::seconds(1));
  EXPECT_EQ(usual.reported_weights->error_penalty, 1);
  const LoadBalancing own =
      Good(policy(", blackout_period: 0s, weight_expiration_period: 2s, weight_update_period: 0.01s, "
                  "error_utilization_penalty: 0.5, metric_names_for_computing_utilization: [named_metrics.q]"))
          .load_balancing;
  EXPECT_EQ(own.reported_weights->blackout, base::Duration::zero());
  EXPECT_EQ(own.reported_weights->expiration, std::chrono::seconds(2));
  EXPECT_EQ(own.reported_weights->update, std::chrono::milliseconds(100)) << "not more often";
  EXPECT_EQ(own.reported_weights->error_penalty, 0.5);
  EXPECT_EQ(own.reported_weights->metrics, std::vector<std::string>{"named_metrics.q"});
  EXPECT_EQ(Bad(policy(", error_utilization_penalty: -1")),
            "load_balancing_policy.policies[0].typed_extension_config.typed_config.error_utilization_penalty: -1, expected at "
            "least 0");
}

TEST(LoadBalancing, SubsetsAsAPolicy) {
  const auto policy = [](const std::string& config) {
    return "{policies: [{typed_extension_config: {name: x, typed_config: {\"@type\": "
           "type.googleapis.com/envoy.extensions.load_balancing_policies." + config + "}}}]}";
  };
  const auto subset = [&](const std::string& config, const std::string& within) {
    return policy("subset.v3.Subset, " + config + "subset_lb_policy: " + policy(within));
  };
  const LoadBalancing balancing =
      Good("    load_balancing_policy: " +
           subset("fallback_policy: ANY_ENDPOINT, allow_redundant_keys: true, locality_weight_aware: true, "
                  "scale_locality_weight: true, subset_selectors: [{keys: [v], fallback_policy: NO_FALLBACK}], ",
                  "least_request.v3.LeastRequest, choice_count: 3") +
           "\n")
          .load_balancing;
  EXPECT_EQ(balancing.policy, Policy::kLeastRequest);
  EXPECT_EQ(balancing.least_request_choices, 3u);
  ASSERT_NE(balancing.subsets, nullptr);
  EXPECT_EQ(balancing.subsets->fallback, Fallback::kAnyHost);
  EXPECT_TRUE(balancing.subsets->allow_redundant_keys && balancing.subsets->scale_locality_weight);
  ASSERT_EQ(balancing.subsets->selectors.size(), 1u);
  EXPECT_EQ(balancing.subsets->selectors[0].fallback, Fallback::kNone);

  const std::string place = "load_balancing_policy.policies[0].typed_extension_config.typed_config";
  EXPECT_EQ(Bad("    load_balancing_policy: " +
                policy("subset.v3.Subset, subset_lb_policy: " + subset("", "random.v3.Random")) + "\n"),
            place + ".subset_lb_policy.policies[0].typed_extension_config.typed_config: Subset, expected no other one, nor "
                    "lb_subset_config");
  EXPECT_EQ(Bad("    lb_subset_config: {}\n    load_balancing_policy: " + subset("", "random.v3.Random") + "\n"),
            place + ": Subset, expected no other one, nor lb_subset_config");
}

TEST(LoadBalancing, Endpoints) {
  const Cluster cluster = Good("    load_assignment:\n"
                               "      cluster_name: be\n"
                               "      policy: {overprovisioning_factor: 200, weighted_priority_health: true}\n"
                               "      endpoints:\n"
                               "      - load_balancing_weight: 4\n"
                               "        lb_endpoints:\n"
                               "        - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 1}}}\n"
                               "          health_status: DRAINING\n"
                               "          metadata: {filter_metadata: {envoy.lb: {v: [1, true, null, {k: x}]}}}\n");
  EXPECT_EQ(cluster.assignment_policy.overprovisioning_percent, 200u);
  EXPECT_TRUE(cluster.assignment_policy.weighted_priority_health);
  ASSERT_EQ(cluster.endpoints.size(), 1u);
  EXPECT_EQ(cluster.endpoints[0].locality_weight, 4u);
  EXPECT_EQ(cluster.endpoints[0].health, EndpointHealth::kDraining);
  const MetadataValue* value = cluster.endpoints[0].metadata->Find("envoy.lb", "v");
  ASSERT_NE(value, nullptr);
  const MetadataValue::Struct fields = {{"k", {std::string("x")}}};
  EXPECT_EQ(*value, (MetadataValue{MetadataValue::List{{1.0}, {true}, {}, {fields}}}));
  EXPECT_EQ(cluster.endpoints[0].metadata->Find("envoy.lb", "w"), nullptr);
}

TEST(LoadBalancing, LogicalDnsHasOneName) {
  const std::string one = "        - endpoint: {address: {socket_address: {address: a.test, port_value: 1}}}\n";
  const std::string front =
      "    type: LOGICAL_DNS\n    load_assignment:\n      cluster_name: be\n      endpoints:\n      - lb_endpoints:\n";
  EXPECT_EQ(Good(front + one).discovery, Cluster::Discovery::kLogicalDns);
  EXPECT_EQ(Bad(front + one + one),
            "load_assignment.endpoints: 2 endpoints, expected one in a LOGICAL_DNS cluster");
}

}  // namespace
}  // namespace pillion::config
