#include "source/config/priority.h"
#include "source/upstream/cluster.h"

#include <gtest/gtest.h>

#include <string>

#include "test/support/stat.h"

namespace pillion::upstream {
namespace {

using test::Stat;

config::Endpoint At(const std::string& ip, uint16_t port, uint32_t priority = 0, uint32_t weight = 1) {
  config::Endpoint endpoint;
  endpoint.target = config::Address(config::SocketAddress{.ip = ip, .is_ipv6 = ip.find(':') != ip.npos, .port = port});
  endpoint.priority = priority;
  endpoint.weight = weight;
  return endpoint;
}

std::shared_ptr<config::Cluster> Static(std::vector<config::Endpoint> endpoints) {
  auto cluster = std::make_shared<config::Cluster>();
  cluster->name = cluster->stat_name = "be";
  cluster->endpoints = std::move(endpoints);
  return cluster;
}

std::vector<std::string> Addresses(const HostSet& set) {
  std::vector<std::string> result;
  for (const std::shared_ptr<Host>& host : set.hosts) result.push_back(host->address_text());
  return result;
}

TEST(Cluster, StaticHostsByPriorityWithoutDoubles) {
  stats::Registry registry(2);
  Cluster cluster(Static({At("10.0.0.2", 80, 1), At("10.0.0.1", 80), At("::1", 81), At("10.0.0.1", 80, 0, 7)}),
                  registry);
  EXPECT_EQ(Addresses(*cluster.hosts()), (std::vector<std::string>{"10.0.0.1:80", "[::1]:81", "10.0.0.2:80"}));
  EXPECT_EQ(cluster.hosts()->hosts[0]->weight(), 1u);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_total"), 3);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_healthy"), 3);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_change"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.max_host_weight"), 1);
}

TEST(Cluster, AddressesInTheOrderOfTheCluster) {
  stats::Registry registry(1);
  const auto with = [](std::vector<config::Endpoint> also) {
    config::Endpoint endpoint = At("10.0.0.1", 80);
    auto more = std::make_shared<std::vector<config::Address>>();
    for (const config::Endpoint& each : also) more->push_back(std::get<config::Address>(each.target));
    endpoint.additional_addresses = std::move(more);
    return endpoint;
  };
  const auto text = [](const Host& host) {
    std::string all;
    for (const net::Address& address : *host.addresses()) all += address.text() + " ";
    return all;
  };
  const config::Endpoint endpoint = with({At("10.0.0.2", 81), At("::1", 82), At("::2", 83)});
  const auto config = Static({endpoint, At("10.0.0.9", 80)});
  Cluster cluster(config, registry);
  EXPECT_EQ(text(*cluster.hosts()->hosts[0]), "10.0.0.1:80 [::1]:82 10.0.0.2:81 [::2]:83 ");
  EXPECT_EQ(cluster.hosts()->hosts[1]->addresses(), nullptr);

  const auto other = Static({endpoint});
  other->name = other->stat_name = "other";
  other->happy_eyeballs = {.first = config::HappyEyeballs::Family::kV6, .count = 2};
  Cluster ordered(other, registry);
  EXPECT_EQ(text(*ordered.hosts()->hosts[0]), "[::1]:82 [::2]:83 10.0.0.1:80 10.0.0.2:81 ");
  EXPECT_EQ(ordered.hosts()->hosts[0]->address_text(), "10.0.0.1:80");

  // The same addresses: the same host; others: another.
  const std::shared_ptr<Host> before = ordered.hosts()->hosts[0];
  const config::Endpoint same = with({At("10.0.0.2", 81), At("::1", 82), At("::2", 83)}), changed = with({At("::1", 82)});
  EXPECT_FALSE(ordered.UpdateHosts({{before->address(), &same}}));
  EXPECT_EQ(ordered.hosts()->hosts[0], before);
  EXPECT_TRUE(ordered.UpdateHosts({{before->address(), &changed}}));
  EXPECT_NE(ordered.hosts()->hosts[0], before);
  EXPECT_EQ(text(*ordered.hosts()->hosts[0]), "[::1]:82 10.0.0.1:80 ");
}

