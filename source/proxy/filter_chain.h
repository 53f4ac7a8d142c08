#pragma once

// A filter chain: its network filters, and the one that makes the connections. FilterChain is its part for the whole
// process; FilterChainShard the part of one worker.

#include <atomic>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "source/config/listener.h"
#include "source/proxy/connection_manager.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/network_rbac.h"
#include "source/proxy/tcp_proxy.h"
#include "source/proxy/worker_context.h"
#include "source/tls/stats.h"

namespace pillion::proxy {

// A connection_limit filter: exact over all workers.
class ConnectionLimit {
 public:
  ConnectionLimit(const config::ConnectionLimit& config, stats::Registry& registry);

  // False: it would be one too many. Those count too that come while it is off: it holds for all when it is switched on.
  bool Take();
  void Give() { active_.fetch_sub(1, std::memory_order_relaxed); }

  const config::ConnectionLimit& config() const { return config_; }
  stats::CounterId limited_connections() const { return limited_connections_; }
  stats::GaugeId active_connections() const { return active_connections_; }

 private:
  const config::ConnectionLimit config_;
  std::atomic<uint64_t> active_ = 0;
  stats::Scope scope_;
  const stats::CounterId limited_connections_;
  const stats::GaugeId active_connections_;
};

// A local_ratelimit filter: what it takes from is shared by all workers.
class ConnectionRate {
 public:
  ConnectionRate(const config::ConnectionRate& config, size_t limits_before, stats::Registry& registry);

  // False: there is no token for another one.
  bool Take(base::MonotonicTime now) const;
  size_t limits_before() const { return limits_before_; }  // so many connection_limit filters stand before it
  stats::CounterId rate_limited() const { return rate_limited_; }

 private:
  const config::ConnectionRate& config_;
  const size_t limits_before_;
  stats::Scope scope_;
  const stats::CounterId rate_limited_;
};

// Whether `chain` wants TLS on a connection.
bool UsesTls(const config::FilterChain& chain, net::Transport& transport, const listener::SocketFacts* facts);

class FilterChain {
 public:
  // `chain` is one of `listener`, or of a version of it that has something else for filters that come apart. `former`: the
  // chain before it, to which something else has come for such filters, and which is the same otherwise; null: none.
  FilterChain(std::shared_ptr<const config::Listener> listener, std::shared_ptr<const config::FilterChain> chain,
              const References& references, stats::Registry& registry, AccessLogs logs, const FilterChain* former = nullptr);

  // But for its chains, which others may have anew.
  const config::Listener& listener() const { return *listener_; }
  // What a filter needs that comes apart has not come: nobody is connected.
  bool missing() const { return missing_; }
  struct Limit {
    size_t index;  // of the filter
    std::shared_ptr<ConnectionLimit> limit;
  };
  const std::vector<Limit>& limits() const { return limits_; }
  const std::vector<std::unique_ptr<ConnectionRate>>& rates() const { return rates_; }
  const std::vector<const config::ConnectionState*>& states() const { return states_; }
  const std::vector<std::unique_ptr<NetworkRbac>>& rbacs() const { return rbacs_; }
  const std::variant<config::Echo, ConnectionManager, TcpProxy>& terminal() const { return terminal_; }
  // Null: plain bytes.
  const tls::StatIds* tls_stat_ids() const { return tls_stat_ids_ ? &*tls_stat_ids_ : nullptr; }
  // Connections by whether they are mutual TLS; where the chain has a mode of peer authentication.
  struct ModeStatIds {
    stats::CounterId mtls;
    stats::CounterId plain;
  };
  const std::optional<ModeStatIds>& mode_stat_ids() const { return mode_stat_ids_; }
  const config::FilterChain& config() const { return *chain_; }

 private:
  // Of the filter at that index, for which the same has come; null: it has none.
  std::shared_ptr<ConnectionLimit> LimitOf(size_t index, uint64_t came) const;

  const std::shared_ptr<const config::Listener> listener_;
  const std::shared_ptr<const config::FilterChain> chain_;
  bool missing_ = false;
  std::optional<tls::StatIds> tls_stat_ids_;
  std::optional<ModeStatIds> mode_stat_ids_;
  std::vector<Limit> limits_;  // those of the former one count on, but where something else has come
  std::vector<std::unique_ptr<ConnectionRate>> rates_;
  std::vector<const config::ConnectionState*> states_;  // of chain_
  std::vector<std::unique_ptr<NetworkRbac>> rbacs_;
  std::variant<config::Echo, ConnectionManager, TcpProxy> terminal_;
};

// Its connections keep it.
class FilterChainShard final : public event::Shared {
 public:
  FilterChainShard(std::shared_ptr<const FilterChain> chain, WorkerContext& context, stats::Shard& shard);

  // A connection, whatever the chain makes of it. Disposes of itself; the owner links it in and starts it, and when it is
  // gone tells Leave().
  ListenerConnection* Make(ListenerConnectionOwner& owner, listener::Accepted accepted);
  void Leave(const ListenerConnection& connection);
  const FilterChain& chain() const { return *chain_; }
  const std::shared_ptr<const FilterChain>& shared_chain() const { return chain_; }
  // Null: its connections do not end in one.
  const event::Kept<ConnectionManagerShard>* manager() const {
    return std::get_if<event::Kept<ConnectionManagerShard>>(&terminal_);
  }
  bool UsesTls(net::Transport& transport, const listener::SocketFacts* facts) const {
    return proxy::UsesTls(chain_->config(), transport, facts);
  }
  tls::Stats& tls_stats() { return *tls_stats_; }  // where the chain has TLS

 private:
  struct Limit {
    ConnectionLimit& limit;
    stats::Counter& limited_connections;
    stats::Gauge& active_connections;
  };

  struct Rate {
    const ConnectionRate& rate;
    stats::Counter& rate_limited;
  };

  // As the filters in front of the last one allow, in their order; null: they do. Else a connection that is closed.
  ListenerConnection* Admit(ListenerConnectionOwner& owner, listener::Accepted& accepted);
  // As the last filter has it.
  ListenerConnection* MakeAdmitted(ListenerConnectionOwner& owner, listener::Accepted accepted);
  // Puts TLS between it and its transport.
  void Secure(listener::Accepted& accepted, std::shared_ptr<const tls::Context> context);
  // Of the first so many limits.
  void GiveBack(size_t count);

  const std::shared_ptr<const FilterChain> chain_;
  WorkerContext& context_;
  std::optional<tls::Stats> tls_stats_;  // where the chain has TLS
  stats::Counter* mtls_ = nullptr;       // where it has a mode of peer authentication
  stats::Counter* plain_ = nullptr;
  std::vector<Limit> limits_;
  std::vector<Rate> rates_;
  std::vector<NetworkRbacShard> rbacs_;
  std::variant<config::Echo, event::Kept<ConnectionManagerShard>, TcpProxyShard> terminal_;
};

}  // namespace pillion::proxy
