#pragma once

// One cluster with one host, on the workers of a simulation, over loopback.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "source/upstream/cluster.h"
#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"
#include "test/support/stat.h"
#include "test/unit/upstream/fake_codec.h"

namespace pillion::upstream {

inline const net::Address kHost = *net::Address::Ip("10.0.0.1", 80);

class PoolFixture : public testing::Test {
 public:
  explicit PoolFixture(uint32_t workers = 1) : simulation(workers), registry(workers) {
    config->name = config->stat_name = "be";
    config::Endpoint endpoint;
    endpoint.target = config::Address(config::SocketAddress{.ip = "10.0.0.1", .port = 80});
    config->endpoints = {endpoint};
  }

  // What a test changed in `config` holds from here on.
  void Make() {
    cluster = std::make_shared<Cluster>(config, registry);
    for (uint32_t i = 0; i < registry.workers(); ++i) {
      connectors.push_back(std::make_unique<test::LoopbackConnector>(simulation.network(), simulation.loop(i)));
      shards.push_back(std::make_unique<ClusterShard>(cluster, cluster->hosts(), simulation.worker(i), *connectors[i],
                                                      registry.shard(i), random, MakeCodecs(i)));
    }
  }
  virtual std::unique_ptr<ClientCodecs> MakeCodecs(uint32_t) {
    return std::make_unique<FakeCodecs>(codecs, http2_streams);
  }

  ClusterShard& shard(uint32_t worker = 0) { return *shards[worker]; }
  Host& host() { return *cluster->hosts()->hosts.at(0); }
  Pool& pool(Protocol protocol, uint32_t worker = 0) {
    return *shard(worker).PoolOf(cluster->hosts()->hosts.at(0), protocol, config::Priority::kDefault);
  }
  Pool& h1() { return pool(Protocol::kHttp1); }
  Pool& h2() { return pool(Protocol::kHttp2); }
  std::unique_ptr<TestRequest> NewRequest(config::Priority priority = config::Priority::kDefault,
                                          uint32_t worker = 0) {
    return std::make_unique<TestRequest>(simulation.worker(worker).blocks(), priority);
  }
  void Listen() {
    listener = std::make_unique<test::PeerListener>(simulation.network(), simulation.loop(), kHost);
  }
  void Run() { simulation.RunUntilIdle(); }
  void Advance(base::Duration by) { simulation.AdvanceTime(by); }

  // A counter or gauge under cluster.be.
  int64_t Stat(const std::string& name) { return test::Stat(registry, "cluster.be." + name); }
  // Nothing is held any more.
  void ExpectNothingHeld() {
    EXPECT_EQ(Stat("upstream_rq_active"), 0);
    EXPECT_EQ(Stat("upstream_rq_pending_active"), 0);
    EXPECT_EQ(Stat("upstream_cx_active"), 0);
    EXPECT_EQ(host().Sum(HostFigures::kRqActive), 0u);
    EXPECT_EQ(host().Sum(HostFigures::kRqPending), 0u);
    EXPECT_EQ(host().Sum(HostFigures::kCxActive), 0u);
    for (const auto priority : {config::Priority::kDefault, config::Priority::kHigh}) {
      EXPECT_EQ(cluster->breakers(priority).connections.used(), 0u);
      EXPECT_EQ(cluster->breakers(priority).pending_requests.used(), 0u);
      EXPECT_EQ(cluster->breakers(priority).requests.used(), 0u);
    }
  }

  test::Simulation simulation;
  stats::Registry registry;
  base::Random random{1};
  std::shared_ptr<config::Cluster> config = std::make_shared<config::Cluster>();
  size_t http2_streams = 100;
  std::unique_ptr<test::PeerListener> listener;
  std::shared_ptr<Cluster> cluster;
  std::vector<FakeCodec*> codecs;
  std::vector<std::unique_ptr<test::LoopbackConnector>> connectors;
  std::vector<std::unique_ptr<ClusterShard>> shards;
};

}  // namespace pillion::upstream
