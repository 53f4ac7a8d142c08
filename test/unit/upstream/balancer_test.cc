#include "source/upstream/balancer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "source/upstream/cluster.h"
#include "test/support/simulation.h"

namespace pillion::upstream {
namespace {

struct Definition {
  uint32_t weight;
  uint32_t priority = 0;
};

HostSet HostsOf(const std::vector<Definition>& definitions) {
  Hosts hosts;
  for (size_t i = 0; i < definitions.size(); ++i) {
    config::Endpoint endpoint;
    endpoint.weight = definitions[i].weight;
    endpoint.priority = definitions[i].priority;
    hosts.push_back(
        std::make_shared<Host>(*net::Address::Ip("10.0.0.1", static_cast<uint16_t>(i + 1)), endpoint, 2));
  }
  return MakeHostSet(std::move(hosts), {}, {});
}

config::LoadBalancing With(config::LoadBalancing::Policy policy, uint32_t choices = 2) {
  config::LoadBalancing config;
  config.policy = policy;
  config.least_request_choices = choices;
  return config;
}

// What balancers are made of.
struct Parts {
  explicit Parts(uint64_t seed) : random(seed) {}
  operator BalancerParts() { return {simulation.worker(0), random, stats, breakers, proxies}; }

  test::Simulation simulation{1};
  base::Random random;
  stats::Registry registry{1};
  Cluster cluster{std::make_shared<config::Cluster>(), registry};
  ClusterStats stats{cluster.stat_ids(), registry.shard(0)};
  std::shared_ptr<const HostSet> proxies;
  std::array<Breakers, 2> breakers{Breakers(config::CircuitBreaker()), Breakers(config::CircuitBreaker())};
};

constexpr auto kRoundRobin = config::LoadBalancing::Policy::kRoundRobin;
constexpr auto kLeastRequest = config::LoadBalancing::Policy::kLeastRequest;

// How often each host came, by its place in the set.
std::vector<int> Count(Balancer& balancer, const HostSet& set, int picks) {
  std::vector<int> counts(set.hosts.size());
  for (int i = 0; i < picks; ++i) ++counts[balancer.Pick({})->address().port() - 1];
  return counts;
}

TEST(Balancer, NoHosts) {
  Parts parts(1);
  for (const auto policy : {kRoundRobin, kLeastRequest}) {
    const config::LoadBalancing config = With(policy);
    Balancer balancer(config, parts);
    EXPECT_EQ(balancer.Pick({}), nullptr);
    const HostSet some = HostsOf({{1}});
    balancer.SetHosts(some);
    EXPECT_EQ(balancer.Pick({}), some.hosts[0]);
    const HostSet none = HostsOf({});
    balancer.SetHosts(none);
    EXPECT_EQ(balancer.Pick({}), nullptr);
  }
}

TEST(Balancer, RoundRobinTakesTurns) {
  Parts parts(7);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, parts);
  const HostSet set = HostsOf({{3}, {3}, {3}});  // equal, whatever the number
  balancer.SetHosts(set);
  const uint16_t first = balancer.Pick({})->address().port();
  for (int i = 1; i < 30; ++i) EXPECT_EQ(balancer.Pick({})->address().port(), (first - 1 + i) % 3 + 1);
}

TEST(Balancer, WorkersBeginAtDifferentHosts) {
  const HostSet set = HostsOf({{1}, {1}, {1}, {1}});
  const config::LoadBalancing config = With(kRoundRobin);
  std::map<uint16_t, int> first;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Parts parts(seed);
    Balancer balancer(config, parts);
    balancer.SetHosts(set);
    ++first[balancer.Pick({})->address().port()];
  }
  ASSERT_EQ(first.size(), 4u);
  for (const auto& [port, times] : first) EXPECT_GT(times, 60) << port;
}

TEST(Balancer, RoundRobinFollowsWeightsExactlyAndEvenly) {
  Parts parts(3);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, parts);
  const HostSet set = HostsOf({{5}, {1}, {2}});
  balancer.SetHosts(set);
  // Every window of one turn (8 picks) has each host as often as its weight says, give or take one.
  std::vector<uint16_t> picks;
  for (int i = 0; i < 8000; ++i) picks.push_back(balancer.Pick({})->address().port());
  std::vector<int> total(3);
  for (const uint16_t port : picks) ++total[port - 1];
  EXPECT_NEAR(total[0], 5000, 1);
  EXPECT_NEAR(total[1], 1000, 1);
  EXPECT_NEAR(total[2], 2000, 1);
  for (size_t begin = 0; begin + 8 <= picks.size(); ++begin) {
    std::vector<int> window(3);
    for (size_t i = begin; i < begin + 8; ++i) ++window[picks[i] - 1];
    EXPECT_NEAR(window[0], 5, 1);
    EXPECT_NEAR(window[1], 1, 1);
    EXPECT_NEAR(window[2], 2, 1);
  }
}

