// Clusters of names, and who is asked for these.

#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kAny[] = "type.googleapis.com/envoy.extensions.";

Loaded Load(const std::string& cluster, const std::string& top = "") {
  return LoadText("static_resources: {clusters: [" + cluster + "]}\n" + top);
}

Cluster Good(const std::string& cluster, const std::string& top = "") {
  return *GoodCluster(Load(cluster, top));
}

// Without the beginning of the paths.
std::string Errors(const std::string& cluster) {
  return LineAt(kFirstCluster, Load(cluster).errors);
}

std::string Endpoints(const std::string& names) {
  std::string list;
  for (const char name : names) {
    list += std::string("{endpoint: {address: {socket_address: {address: ") + name + ".test, port_value: 80}}}},";
  }
  list.back() = ' ';
  return "load_assignment: {cluster_name: be, endpoints: [{lb_endpoints: [" + list + "]}]}";
}

// A cluster of the type that has all of it in one message.
std::string Dns(const std::string& config, const std::string& names = "a", const std::string& more = "") {
  return std::string("{name: be, cluster_type: {name: envoy.clusters.dns, typed_config: {'@type': ") + kAny +
         "clusters.dns.v3.DnsCluster" + config + "}}, " + more + Endpoints(names) + "}";
}

std::string Resolver(const std::string& type) {
  return std::string("typed_dns_resolver_config: {name: r, typed_config: {'@type': ") + kAny + "network.dns_resolver." + type +
         "}}";
}

TEST(DnsTest, ClusterOfNames) {
  const Cluster plain = Good(Dns("", "ab"));
  EXPECT_EQ(plain.discovery, Cluster::Discovery::kStrictDns);
  EXPECT_EQ(plain.endpoints.size(), 2u);
  EXPECT_EQ(plain.dns_refresh_rate, seconds(5));
  EXPECT_EQ(plain.dns_family, Cluster::DnsFamily::kAuto);
  EXPECT_EQ(plain.name_resolution, nullptr);

  const Cluster all = Good(Dns(", dns_refresh_rate: 7s, dns_failure_refresh_rate: {base_interval: 1s}, respect_dns_ttl: true, "
                               "dns_jitter: 0.5s, dns_lookup_family: V4_PREFERRED, all_addresses_in_single_endpoint: true"));
  EXPECT_EQ(all.discovery, Cluster::Discovery::kLogicalDns);
  EXPECT_EQ(all.dns_refresh_rate, seconds(7));
  EXPECT_EQ(all.dns_back_off->max, seconds(10));
  EXPECT_TRUE(all.respect_dns_ttl);
  EXPECT_EQ(all.dns_jitter, milliseconds(500));
  EXPECT_EQ(all.dns_family, Cluster::DnsFamily::kV4Preferred);

  using Family = Cluster::DnsFamily;
  const std::pair<const char*, Family> families[] = {{"UNSPECIFIED", Family::kAuto},
                                                     {"AUTO", Family::kAuto},
                                                     {"V4_ONLY", Family::kV4Only},
                                                     {"V6_ONLY", Family::kV6Only},
                                                     {"ALL", Family::kAll}};
  for (const auto& [name, family] : families) {
    EXPECT_EQ(Good(Dns(std::string(", dns_lookup_family: ") + name)).dns_family, family) << name;
  }
}

TEST(DnsTest, ClusterOfNamesThatCannotBe) {
  const std::string place = "cluster_type.typed_config.";
  EXPECT_EQ(Errors(Dns(", all_addresses_in_single_endpoint: true", "ab")),
            "load_assignment.endpoints: 2 endpoints, expected one in a LOGICAL_DNS cluster");
  EXPECT_EQ(Errors(Dns(", dns_failure_refresh_rate: {base_interval: 2s, max_interval: 1s}")),
            place + "dns_failure_refresh_rate.max_interval: less than base_interval");
  EXPECT_EQ(Errors(Dns("", "a", "lb_policy: CLUSTER_PROVIDED, ")),
            "lb_policy: CLUSTER_PROVIDED, but no cluster of type ORIGINAL_DST and no aggregate");
}

