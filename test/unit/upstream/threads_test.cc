// What the threads of a process share of a cluster: the main thread swaps its hosts and reads their figures while
// workers choose hosts and count. Meant for ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "source/config/priority.h"
#include "source/event/epoll_loop.h"
#include "source/net/socket.h"
#include "source/upstream/cluster.h"

namespace pillion::upstream {
namespace {

constexpr uint32_t kWorkers = 3;
constexpr int kSwaps = 300;

class WorkerOfCluster {
 public:
  WorkerOfCluster(uint32_t index, const std::shared_ptr<Cluster>& cluster, stats::Registry& registry)
      : worker_(index, clock_),
        loop_(worker_),
        connector_(loop_),
        random_(index + 1),
        shard_(cluster, cluster->hosts(), worker_, connector_, registry.shard(index), random_, std::make_unique<NoCodecs>()),
        thread_([this] { loop_.Run(); }) {}
  ~WorkerOfCluster() {
    loop_.Stop();
    thread_.join();
  }

  void SetHosts(std::shared_ptr<const HostSet> hosts) {
    worker_.Post([this, hosts = std::move(hosts)] { shard_.SetHosts(hosts); });
  }
  // Chooses hosts turn after turn, until `stop`.
  void Choose(const std::atomic<bool>& stop, std::promise<void>& done) {
    worker_.Post([this, &stop, &done] {
      for (int i = 0; i < 100; ++i) {
        const Label label{"env", "gray"};
        const LaneWish wish{{&label, 1}};
        const bool coloured = i % 3 == 0;
        const ClusterShard::Choice choice = shard_.Choose({.lane = coloured ? &wish : nullptr});
        const std::shared_ptr<Host> host = choice.host;
        if (host == nullptr) continue;
        if ((host->metadata() != nullptr) != (choice.lane.fit == LaneFit::kExact)) ++astray_;
        host->figures(worker_.index()).Add(HostFigures::kRqTotal);
        Breaker& breaker = shard_.breakers(config::Priority::kDefault).requests;
        if (breaker.Take()) breaker.Give();
        ++chosen_;
      }
      if (stop && chosen_ > 0) {  // however late this thread got to run
        done.set_value();
      } else {
        Choose(stop, done);
      }
    });
  }
  uint64_t chosen() const { return chosen_; }
  uint64_t astray() const { return astray_; }  // not where the choice says

 private:
  struct NoCodecs final : ClientCodecs {
    std::unique_ptr<codec::ClientConnection> Make(Protocol, codec::Link&, codec::ClientEvents&) override {
      ADD_FAILURE() << "no connection is made here";
      return nullptr;
    }
  };

  base::SystemClock clock_;
  event::Worker worker_;
  event::EpollLoop loop_;
  net::SocketConnector connector_;
  base::Random random_;
  ClusterShard shard_;
  uint64_t chosen_ = 0;
  uint64_t astray_ = 0;
  std::thread thread_;
};

// With lanes: hosts of one come and go with the others.
void SwapWhileWorkersChoose(bool with_lanes) {
  stats::Registry registry(kWorkers);
  auto config = std::make_shared<config::Cluster>();
  config->name = config->stat_name = "be";
  config->discovery = config::Cluster::Discovery::kStrictDns;
  config::Endpoint of_lane;
  if (with_lanes) {
    auto lanes = std::make_shared<config::Lanes>();
    lanes->keys = {"env"};
    config->load_balancing.lanes = lanes;
    auto metadata = std::make_shared<config::Metadata>();
    metadata->namespaces["envoy.lb"]["env"] = {std::string("gray")};
    of_lane.metadata = metadata;
  }
  const config::Endpoint endpoint;
  const auto shared = std::make_shared<Cluster>(config, registry);
  Cluster& cluster = *shared;
  std::atomic<bool> stop = false;
  uint64_t chosen = 0;
  {
    std::vector<std::unique_ptr<WorkerOfCluster>> workers;
    std::vector<std::promise<void>> done(kWorkers);
    for (uint32_t i = 0; i < kWorkers; ++i) {
      workers.push_back(std::make_unique<WorkerOfCluster>(i, shared, registry));
      workers[i]->Choose(stop, done[i]);
    }
    cluster.set_publish([&](const std::shared_ptr<const HostSet>& hosts) {
      for (const auto& worker : workers) worker->SetHosts(hosts);
    });
    for (int swap = 0; swap < kSwaps; ++swap) {
      Cluster::Endpoints endpoints;
      for (int host = 0; host < 3; ++host) {
        const int number = (swap + host) % 5 + 1;
        endpoints.emplace_back(*net::Address::Ip("10.0.0." + std::to_string(number), 80), number > 3 ? &of_lane : &endpoint);
      }
      ASSERT_TRUE(cluster.UpdateHosts(endpoints));
      cluster.hosts()->hosts[0]->SetFlags(kFailedActiveCheck);
      cluster.HealthChanged();
      // What the administration shows.
      for (const std::shared_ptr<Host>& host : cluster.hosts()->hosts) (void)host->Sum(HostFigures::kRqTotal);
      (void)registry.Read();
    }
    stop = true;
    for (std::promise<void>& promise : done) promise.get_future().wait();
    for (const auto& worker : workers) {
      chosen += worker->chosen();
      EXPECT_EQ(worker->astray(), 0u);
    }
  }
  EXPECT_GT(chosen, 0u);
  EXPECT_EQ(cluster.breakers(config::Priority::kDefault).requests.used(), 0u);
}

TEST(ClusterThreads, HostsAreSwappedWhileWorkersChoose) { SwapWhileWorkersChoose(false); }
TEST(ClusterThreads, LanesAreSwappedWhileWorkersChoose) { SwapWhileWorkersChoose(true); }

}  // namespace
}  // namespace pillion::upstream
