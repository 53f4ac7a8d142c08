#pragma once

// The tcp_proxy filter: a connection to a host of one cluster for each that comes in, and the bytes between them.
// TcpProxy is its part for the whole process, TcpProxyShard the part of one worker, TcpProxyConnection one pair.

#include <memory>
#include <optional>
#include <vector>

#include "source/base/timer_wheel.h"
#include "source/config/listener.h"
#include "source/net/connection.h"
#include "source/proxy/connect_attempt.h"
#include "source/proxy/http_tunnel.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/stats.h"
#include "source/proxy/tunnel.h"
#include "source/proxy/worker_context.h"
#include "source/route/named_cluster.h"

namespace pillion::proxy {

class TcpProxy {
 public:
  // `chain` ends in a tcp_proxy, and outlives it.
  TcpProxy(std::shared_ptr<const config::Listener> listener, const config::FilterChain& chain,
           const route::ClusterIndex& clusters, stats::Registry& registry, AccessLogs logs);

  const config::TcpProxy& config() const { return config_; }
  const config::Listener& listener() const { return *listener_; }
  const config::FilterChain& chain() const { return chain_; }
  const std::string& chain_name() const { return chain_.name; }
  struct Choice {
    uint32_t cluster;  // its index
    uint32_t below;    // of a number below the sum of all weights
    const config::LbCriteria* lb_criteria;
  };

  // A cluster for one more connection.
  const Choice& Choose(base::Random& random) const;
  // A server name names the cluster (sni_cluster).
  bool by_server_name() const { return by_server_name_; }
  const TcpStatIds& stat_ids() const { return stat_ids_; }
  const AccessLogs& logs() const { return logs_; }

 private:
  const std::shared_ptr<const config::Listener> listener_;
  const config::FilterChain& chain_;
  const config::TcpProxy& config_;
  route::HeldClusters clusters_;  // of the choices
  std::vector<Choice> choices_;
  bool by_server_name_ = false;
  const TcpStatIds stat_ids_;
  const AccessLogs logs_;
};

struct TcpProxyShard {
  TcpProxyShard(const TcpProxy& proxy, WorkerContext& context, stats::Shard& shard)
      : proxy(proxy), context(context), stats(proxy.stat_ids(), shard) {}

  const TcpProxy& proxy;
  WorkerContext& context;
  TcpStats stats;
};

// Disposes of itself when both connections have closed.
class TcpProxyConnection final : public ListenerConnection, private HttpTunnel::Owner, private upstream::HostWatch {
 public:
  TcpProxyConnection(TcpProxyShard& shard, ListenerConnectionOwner& owner, listener::Accepted accepted);

  void Start() override;
  // Bytes have no end that we know: goes on until CloseNow().
  void StartDrain() override {}
  void CloseNow() override;
  bool Follow(FilterChainShard& chain) override;
  bool UpstreamStands() override;
  void Log(const AccessLogs& logs) override;

 private:
  // One connection of the pair, and who is told of it.
  struct Side final : net::ConnectionOwner {
    Side(TcpProxyConnection& pair, std::unique_ptr<net::Transport> transport, size_t output_limit);

    void OnConnected() override;
    void OnClosed(net::CloseReason reason, int error) override;
    void OnActivity() override { pair.OnActivity(); }

    TcpProxyConnection& pair;
    net::Connection connection;
    TunnelEnd end;
  };

  ~TcpProxyConnection();
  void Dispose() override { delete this; }
  net::Connection& connection() override { return downstream_.connection; }

  // The cluster, and connects.
  void Choose();
  void ChooseCluster();
  upstream::PickContext WantedHost();
  void LogLine(const AccessLogs& logs, telemetry::LogType type);
  // What there is to say of it; `notes` and `arena` live as long as the record.
  void DescribeAll(telemetry::RequestRecord& record, metadata::Annotations& notes, base::Arena& arena);
  void OnLogTimer();
  // That has the host; that of the route while there is none.
  upstream::ClusterShard& cluster() { return serving_ ? *serving_ : *cluster_; }
  std::optional<net::Address> DestinationBy(const config::Cluster& cluster);  // of type ORIGINAL_DST
  void Connect();
  void ConnectTunnel();
  // What names the client to the host; empty: it does not ask for that.
  std::string ProxyHead();
  void OnConnected();
  // HttpTunnel::Owner
  void OnTunnelOpen() override;
  void OnTunnelFailed(telemetry::ResponseFlag why) override;
  void OnTunnelActivity() override { OnActivity(); }
  // upstream::HostWatch
  const upstream::Host& watched_host() const override { return *host_; }
  void OnHostFailed() override;
  // Another attempt, or none is left.
  void TryAgainOrEnd(telemetry::ResponseFlag why);
  void OnConnectTimeout();
  // For the log: each host once, however often it is tried.
  void NoteTried();
  void OnUpstreamClosed(net::CloseReason reason, int error);
  void OnClosed(Side& side, net::CloseReason reason, int error);
  void OnActivity();
  void OnIdle();
  void OnMaxDuration();
  void EndBothBecause(std::string_view reason);
  void CountBytes();

  TcpProxyShard& shard_;
  ListenerConnectionOwner& owner_;
  const size_t output_limit_;
  Side downstream_;
  std::unique_ptr<HttpTunnel> tunnel_;  // instead of upstream_, where there are tunnels
  std::unique_ptr<Side> upstream_;
  std::unique_ptr<Side> failed_;  // an attempt whose connect failed; kept until the next one or the end
  std::optional<ConnectAttempt> attempt_;  // the last one; of a tunnel its pool has it
  struct Tried {
    std::shared_ptr<upstream::Host> host;
    uint64_t id;  // of its connection
  };
  std::vector<Tried> tried_;  // in vain
  std::shared_ptr<upstream::Host> host_;
  event::Task connect_again_;
  base::Timer connect_timer_;
  base::Timer idle_timer_;
  base::Timer duration_timer_;
  base::Timer log_timer_;
  const config::LbCriteria* lb_criteria_ = nullptr;
  telemetry::ResponseFlags flags_;
  std::string upstream_local_address_;
  std::string upstream_other_address_;  // empty: the host's first
  std::string upstream_failure_;
  std::shared_ptr<tls::Facts> upstream_tls_;  // where there are logs
  event::Kept<upstream::ClusterShard> cluster_;  // null: there is none
  event::Kept<upstream::ClusterShard> serving_;  // that has the host
  uint32_t attempts_ = 0;
  uint64_t rx_counted_ = 0;
  uint64_t tx_counted_ = 0;
  base::MonotonicTime upstream_connected_{};
  std::string_view upstream_close_type_ = "Normal";  // static, as the next one
  std::string_view upstream_local_close_reason_;
  bool connected_ = false;
};

}  // namespace pillion::proxy