TEST(DnsTest, WhatTheClusterSaysIsNothingBesideItsType) {
  const Loaded loaded = Load(Dns(", dns_refresh_rate: 7s", "a", "dns_refresh_rate: 1s, dns_lookup_family: V4_ONLY, "));
  ASSERT_NE(loaded.bootstrap, nullptr);
  EXPECT_EQ(loaded.bootstrap->clusters[0]->dns_refresh_rate, seconds(7));
  EXPECT_EQ(loaded.bootstrap->clusters[0]->dns_family, Cluster::DnsFamily::kAuto);
  std::string notes;
  for (const ConfigError& note : loaded.notes) notes += note.path + ": " + note.message + "\n";
  EXPECT_NE(notes.find("clusters[0].dns_refresh_rate: says nothing: cluster_type stands instead"), std::string::npos) << notes;
  EXPECT_NE(notes.find("clusters[0].dns_lookup_family: says nothing"), std::string::npos) << notes;
}

TEST(DnsTest, WhoIsAsked) {
  const std::string cares =
      "cares.v3.CaresDnsResolverConfig, resolvers: [{socket_address: {address: 192.0.2.1, port_value: 53, protocol: UDP}}, "
      "{socket_address: {address: '2001:db8::1', port_value: 5353}}], use_resolvers_as_fallback: true, "
      "filter_unroutable_families: true, dns_resolver_options: {use_tcp_for_dns_lookups: true, no_default_search_domain: true}, "
      "udp_max_queries: 9, query_timeout_seconds: 4, query_tries: 5, rotate_nameservers: true";
  const auto check = [](const std::shared_ptr<const NameResolution>& asked) {
    ASSERT_NE(asked, nullptr);
    ASSERT_EQ(asked->servers.size(), 2u);
    EXPECT_EQ(AddressText(asked->servers[0]), "192.0.2.1:53");
    EXPECT_EQ(AddressText(asked->servers[1]), "[2001:db8::1]:5353");
    EXPECT_TRUE(asked->servers_as_fallback && asked->leaves_unroutable && asked->tcp && asked->rotate);
    EXPECT_FALSE(asked->search_domains || asked->system);
    EXPECT_EQ(asked->questions_per_port, 9u);
    EXPECT_EQ(asked->timeout, seconds(4));
    EXPECT_EQ(asked->tries, 5u);
  };
  const std::string strict = "{name: be, type: STRICT_DNS, ";
  check(Good(strict + Resolver(cares) + ", " + Endpoints("a") + "}").name_resolution);
  check(Good(Dns(", " + Resolver(cares))).name_resolution);
  // The bootstrap's, where a cluster does not say.
  check(Good(strict + Endpoints("a") + "}", Resolver(cares)).name_resolution);
  const std::string system = Resolver("getaddrinfo.v3.GetAddrInfoDnsResolverConfig, num_retries: 3");
  const Cluster own = Good(strict + system + ", " + Endpoints("a") + "}", Resolver(cares));
  EXPECT_TRUE(own.name_resolution->system);
  EXPECT_EQ(own.name_resolution->retries, 3u);
}

TEST(DnsTest, WhoCannotBeAsked) {
  const auto errors = [](const std::string& config) {
    return Errors("{name: be, type: STRICT_DNS, " + Resolver("cares.v3.CaresDnsResolverConfig, " + config) + ", " +
                  Endpoints("a") + "}");
  };
  const std::string place = "typed_dns_resolver_config.typed_config.";
  EXPECT_EQ(errors("resolvers: [{socket_address: {address: dns.test, port_value: 53}}]"),
            place + "resolvers[0].socket_address.address: \"dns.test\", expected an IP address");
  EXPECT_EQ(errors("resolvers: [{socket_address: {address: 192.0.2.1, port_value: 0}}]"),
            place + "resolvers[0].socket_address.port_value: 0, expected a port from 1 to 65535");
  EXPECT_EQ(errors("resolvers: [{pipe: {path: /a}}]"),
            place + "resolvers[0]: a unix path, expected a socket_address: who is asked by DNS has an IP address");
  EXPECT_EQ(errors("use_resolvers_as_fallback: true"),
            place + "use_resolvers_as_fallback: true, but there are no resolvers");
  EXPECT_EQ(Errors("{name: be, type: STRICT_DNS, typed_dns_resolver_config: {name: r, typed_config: {'@type': " +
                   std::string(kAny) + "clusters.dns.v3.DnsCluster}}, " + Endpoints("a") + "}"),
            "typed_dns_resolver_config.typed_config: a envoy.extensions.clusters.dns.v3.DnsCluster, expected "
            "CaresDnsResolverConfig or GetAddrInfoDnsResolverConfig");
}

}  // namespace
}  // namespace pillion::config
