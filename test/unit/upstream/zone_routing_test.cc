#include "source/upstream/zone_routing.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "source/upstream/cluster.h"

namespace pillion::upstream {
namespace {

struct Zone {
  std::string name;
  int hosts;
  int failed = 0;
};

HostSet HostsIn(const std::vector<Zone>& zones) {
  Hosts hosts;
  for (const Zone& zone : zones) {
    for (int i = 0; i < zone.hosts; ++i) {
      config::Endpoint endpoint;
      endpoint.locality.zone = zone.name;
      if (i < zone.failed) endpoint.health = config::EndpointHealth::kUnhealthy;
      hosts.push_back(
          std::make_shared<Host>(*net::Address::Ip("10.0.0.1", static_cast<uint16_t>(hosts.size() + 1)), endpoint, 1));
    }
  }
  return MakeHostSet(std::move(hosts), {}, {});
}

class ZoneRoutingTest : public testing::Test {
 public:
  ZoneRoutingTest() { config.own.zone = "a"; }

  // The shares of 10000 requests that go to each zone, in the order of the routing; nothing: it has no say.
  std::vector<int> Shares(const std::vector<Zone>& hosts, const std::vector<Zone>& proxies) {
    const HostSet upstream = HostsIn(hosts), local = HostsIn(proxies);
    const auto routing = ZoneRouting::Make(config, upstream.priorities[0], local.priorities[0], stats);
    if (routing == nullptr) return {};
    EXPECT_EQ(routing->localities()[0]->locality.zone, hosts[0].name);
    std::vector<int> shares(routing->localities().size());
    for (int i = 0; i < 10000; ++i) ++shares[routing->Pick(random, stats)];
    return shares;
  }

  config::ZoneAware config;
  base::Random random{1};
  stats::Registry registry{1};
  std::shared_ptr<config::Cluster> shared = std::make_shared<config::Cluster>();
  Cluster cluster{shared, registry};
  ClusterStats stats{cluster.stat_ids(), registry.shard(0)};
};

TEST_F(ZoneRoutingTest, AllStayWhereTheHostsAreEnough) {
  EXPECT_EQ(Shares({{"a", 3}, {"b", 3}}, {{"a", 2}, {"b", 2}}), (std::vector<int>{10000, 0}));
  EXPECT_EQ(stats.lb_zone_routing_all_directly.value(), 10000u);
  EXPECT_EQ(stats.lb_recalculate_zone_structures.value(), 1u);
}

TEST_F(ZoneRoutingTest, TheRestGoesWhereThereIsRoom) {
  // Half of the proxies have a quarter of the hosts: every second request leaves; b has less than it asks for itself.
  const std::vector<int> shares = Shares({{"a", 2}, {"b", 2}, {"c", 4}}, {{"a", 4}, {"b", 3}, {"c", 1}});
  EXPECT_NEAR(shares[0], 5000, 200);
  EXPECT_EQ(shares[1], 0);
  EXPECT_NEAR(shares[2], 5000, 200);
  EXPECT_EQ(stats.lb_zone_routing_sampled.value() + stats.lb_zone_routing_cross_zone.value(), 10000u);
}

TEST_F(ZoneRoutingTest, NoHostInTheOwnZone) {
  const std::vector<int> shares = Shares({{"b", 4}, {"c", 4}}, {{"a", 1}, {"b", 1}});
  EXPECT_EQ(shares, (std::vector<int>{0, 10000}));  // b's own proxies ask for all it has
}

TEST_F(ZoneRoutingTest, FailedHostsDoNotCount) {
  EXPECT_NEAR(Shares({{"a", 6, 3}, {"b", 6}}, {{"a", 1}, {"b", 1}})[0], 6666, 200);
}

TEST_F(ZoneRoutingTest, WithoutASay) {
  EXPECT_TRUE(Shares({{"a", 9}}, {{"a", 1}}).empty());
  EXPECT_TRUE(Shares({{"a", 2}, {"b", 3}}, {{"a", 1}}).empty());
  EXPECT_EQ(stats.lb_zone_cluster_too_small.value(), 1u);
  EXPECT_TRUE(Shares({{"a", 3}, {"b", 3}}, {{"b", 1}}).empty());
  EXPECT_TRUE(Shares({{"a", 3}, {"b", 3}}, {}).empty());
  EXPECT_EQ(stats.lb_local_cluster_not_ok.value(), 2u);
  config.min_cluster_size = 5;
  EXPECT_FALSE(Shares({{"a", 2}, {"b", 3}}, {{"a", 1}}).empty());
}

TEST_F(ZoneRoutingTest, NoCapacityLeft) {
  // 3333 of 10000 each, and the last zone's proxies have what rounding left over.
  config.own.zone = "d";
  const std::vector<int> shares = Shares({{"a", 3}, {"b", 3}}, {{"a", 1}, {"b", 1}, {"d", 0}});
  EXPECT_TRUE(shares.empty());  // no healthy proxy here
}

}  // namespace
}  // namespace pillion::upstream