TEST(Cluster, FiguresOfEachEndpoint) {
  stats::Registry registry(2);
  const auto config = Static({At("10.0.0.1", 80), At("::1", 81)});
  config->tracked.endpoints = true;
  config::Endpoint endpoint;
  {
    Cluster cluster(config, registry);
    const std::string first = "cluster.be.endpoint.10.0.0.1_80.";
    Host& host = *cluster.hosts()->hosts[0];
    EXPECT_EQ(Stat(registry, first + "healthy"), 1);
    EXPECT_EQ(Stat(registry, "cluster.be.endpoint.[__1]_81.rq_total"), 0);
    host.figures(0).Add(HostFigures::kRqTotal, 2);
    host.figures(1).Add(HostFigures::kRqTotal, 3);
    host.figures(1).Add(HostFigures::kCxActive);
    host.SetFlags(kFailedActiveCheck);
    EXPECT_EQ(Stat(registry, first + "rq_total"), 5);
    EXPECT_EQ(Stat(registry, first + "cx_active"), 1);
    EXPECT_EQ(Stat(registry, first + "healthy"), 0);
    for (const char* name : {"cx_connect_fail", "cx_total", "rq_active", "rq_error", "rq_pending_active", "rq_success",
                             "rq_timeout"}) {
      EXPECT_EQ(Stat(registry, first + name), 0) << name;
    }
    // They go with the host.
    cluster.UpdateHosts({{*net::Address::Ip("10.0.0.2", 80), &endpoint}});
    EXPECT_EQ(Stat(registry, "cluster.be.endpoint.10.0.0.2_80.healthy"), 1);
    for (const stats::Snapshot::Number& number : registry.Read().numbers) {
      EXPECT_FALSE(number.description->name().starts_with(first)) << number.description->name();
    }
  }
  for (const stats::Snapshot::Number& number : registry.Read().numbers) {
    EXPECT_FALSE(number.description->name().starts_with("cluster.be.endpoint.")) << number.description->name();
  }
}

TEST(Cluster, LanesThatComeAndGo) {
  stats::Registry registry(1);
  const auto config = Static({});
  auto lanes = std::make_shared<config::Lanes>();
  lanes->keys = {"env", "version"};
  config->load_balancing.lanes = lanes;
  Cluster cluster(config, registry);
  const auto with = [](const std::string& env) {
    config::Endpoint endpoint;
    auto metadata = std::make_shared<config::Metadata>();
    if (!env.empty()) metadata->namespaces["envoy.lb"]["env"] = {env};
    endpoint.metadata = metadata;
    return endpoint;
  };
  const config::Endpoint plain = with("");
  const config::Endpoint gray = with("gray");
  const config::Endpoint blue = with("blue");
  const net::Address first = *net::Address::Ip("10.0.0.1", 80);
  const net::Address second = *net::Address::Ip("10.0.0.2", 80);
  const net::Address third = *net::Address::Ip("10.0.0.3", 80);
  cluster.UpdateHosts({{first, &plain}, {second, &gray}, {third, &gray}});
  EXPECT_EQ(Stat(registry, "cluster.be.lb_lanes_active"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.lb_lanes_created"), 1);
  cluster.UpdateHosts({{first, &plain}, {second, &blue}, {third, &gray}});
  EXPECT_EQ(Stat(registry, "cluster.be.lb_lanes_active"), 2);
  cluster.UpdateHosts({{first, &plain}, {second, &blue}});
  EXPECT_EQ(Stat(registry, "cluster.be.lb_lanes_active"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.lb_lanes_created"), 2);
  EXPECT_EQ(Stat(registry, "cluster.be.lb_lanes_removed"), 1);
}

TEST(Cluster, HostsThatStayAreTheSameObjects) {
  stats::Registry registry(1);
  const auto config = Static({At("10.0.0.1", 80), At("10.0.0.2", 80)});
  Cluster cluster(config, registry);
  const auto before = cluster.hosts();

  const config::Endpoint& endpoint = config->endpoints[0];
  const net::Address second = *net::Address::Ip("10.0.0.2", 80);
  const net::Address third = *net::Address::Ip("10.0.0.3", 80);
  ASSERT_TRUE(cluster.UpdateHosts({{second, &endpoint}, {third, &endpoint}}));
  const auto after = cluster.hosts();
  EXPECT_EQ(Addresses(*after), (std::vector<std::string>{"10.0.0.2:80", "10.0.0.3:80"}));
  EXPECT_EQ(after->hosts[0], before->hosts[1]);
  EXPECT_EQ(Addresses(*before).size(), 2u);  // the old set is untouched

  // The same addresses in another order are no change.
  EXPECT_FALSE(cluster.UpdateHosts({{third, &endpoint}, {second, &endpoint}}));
  EXPECT_EQ(Stat(registry, "cluster.be.membership_change"), 2);

  // Weight, priority and the configured health change in place.
  config::Endpoint heavier = endpoint;
  heavier.weight = 9;
  heavier.priority = 1;
  heavier.health = config::EndpointHealth::kDegraded;
  ASSERT_TRUE(cluster.UpdateHosts({{second, &heavier}, {third, &endpoint}}));
  EXPECT_EQ(Addresses(*cluster.hosts()), (std::vector<std::string>{"10.0.0.3:80", "10.0.0.2:80"}));
  EXPECT_EQ(cluster.hosts()->hosts[1], before->hosts[1]);
  EXPECT_EQ(Stat(registry, "cluster.be.max_host_weight"), 9);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_change"), 2);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_healthy"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_degraded"), 1);

  // Another name makes another host.
  heavier.hostname = "two.test";
  ASSERT_TRUE(cluster.UpdateHosts({{second, &heavier}, {third, &endpoint}}));
  EXPECT_NE(cluster.hosts()->hosts[1], before->hosts[1]);
}

TEST(Cluster, EveryChangeIsPublished) {
  stats::Registry registry(1);
  const auto config = Static({At("10.0.0.1", 80), At("10.0.0.2", 80)});
  Cluster cluster(config, registry);
  std::vector<std::shared_ptr<const HostSet>> published;
  cluster.set_publish([&](std::shared_ptr<const HostSet> hosts) { published.push_back(std::move(hosts)); });

  const auto first = cluster.hosts()->hosts[0];
  first->SetFlags(kFailedActiveCheck | kExcludedAtOnce);
  cluster.HealthChanged();
  ASSERT_EQ(published.size(), 1u);
  EXPECT_EQ(published[0]->priorities[0].healthy, Hosts{published[0]->hosts[1]});
  EXPECT_EQ(published[0]->priorities[0].hosts.size(), 2u);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_healthy"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.membership_excluded"), 1);
  first->ClearFlags(kFailedActiveCheck);
  cluster.HealthChanged();
  ASSERT_EQ(published.size(), 2u);
  EXPECT_EQ(published[1]->priorities[0].healthy.size(), 2u);

  // Who looks at the hosts that come says what they are, before anyone chooses among them.
  std::vector<std::string> came, went;
  cluster.AddObserver([&](const Cluster::MembershipChange& change) {
    for (const auto& host : change.added) {
      host->SetFlags(kFailedActiveCheck);
      came.push_back(host->address_text());
    }
    for (const auto& host : change.removed) went.push_back(host->address_text());
  });
  const net::Address third = *net::Address::Ip("10.0.0.3", 80);
  ASSERT_TRUE(cluster.UpdateHosts({{first->address(), &config->endpoints[0]}, {third, &config->endpoints[0]}}));
  EXPECT_EQ(came, std::vector<std::string>{"10.0.0.3:80"});
  EXPECT_EQ(went, std::vector<std::string>{"10.0.0.2:80"});
  ASSERT_EQ(published.size(), 3u);
  EXPECT_EQ(published[2]->priorities[0].healthy, Hosts{first});
}

TEST(ClusterStats, StatusCountersByCodeAndClass) {
  stats::Registry registry(2);
  Cluster cluster(Static({At("10.0.0.1", 80)}), registry);
  ClusterStats first(cluster.stat_ids(), registry.shard(0));
  ClusterStats second(cluster.stat_ids(), registry.shard(1));
  first.CountStatus(200);
  second.CountStatus(200);
  second.CountStatus(299);  // a rare one: registered now
  first.CountStatus(299);
  first.CountStatus(503);
  first.CountStatus(100);
  first.CountStatus(599);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_200"), 2);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_299"), 2);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_503"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_599"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_1xx"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_2xx"), 4);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_5xx"), 2);
  EXPECT_EQ(Stat(registry, "cluster.be.upstream_rq_completed"), 7);
}

