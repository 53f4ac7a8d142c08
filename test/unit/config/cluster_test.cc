// Where a cluster's hosts come from, and what connections to them are made with.

#include <gtest/gtest.h>

#include <fstream>

#include "source/config/route_overrides.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

constexpr char kAny[] = "type.googleapis.com/envoy.";

// A cluster with this load balancing policy.
std::string WithPolicy(const std::string& policy) {
  return std::string("{name: a, load_balancing_policy: {policies: [{typed_extension_config: {name: p, typed_config: {'@type': ") +
         kAny + "extensions.load_balancing_policies." + policy + "}}}]}}";
}

Loaded Load(const std::string& clusters, const std::string& top = "") {
  return LoadText("static_resources: {clusters: [" + clusters + "]}\n" + top);
}

std::vector<std::shared_ptr<const Cluster>> Good(const std::string& clusters, const std::string& top = "") {
  const Loaded loaded = Load(clusters, top);
  ExpectGood(loaded);
  return loaded.bootstrap == nullptr ? std::vector{std::make_shared<const Cluster>()} : loaded.bootstrap->clusters;
}

// Without the beginning of the paths.
std::string Errors(const std::string& clusters, const std::string& top = "") {
  return LineAt(kFirstCluster, Load(clusters, top).errors);
}

std::string WithFile(const std::string& text) {
  const std::string path = testing::TempDir() + "/eds.json";
  std::ofstream(path) << text;
  return path;
}

std::string Eds(const std::string& source) {
  return "{name: a, type: EDS, eds_cluster_config: {eds_config: {" + source + "}}}";
}

TEST(ClusterTest, EdsFromAFile) {
  const std::string path = WithFile("{}");
  const auto cluster =
      Good(Eds("path_config_source: {path: " + path + ", watched_directory: {path: " + testing::TempDir() + "}}"))[0];
  EXPECT_EQ(cluster->discovery, Cluster::Discovery::kEds);
  EXPECT_EQ(cluster->service_name, "a");
  EXPECT_EQ(cluster->eds.source, ConfigSource(PathSource{path, testing::TempDir()}));
  EXPECT_EQ(Good(Eds("path: " + path))[0]->eds.source, ConfigSource(PathSource{path, ""}));
}

TEST(ClusterTest, EdsThatCannotBe) {
  const std::string source = "eds_cluster_config.eds_config.";
  EXPECT_EQ(Errors(Eds("path: /not/there")), source + "path: \"/not/there\", expected a file that is there");
  EXPECT_EQ(Errors(Eds("path_config_source: {path: /, watched_directory: {path: /not/there}}")),
            source + "path_config_source.watched_directory.path: \"/not/there\", expected a directory that is there");
  EXPECT_EQ(Errors("{name: a, type: EDS}"), "eds_cluster_config: missing, but type EDS asks for it");
  EXPECT_EQ(Errors("{name: a, eds_cluster_config: {eds_config: {path: /}}}"), "eds_cluster_config: needs type EDS");
  EXPECT_EQ(Errors("{name: a, type: EDS, eds_cluster_config: {eds_config: {path: /}}, "
                   "load_assignment: {cluster_name: a, endpoints: [{}]}}"),
            "load_assignment: expected none in a cluster of type EDS");
}

TEST(ClusterTest, Aggregate) {
  const auto aggregate = [](const std::string& clusters, const std::string& policy = "CLUSTER_PROVIDED") {
    return "{name: all, lb_policy: " + policy + ", cluster_type: {name: x, typed_config: {'@type': " + kAny +
           "extensions.clusters.aggregate.v3.ClusterConfig, clusters: [" + clusters + "]}}}";
  };
  const auto clusters = Good(aggregate("a, b") + ", {name: a}, {name: b}");
  EXPECT_EQ(clusters[0]->discovery, Cluster::Discovery::kAggregate);
  EXPECT_EQ(clusters[0]->members, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Errors(aggregate("c") + ", {name: a}"), "cluster_type.typed_config.clusters[0]: unknown cluster 'c'");
  EXPECT_EQ(Errors(aggregate("all")), "cluster_type.typed_config.clusters[0]: cluster \"all\" has no hosts of its own");
  EXPECT_EQ(Errors(aggregate("a", "RANDOM") + ", {name: a}"), "lb_policy: expected CLUSTER_PROVIDED in an aggregate");
  EXPECT_EQ(Errors("{name: a, lb_policy: CLUSTER_PROVIDED}"),
            "lb_policy: CLUSTER_PROVIDED, but no cluster of type ORIGINAL_DST and no aggregate");
  EXPECT_EQ(Errors("{name: a, lb_policy: CLUSTER_PROVIDED, cluster_type: {name: envoy.clusters.redis}}"),
            "cluster_type.typed_config: missing, expected DnsCluster, or ClusterConfig of an aggregate; lb_policy: "
            "CLUSTER_PROVIDED, but no cluster of type ORIGINAL_DST and no aggregate");
}

