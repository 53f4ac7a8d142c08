#pragma once

// A whole proxy in a test: one listener, one cluster, as a configuration text makes them, on one or more workers over
// the loopback network and simulated time. Clients and upstream servers are in the hands of the test, byte by byte.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/model.h"
#include "source/overload/state.h"
#include "source/proxy/listener.h"
#include "source/runtime/keys.h"
#include "source/stats/registry.h"
#include "source/telemetry/log_writer.h"
#include "source/upstream/cluster.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"

namespace pillion::test {

// Lines of YAML that go into the parts of the configuration; all may be empty.
struct ProxySettings {
  std::string listener;
  std::string chain;    // FilterChain
  std::string network_filters;  // in front of the last one
  std::string hcm;      // HttpConnectionManager, stat_prefix "in"; or TcpProxy, stat_prefix "tcp"
  std::string router;   // Router
  std::string route;    // RouteAction of "/"; "/direct" answers 200 "direct"
  std::string first_routes;  // in front of these two
  std::string virtual_host;
  std::string table;    // RouteConfiguration
  std::string scopes;   // scoped_routes, in place of the table; empty: that
  std::string entry;    // Route of "/"
  std::string cluster;  // "app", its hosts 10.0.1.1:80 and so on
  std::string http_filters;  // before the router
  std::string domains = "[\"*\"]";
  bool http2_upstream = false;
  std::string listener_log;  // format of the listener's access log; empty: it has none
  std::string filter_log;    // of the filter's; empty: what TakeLog() says
  bool tcp = false;
  uint32_t workers = 1;
  uint32_t hosts = 1;  // of the cluster
  std::vector<config::HttpFilter> further_filters;  // made by the test, after `http_filters`
  net::Connector* connector = nullptr;  // in place of the loopback network's
  const overload::State* overload = nullptr;  // outlives the world
};

class ProxyWorld {
 public:
  explicit ProxyWorld(const ProxySettings& settings = {});
  // Ends everything as the server does, and checks that nothing is left of it.
  ~ProxyWorld();

  Simulation& simulation() { return simulation_; }
  event::Worker& worker(uint32_t index = 0) { return simulation_.worker(index); }
  proxy::WorkerContext& context(uint32_t index = 0) { return *contexts_[index]; }

  void Run() { simulation_.RunUntilIdle(); }
  void Wait(int64_t milliseconds) { simulation_.AdvanceTime(std::chrono::milliseconds(milliseconds)); }

  // A connection of a new client. Workers get them in turn.
  std::unique_ptr<Peer> Connect();
  // A connection to the first worker that has not come over the loopback network.
  void Accept(std::unique_ptr<net::Transport> transport) { shards_[0]->OnAccept(std::move(transport)); }
  // What the proxy opened to the host with that number.
  PeerListener& upstream(uint32_t host = 0) { return *upstreams_[host]; }
  // How connections to it are treated from now on.
  LoopbackFaults& faults(uint32_t host = 0);
  // The same to the proxy.
  LoopbackFaults& listener_faults() { return simulation_.network().faults(*net::Address::Ip("10.0.0.1", 80)); }
  // Nobody listens at its address any more.
  void StopUpstream(uint32_t host = 0) { upstreams_[host].reset(); }

  // The overload's timeouts have changed.
  void Rescale();
  void StartDrain();
  // The listener is configured as `settings` say from now on, as far as a listener may be while it runs.
  void UpdateListener(const ProxySettings& settings, base::Duration drain_time = std::chrono::seconds(10));
  // The same, with what `revise` changes in what it was configured as.
  void ReviseListener(const std::function<void(config::Listener& listener)>& revise);
  // The cluster is another one from now on; null: there is none.
  void ReplaceCluster(const ProxySettings* settings);
  // Downstream connections of all workers.
  size_t connections() const;

  // Keys of the runtime that the configuration names.
  runtime::Keys& runtime_keys() { return *runtime_keys_; }

  // A counter or gauge, over all workers. The test fails when there is no such name.
  int64_t stat(std::string_view name);
  // Lines of the access log that were not taken yet:
  // METHOD PATH PROTOCOL STATUS FLAGS DETAILS BYTES_RECEIVED BYTES_SENT DURATION_MS
  std::vector<std::string> TakeLog();
  // The same of the listener's.
  std::vector<std::string> TakeListenerLog();

 private:
  // One worker's door.
  struct Door final : net::AcceptEvents {
    Door(ProxyWorld& world, uint32_t worker);
    void OnAccept(std::unique_ptr<net::Transport> transport) override { shard.OnAccept(std::move(transport)); }
    void OnAccepted(uint32_t) override {}
    void OnAcceptFailed(int) override {}

    proxy::ListenerShard& shard;
    LoopbackListener listener;
  };

  Simulation simulation_;
  stats::Registry registry_;
  // A file of log lines, and how many of them were taken.
  struct Log {
    std::string path;
    size_t taken = 0;
  };
  event::Kept<upstream::ClusterShard> MakeShard(const std::shared_ptr<upstream::Cluster>& cluster, uint32_t worker);
  std::shared_ptr<proxy::Listener> MakeListener(std::shared_ptr<const config::Listener> config);
  proxy::AccessLogs OpenLogs(const std::vector<config::AccessLog>& configured);
  std::vector<std::string> Take(Log& log);

  telemetry::LogWriter log_writer_;
  Log log_;
  Log listener_log_;
  const uint32_t workers_;

  std::atomic<uint64_t> all_connections_ = 0;
  std::shared_ptr<runtime::Keys> runtime_keys_;
  std::shared_ptr<upstream::Cluster> cluster_;
  std::shared_ptr<proxy::Listener> listener_;
  std::vector<std::shared_ptr<upstream::Cluster>> clusters_;  // former ones
  std::vector<std::shared_ptr<const config::Bootstrap>> bootstraps_;
  std::vector<std::unique_ptr<LoopbackConnector>> connectors_;
  std::vector<net::Connector*> to_upstream_;  // by worker
  std::vector<std::unique_ptr<proxy::WorkerContext>> contexts_;
  std::vector<std::unique_ptr<proxy::ListenerShard>> shards_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::unique_ptr<PeerListener>> upstreams_;
};

}  // namespace pillion::test