TEST(ClusterStats, BreakersAreGaugesOfTheProcess) {
  stats::Registry registry(2);
  const auto config = Static({At("10.0.0.1", 80)});
  config->circuit_breakers[1].max_requests = 1;
  Cluster cluster(config, registry);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.high.rq_open"), 0);
  ASSERT_TRUE(cluster.breakers(config::Priority::kHigh).requests.Take());
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.high.rq_open"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.default.rq_open"), 0);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.high.cx_open"), 0);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.high.rq_pending_open"), 0);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.high.rq_retry_open"), 0);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.high.cx_pool_open"), 0);
}

TEST(ClusterStats, WhatIsLeftWhereThatIsWanted) {
  stats::Registry registry(2);
  const auto config = Static({At("10.0.0.1", 80)});
  config->circuit_breakers[0].track_remaining = true;
  config->circuit_breakers[0].max_requests = 2;
  config->circuit_breakers[0].max_connection_pools = 4;
  Cluster cluster(config, registry);
  Breakers& breakers = cluster.breakers(config::Priority::kDefault);
  ASSERT_TRUE(breakers.requests.Take());
  ASSERT_TRUE(breakers.pools.Take());
  ASSERT_TRUE(breakers.retries.Take());
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.default.remaining_rq"), 1);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.default.remaining_pending"), 1024);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.default.remaining_cx"), 1024);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.default.remaining_cx_pools"), 3);
  EXPECT_EQ(Stat(registry, "cluster.be.circuit_breakers.default.remaining_retries"), 2);
  for (const stats::Snapshot::Number& number : registry.Read().numbers) {
    EXPECT_FALSE(number.description->name().starts_with("cluster.be.circuit_breakers.high.remaining"));
  }
}

}  // namespace
}  // namespace pillion::upstream