TEST(Balancer, ScheduleStaysExactForEver) {
  Parts parts(4);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, parts);
  const HostSet set = HostsOf({{1}, {2}});
  balancer.SetHosts(set);
  Count(balancer, set, 4'000'000);  // past the point where times are moved back
  const std::vector<int> counts = Count(balancer, set, 3000);
  EXPECT_NEAR(counts[0], 1000, 1);
  EXPECT_NEAR(counts[1], 2000, 1);
}

TEST(Balancer, OnlyTheLowestPriorityNumberThatHasHosts) {
  Parts parts(5);
  for (const auto policy : {kRoundRobin, kLeastRequest}) {
    const config::LoadBalancing config = With(policy);
    Balancer balancer(config, parts);
    const HostSet both = HostsOf({{1, 0}, {1, 0}, {1, 1}});
    balancer.SetHosts(both);
    const std::vector<int> counts = Count(balancer, both, 1000);
    EXPECT_GT(counts[0], 300);
    EXPECT_GT(counts[1], 300);
    EXPECT_EQ(counts[2], 0);
    const HostSet second = HostsOf({{1, 1}, {1, 2}});
    balancer.SetHosts(second);
    EXPECT_EQ(Count(balancer, second, 100), (std::vector<int>{100, 0}));
  }
}

TEST(Balancer, LeastRequestAvoidsTheBusyOne) {
  Parts parts(6);
  const config::LoadBalancing config = With(kLeastRequest);
  Balancer balancer(config, parts);
  const HostSet set = HostsOf({{1}, {1}, {1}, {1}});
  // Busy on the other worker: it must count here.
  set.hosts[2]->figures(1).Add(HostFigures::kRqActive, 10);
  balancer.SetHosts(set);
  const std::vector<int> counts = Count(balancer, set, 16000);
  // Taken only when both choices fall on it: 1 in 16. The others share the rest.
  EXPECT_NEAR(counts[2], 1000, 150);
  for (const size_t i : {0, 1, 3}) EXPECT_NEAR(counts[i], 5000, 300) << i;
}

TEST(Balancer, LeastRequestWithManyChoicesFindsTheLeast) {
  Parts parts(8);
  const config::LoadBalancing config = With(kLeastRequest, 64);
  Balancer balancer(config, parts);
  const HostSet set = HostsOf({{1}, {1}, {1}});
  set.hosts[0]->figures(0).Add(HostFigures::kRqActive, 2);
  set.hosts[1]->figures(0).Add(HostFigures::kRqActive, 1);
  balancer.SetHosts(set);
  EXPECT_EQ(Count(balancer, set, 100)[2], 100);
}

TEST(Balancer, LeastRequestWithWeightsDividesByRequests) {
  Parts parts(9);
  const config::LoadBalancing config = With(kLeastRequest);
  Balancer balancer(config, parts);
  const HostSet set = HostsOf({{4}, {2}});
  balancer.SetHosts(set);
  const std::vector<int> idle = Count(balancer, set, 6000);
  EXPECT_NEAR(idle[0], 4000, 2);
  // Three requests in flight at the first: 4 / (3 + 1) against 2 / (0 + 1).
  set.hosts[0]->figures(0).Add(HostFigures::kRqActive, 3);
  Count(balancer, set, 10);
  const std::vector<int> busy = Count(balancer, set, 6000);
  EXPECT_NEAR(busy[0], 2000, 2);
  EXPECT_NEAR(busy[1], 4000, 2);
}

TEST(Balancer, RandomIsUniform) {
  Parts parts(10);
  const config::LoadBalancing config = With(config::LoadBalancing::Policy::kRandom);
  Balancer balancer(config, parts);
  const HostSet set = HostsOf({{1}, {1}, {1}, {1}});
  balancer.SetHosts(set);
  for (const int count : Count(balancer, set, 40000)) EXPECT_NEAR(count, 10000, 4 * std::sqrt(40000 * 0.25 * 0.75));
}

// Those of `bad`, by place, have failed.
HostSet SomeBad(const std::vector<Definition>& definitions, const std::vector<size_t>& bad, uint32_t flag,
                const config::LoadBalancing& config) {
  const HostSet all = HostsOf(definitions);
  for (const size_t i : bad) all.hosts[i]->SetFlags(flag);
  return MakeHostSet(all.hosts, config, {});
}

TEST(Balancer, OnlyHealthyHosts) {
  Parts parts(11);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, parts);
  const HostSet set = SomeBad({{1}, {1}, {1}}, {1}, kFailedOutlierCheck, config);
  balancer.SetHosts(set);
  EXPECT_EQ(Count(balancer, set, 100), (std::vector<int>{50, 0, 50}));
  EXPECT_EQ(parts.stats.lb_healthy_panic.value(), 0u);
}

