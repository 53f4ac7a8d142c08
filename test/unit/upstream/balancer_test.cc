#include "source/upstream/balancer.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

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

constexpr auto kRoundRobin = config::LoadBalancing::Policy::kRoundRobin;
constexpr auto kLeastRequest = config::LoadBalancing::Policy::kLeastRequest;

// How often each host came, by its place in the set.
std::vector<int> Count(Balancer& balancer, const HostSet& set, int picks) {
  std::vector<int> counts(set.hosts.size());
  for (int i = 0; i < picks; ++i) ++counts[balancer.Pick({})->address().port() - 1];
  return counts;
}

TEST(Balancer, NoHosts) {
  stats::Counter panics;
  base::Random random(1);
  for (const auto policy : {kRoundRobin, kLeastRequest}) {
    const config::LoadBalancing config = With(policy);
    Balancer balancer(config, random, panics);
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
  stats::Counter panics;
  base::Random random(7);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, random, panics);
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
    stats::Counter panics;
    base::Random random(seed);
    Balancer balancer(config, random, panics);
    balancer.SetHosts(set);
    ++first[balancer.Pick({})->address().port()];
  }
  ASSERT_EQ(first.size(), 4u);
  for (const auto& [port, times] : first) EXPECT_GT(times, 60) << port;
}

TEST(Balancer, RoundRobinFollowsWeightsExactlyAndEvenly) {
  stats::Counter panics;
  base::Random random(3);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, random, panics);
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
  stats::Counter panics;
  base::Random random(4);
  const config::LoadBalancing config = With(kRoundRobin);
  Balancer balancer(config, random, panics);
  const HostSet set = HostsOf({{1}, {2}});
  balancer.SetHosts(set);
  Count(balancer, set, 4'000'000);  // past the point where times are moved back
  const std::vector<int> counts = Count(balancer, set, 3000);
  EXPECT_NEAR(counts[0], 1000, 1);
  EXPECT_NEAR(counts[1], 2000, 1);
}

TEST(Balancer, OnlyTheLowestPriorityNumberThatHasHosts) {
  stats::Counter panics;
  base::Random random(5);
  for (const auto policy : {kRoundRobin, kLeastRequest}) {
    const config::LoadBalancing config = With(policy);
    Balancer balancer(config, random, panics);
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
  stats::Counter panics;
  base::Random random(6);
  const config::LoadBalancing config = With(kLeastRequest);
  Balancer balancer(config, random, panics);
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
  stats::Counter panics;
  base::Random random(8);
  const config::LoadBalancing config = With(kLeastRequest, 64);
  Balancer balancer(config, random, panics);
  const HostSet set = HostsOf({{1}, {1}, {1}});
  set.hosts[0]->figures(0).Add(HostFigures::kRqActive, 2);
  set.hosts[1]->figures(0).Add(HostFigures::kRqActive, 1);
  balancer.SetHosts(set);
  EXPECT_EQ(Count(balancer, set, 100)[2], 100);
}

TEST(Balancer, LeastRequestWithWeightsDividesByRequests) {
  stats::Counter panics;
  base::Random random(9);
  const config::LoadBalancing config = With(kLeastRequest);
  Balancer balancer(config, random, panics);
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

}  // namespace
}  // namespace pillion::upstream