TEST(ClusterTest, WhatHoldsForItsRequests) {
  const auto with = [](const std::string& options) {
    return std::string("{name: a, typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: ") +
           "{'@type': " + kAny + "extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: " +
           "{http_protocol_options: {}}, " + options + "}}}";
  };
  const auto clusters = Good(with("request_mirror_policies: [{cluster: b}, {cluster_header: x-to}], hash_policy: "
                                  "[{header: {header_name: x-a}}], retry_policy: {retry_on: 5xx, num_retries: 3}") +
                             ", {name: b}");
  ASSERT_NE(clusters[0]->http.route_overrides, nullptr);
  const RouteOverrides& overrides = *clusters[0]->http.route_overrides;
  ASSERT_EQ(overrides.mirrors.size(), 2u);
  EXPECT_EQ(std::get<std::string>(overrides.mirrors[0].cluster), "b");
  EXPECT_EQ(overrides.hash_policies.size(), 1u);
  ASSERT_TRUE(overrides.retry_policy);
  EXPECT_EQ(overrides.retry_policy->num_retries, 3u);
  EXPECT_EQ(clusters[1]->http.route_overrides, nullptr);
  EXPECT_EQ(Errors(with("request_mirror_policies: [{cluster: b}]")),
            "typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"]."
            "request_mirror_policies[0].cluster: unknown cluster 'b'");
}

TEST(ClusterTest, WhatIsTracked) {
  const auto cluster = Good("{name: a, close_connections_on_host_health_failure: true, track_cluster_stats: "
                            "{request_response_sizes: true, per_endpoint_stats: true}}, "
                            "{name: b, track_cluster_stats: {timeout_budgets: true}}, {name: c, track_timeout_budgets: true}");
  EXPECT_TRUE(cluster[0]->close_on_health_failure && cluster[0]->tracked.sizes && cluster[0]->tracked.endpoints);
  EXPECT_FALSE(cluster[0]->tracked.timeout_budgets || cluster[1]->tracked.sizes || cluster[1]->tracked.endpoints);
  EXPECT_TRUE(cluster[1]->tracked.timeout_budgets && cluster[2]->tracked.timeout_budgets);
}

TEST(ClusterTest, TransportSockets) {
  const std::string raw = std::string("transport_socket: {name: r, typed_config: {'@type': ") + kAny +
                          "extensions.transport_sockets.raw_buffer.v3.RawBuffer}}";
  const auto cluster =
      Good("{name: a, " + raw + ", transport_socket_matches: [{name: x, match: {mode: tls}, " + raw + "}, {name: y}]}")[0];
  ASSERT_EQ(cluster->transport_matches.size(), 2u);
  EXPECT_EQ(cluster->transport_matches[0].name, "x");
  EXPECT_EQ(cluster->transport_matches[0].match.size(), 1u);
  EXPECT_TRUE(cluster->transport_matches[1].match.empty());
  EXPECT_EQ(cluster->transport_matches[1].tls, nullptr);
}

TEST(ClusterTest, ZoneAware) {
  const std::string top =
      "node: {id: n, cluster: c, locality: {zone: z}}\ncluster_manager: {local_cluster_name: a}";
  // It is on wherever the own cluster is known.
  const std::optional<ZoneAware> zones = Good("{name: a}", top)[0]->load_balancing.zone_aware;
  ASSERT_TRUE(zones);
  EXPECT_EQ(zones->proxies, "a");
  EXPECT_EQ(zones->own.zone, "z");
  EXPECT_EQ(zones->percent, 100);
  EXPECT_EQ(zones->min_cluster_size, 6u);
  EXPECT_FALSE(Good("{name: a}")[0]->load_balancing.zone_aware);
  EXPECT_FALSE(Good("{name: a, lb_policy: MAGLEV}", top)[0]->load_balancing.zone_aware);
  const auto weighted = Good("{name: a, common_lb_config: {locality_weighted_lb_config: {}}}", top)[0];
  EXPECT_FALSE(weighted->load_balancing.zone_aware);
  const LoadBalancing policy =
      Good(WithPolicy("random.v3.Random, locality_lb_config: {zone_aware_lb_config: {routing_enabled: {value: 12.5}, "
                      "min_cluster_size: 3, fail_traffic_on_panic: true}}"),
           top)[0]->load_balancing;
  EXPECT_EQ(policy.zone_aware->percent, 12.5);
  EXPECT_EQ(policy.zone_aware->min_cluster_size, 3u);
  EXPECT_TRUE(policy.fail_traffic_on_panic);
  EXPECT_EQ(Errors("{name: a}", "cluster_manager: {local_cluster_name: b}"),
            "cluster_manager.local_cluster_name: unknown cluster 'b'");
}

TEST(ClusterTest, RingHashFunction) {
  const auto ring = [](const std::string& function) {
    return Good(WithPolicy("ring_hash.v3.RingHash, hash_function: " + function))[0]
        ->load_balancing.murmur;
  };
  EXPECT_TRUE(ring("MURMUR_HASH_2"));
  EXPECT_FALSE(ring("XX_HASH"));
  EXPECT_FALSE(ring("DEFAULT_HASH"));
}

TEST(ClusterTest, Rest) {
  const auto cluster = Good("{name: a, dns_jitter: 2s, dns_failure_refresh_rate: {base_interval: 1s}, common_lb_config: "
                            "{ignore_new_hosts_until_first_hc: true, close_connections_on_host_set_change: true}}")[0];
  EXPECT_EQ(cluster->dns_jitter, std::chrono::seconds(2));
  EXPECT_EQ(cluster->dns_back_off->base, std::chrono::seconds(1));
  EXPECT_EQ(cluster->dns_back_off->max, std::chrono::seconds(10));
  EXPECT_TRUE(cluster->ignore_new_hosts_until_first_check);
  EXPECT_TRUE(cluster->close_on_membership_change);
  EXPECT_EQ(Errors("{name: a, dns_failure_refresh_rate: {base_interval: 2s, max_interval: 1s}}"),
            "dns_failure_refresh_rate.max_interval: less than base_interval");
}

}  // namespace
}  // namespace pillion::config