TEST(Balancer, InPanicHealthIsNotHeeded) {
  Parts parts(12);
  config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, parts);
  const HostSet set = SomeBad({{1}, {1}, {1}}, {0, 1}, kFailedActiveCheck, config);
  balancer.SetHosts(set);
  EXPECT_EQ(Count(balancer, set, 99), (std::vector<int>{33, 33, 33}));
  EXPECT_EQ(parts.stats.lb_healthy_panic.value(), 99u);

  config.panic_threshold = 0;
  const HostSet none = SomeBad({{1}, {1}}, {0, 1}, kFailedActiveCheck, config);
  balancer.SetHosts(none);
  EXPECT_EQ(balancer.Pick({}), nullptr);
}

TEST(Balancer, PrioritiesShareByHealth) {
  Parts parts(13);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, parts);
  // One of two is healthy: 70 % stay.
  const HostSet set = SomeBad({{1, 0}, {1, 0}, {1, 1}}, {0}, kFailedActiveCheck, config);
  balancer.SetHosts(set);
  const std::vector<int> counts = Count(balancer, set, 10000);
  EXPECT_EQ(counts[0], 0);
  EXPECT_NEAR(counts[1], 7000, 200);
  EXPECT_NEAR(counts[2], 3000, 200);
}

TEST(Balancer, LocalitiesByTheirWeights) {
  Parts parts(14);
  config::LoadBalancing config = With(kRoundRobin);
  config.locality_weighted = true;
  Hosts hosts;
  const auto add = [&](const char* zone, uint32_t weight) {
    config::Endpoint endpoint;
    endpoint.locality.zone = zone;
    endpoint.locality_weight = weight;
    hosts.push_back(
        std::make_shared<Host>(*net::Address::Ip("10.0.0.1", static_cast<uint16_t>(hosts.size() + 1)), endpoint, 2));
  };
  add("a", 3);
  add("b", 1);
  add("b", 1);
  add("c", 0);  // gets nothing
  const HostSet set = MakeHostSet(hosts, config, {});
  Balancer balancer(config, parts);
  balancer.SetHosts(set);
  EXPECT_EQ(Count(balancer, set, 8000), (std::vector<int>{6000, 1000, 1000, 0}));
  // Half of b is healthy: 0.7 of its weight.
  hosts[1]->SetFlags(kFailedActiveCheck);
  const HostSet fewer = MakeHostSet(hosts, config, {});
  balancer.SetHosts(fewer);
  const std::vector<int> counts = Count(balancer, fewer, 3700);
  EXPECT_NEAR(counts[0], 3000, 2);
  EXPECT_NEAR(counts[2], 700, 2);
}

TEST(Balancer, SlowStart) {
  Parts parts(15);
  config::LoadBalancing config = With(kRoundRobin);
  config.slow_start.window = std::chrono::seconds(100);
  Balancer balancer(config, parts);
  HostSet set = HostsOf({{1}, {1}});
  set.hosts[0]->Begin(parts.simulation.worker(0).now());
  parts.simulation.AdvanceTime(std::chrono::seconds(1000));
  balancer.SetHosts(set);  // the second one begins now
  std::vector<int> counts = Count(balancer, set, 1100);
  EXPECT_NEAR(counts[1], 100, 2);  // a tenth at least
  parts.simulation.AdvanceTime(std::chrono::seconds(50));
  Count(balancer, set, 50);
  counts = Count(balancer, set, 1500);
  EXPECT_NEAR(counts[1], 500, 2);
  parts.simulation.AdvanceTime(std::chrono::seconds(50));
  Count(balancer, set, 50);
  counts = Count(balancer, set, 1000);
  EXPECT_NEAR(counts[1], 500, 2);

  // Slower in the beginning.
  config.slow_start.aggression = 0.5;
  set.hosts[1]->BeginAgain();
  balancer.SetHosts(set);
  parts.simulation.AdvanceTime(std::chrono::seconds(50));
  Count(balancer, set, 50);
  counts = Count(balancer, set, 1250);
  EXPECT_NEAR(counts[1], 250, 2);
}

TEST(Balancer, BoundedHashingPassesOver) {
  Parts parts(16);
  config::LoadBalancing config = With(config::LoadBalancing::Policy::kMaglev);
  config.hash_balance_percent = 150;
  const HostSet all = HostsOf({{1}, {1}, {1}, {1}});
  const HostSet set = MakeHostSet(all.hosts, config, {});
  Balancer balancer(config, parts);
  balancer.SetHosts(set);
  const Host* meant = balancer.Pick({.hash = 42}).get();
  // (7 + 1) * 1.5 / 4: three at most.
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(parts.breakers[0].requests.Take());
  set.hosts[meant->address().port() - 1]->figures(0).Add(HostFigures::kRqActive, 2);
  EXPECT_EQ(balancer.Pick({.hash = 42}).get(), meant);
  set.hosts[meant->address().port() - 1]->figures(0).Add(HostFigures::kRqActive, 1);
  const Host* other = balancer.Pick({.hash = 42}).get();
  EXPECT_NE(other, meant);
  EXPECT_EQ(balancer.Pick({.hash = 42}).get(), other);  // always the same
}

}  // namespace
}  // namespace pillion::upstream
