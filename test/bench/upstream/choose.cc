// What the choice of a host costs: without lanes, and with them.
//
//   bazel run --config=opt //test/bench/upstream:choose

#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>

#include "source/upstream/lane_balancer.h"
#include "test/support/simulation.h"

namespace pillion::upstream {
namespace {

constexpr int kHosts = 30;

// A third of the hosts is of the lane env=gray,version=v2.
struct World {
  World() {
    auto lanes = std::make_shared<config::Lanes>();
    lanes->keys = {"env", "release", "version"};
    lanes->fallbacks = {{.keep = {"version"}, .labels = {}}};
    with_lanes.lanes = lanes;
    for (int i = 0; i < kHosts; ++i) {
      config::Endpoint endpoint;
      auto metadata = std::make_shared<config::Metadata>();
      if (i % 3 == 0) {
        metadata->namespaces["envoy.lb"]["env"] = {std::string("gray")};
        metadata->namespaces["envoy.lb"]["version"] = {std::string("v2")};
      }
      endpoint.metadata = metadata;
      hosts.push_back(std::make_shared<Host>(*net::Address::Ip("10.0.0." + std::to_string(i), 80), endpoint, 1));
    }
  }

  test::Simulation simulation{1};
  base::Random random{1};
  config::LoadBalancing without;
  config::LoadBalancing with_lanes;
  stats::Registry registry{1};
  std::array<Breakers, 2> breakers{Breakers(config::CircuitBreaker{}), Breakers(config::CircuitBreaker{})};
  ClusterStatIds ids{registry, "be", breakers};
  ClusterStats stats{ids, registry.shard(0)};
  LaneStatIds lane_ids{registry, "be"};
  const std::shared_ptr<const HostSet> no_proxies;
  const BalancerParts parts{simulation.worker(0), random, stats, breakers, no_proxies};
  Hosts hosts;
};

void WithoutLanes(benchmark::State& state) {
  World world;
  const HostSet set = MakeHostSet(world.hosts, world.without, {});
  Balancer balancer(world.without, world.parts);
  balancer.SetHosts(set);
  for (auto _ : state) benchmark::DoNotOptimize(balancer.Pick({}).get());
}

void WithLanes(benchmark::State& state, const LaneWish* wish) {
  World world;
  const HostSet set = MakeHostSet(world.hosts, world.with_lanes, {});
  LaneBalancer balancer(world.with_lanes, world.parts, LaneStats::Of(world.lane_ids, world.registry.shard(0)));
  balancer.SetLanes(*set.lanes);
  for (auto _ : state) benchmark::DoNotOptimize(balancer.Choose({.lane = wish}).host.get());
}

constexpr Label kExact[] = {{"env", "gray"}, {"version", "v2"}};
constexpr Label kFallback[] = {{"env", "blue"}, {"version", "v2"}};
constexpr Label kInstead[] = {{"env", "blue"}};
const LaneWish exact{kExact};
const LaneWish fallback{kFallback};
const LaneWish instead{kInstead};

BENCHMARK(WithoutLanes);
BENCHMARK_CAPTURE(WithLanes, NoColour, nullptr);
BENCHMARK_CAPTURE(WithLanes, Exact, &exact);
BENCHMARK_CAPTURE(WithLanes, Fallback, &fallback);
BENCHMARK_CAPTURE(WithLanes, Instead, &instead);

void MakingASet(benchmark::State& state, bool lanes) {
  World world;
  for (auto _ : state) {
    benchmark::DoNotOptimize(MakeHostSet(world.hosts, lanes ? world.with_lanes : world.without, {}).hosts.size());
  }
}
BENCHMARK_CAPTURE(MakingASet, WithoutLanes, false);
BENCHMARK_CAPTURE(MakingASet, WithLanes, true);

}  // namespace
}  // namespace pillion::upstream

BENCHMARK_MAIN();
