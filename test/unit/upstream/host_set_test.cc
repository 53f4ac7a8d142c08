#include "source/upstream/host_set.h"

#include <gtest/gtest.h>

namespace pillion::upstream {
namespace {

// Of a priority: how many hosts, how many of them healthy, degraded.
struct Part {
  size_t all;
  size_t healthy;
  size_t degraded = 0;
};

HostSet Make(const std::vector<Part>& parts, const config::LoadBalancing& config = {},
             const config::AssignmentPolicy& policy = {}) {
  Hosts hosts;
  for (uint32_t priority = 0; priority < parts.size(); ++priority) {
    for (size_t i = 0; i < parts[priority].all; ++i) {
      config::Endpoint endpoint;
      endpoint.priority = priority;
      endpoint.health = i < parts[priority].healthy                             ? config::EndpointHealth::kHealthy
                        : i < parts[priority].healthy + parts[priority].degraded ? config::EndpointHealth::kDegraded
                                                                                 : config::EndpointHealth::kUnhealthy;
      const auto port = static_cast<uint16_t>(hosts.size() + 1);
      hosts.push_back(std::make_shared<Host>(*net::Address::Ip("10.0.0.1", port), endpoint, 1));
    }
  }
  return MakeHostSet(std::move(hosts), config, policy);
}

std::vector<uint32_t> Healthy(const HostSet& set) {
  std::vector<uint32_t> loads;
  for (const auto& share : set.load.shares) loads.push_back(share.healthy);
  return loads;
}

std::vector<uint32_t> Degraded(const HostSet& set) {
  std::vector<uint32_t> loads;
  for (const auto& share : set.load.shares) loads.push_back(share.degraded);
  return loads;
}

std::vector<bool> Panic(const HostSet& set) {
  std::vector<bool> panic;
  for (const auto& share : set.load.shares) panic.push_back(share.panic);
  return panic;
}

using Loads = std::vector<uint32_t>;
using Flags = std::vector<bool>;

// The table of Envoy's documentation of priorities.
TEST(HostSet, LoadByHealth) {
  EXPECT_EQ(Healthy(Make({{100, 100}, {100, 100}})), (Loads{100, 0}));
  EXPECT_EQ(Healthy(Make({{100, 72}, {100, 72}})), (Loads{100, 0}));
  EXPECT_EQ(Healthy(Make({{100, 71}, {100, 71}})), (Loads{99, 1}));
  EXPECT_EQ(Healthy(Make({{100, 50}, {100, 50}})), (Loads{70, 30}));
  EXPECT_EQ(Healthy(Make({{100, 25}, {100, 100}})), (Loads{35, 65}));
  EXPECT_EQ(Healthy(Make({{100, 25}, {100, 25}})), (Loads{50, 50}));
  EXPECT_EQ(Healthy(Make({{100, 0}, {100, 100}})), (Loads{0, 100}));
  // 35 + 35 + 14 of 84; the first has what rounding leaves over.
  EXPECT_EQ(Healthy(Make({{100, 25}, {100, 25}, {100, 10}}, {.panic_threshold = 0})), (Loads{43, 41, 16}));
}

TEST(HostSet, DegradedOnesTakeWhatIsLeft) {
  const HostSet set = Make({{100, 50, 50}});
  EXPECT_EQ(Healthy(set), Loads{70});
  EXPECT_EQ(Degraded(set), Loads{30});
  const HostSet none = Make({{10, 0, 10}});
  EXPECT_EQ(Healthy(none), Loads{0});
  EXPECT_EQ(Degraded(none), Loads{100});
  EXPECT_EQ(Panic(none), Flags{false});
}

TEST(HostSet, Panic) {
  // Together they can take all: no panic, however few there are in one.
  EXPECT_EQ(Panic(Make({{100, 10}, {100, 90}})), (Flags{false, false}));
  EXPECT_EQ(Panic(Make({{100, 25}, {100, 25}})), (Flags{true, true}));
  EXPECT_EQ(Panic(Make({{100, 5}, {100, 60}})), (Flags{true, false}));
  const HostSet dead = Make({{100, 0}, {300, 0}});
  EXPECT_EQ(Panic(dead), (Flags{true, true}));
  EXPECT_EQ(Healthy(dead), (Loads{25, 75})) << "by the number of hosts";
  const HostSet never = Make({{100, 0}}, {.panic_threshold = 0});
  EXPECT_EQ(Panic(never), Flags{false});
  EXPECT_EQ(Healthy(never), Loads{100});
  EXPECT_EQ(Healthy(Make({})), Loads{100});
}

TEST(HostSet, OverprovisioningAndWeights) {
  EXPECT_EQ(Healthy(Make({{100, 50}, {100, 100}}, {}, {.overprovisioning_percent = 100})), (Loads{50, 50}));
  EXPECT_EQ(Healthy(Make({{100, 50}, {100, 100}}, {}, {.overprovisioning_percent = 200})), (Loads{100, 0}));
  // One of two is healthy, with a tenth of the weight.
  HostSet set = Make({{2, 1}, {2, 2}});
  config::Endpoint heavy;
  heavy.weight = 9;
  heavy.health = config::EndpointHealth::kUnhealthy;
  set.hosts[1]->Update(heavy);
  EXPECT_EQ(Healthy(MakeHostSet(set.hosts, {}, {.weighted_priority_health = true})), (Loads{14, 86}));
  EXPECT_EQ(Healthy(MakeHostSet(set.hosts, {}, {})), (Loads{70, 30}));
}

TEST(HostSet, ExcludedHostsAreNotCounted) {
  const HostSet all = Make({{4, 2}, {1, 1}});
  for (const size_t i : {2, 3}) all.hosts[i]->SetFlags(kExcludedAtOnce);
  const HostSet set = MakeHostSet(all.hosts, {}, {});
  EXPECT_EQ(set.priorities[0].excluded, 2u);
  EXPECT_EQ(Healthy(set), (Loads{100, 0}));
}

}  // namespace
}  // namespace pillion::upstream
