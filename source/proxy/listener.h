#pragma once

// A listener. Listener is its part for the whole process: what every connection needs and nobody changes.
// ListenerShard is the part of one worker: it accepts, lets listener filters look, chooses the filter chain, and holds the
// connections.

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "source/config/listener.h"
#include "source/listener/inspection.h"
#include "source/net/connection_balance.h"
#include "source/net/listener.h"
#include "source/proxy/filter_chain.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/stats.h"
#include "source/proxy/worker_context.h"

namespace pillion::proxy {

using OpenLogs = std::function<AccessLogs(const std::vector<config::AccessLog>&)>;

// One version of it, made by the main thread.
class Listener {
 public:
  // `before`: the version that it follows, at the same address and with the same name in statistics; null: it is the first.
  // Chains that are the same as in that one are the same objects.
  Listener(std::shared_ptr<const config::Listener> config, const References& references, stats::Registry& registry,
           const OpenLogs& open_logs, const Listener* before = nullptr);

  const config::Listener& config() const { return *config_; }
  const ListenerStatIds& stat_ids() const { return stat_ids_; }
  const ListenerWorkerStatIds& stat_ids_of(uint32_t worker) const { return worker_stat_ids_[worker]; }
  const std::vector<listener::FilterStatIds>& filter_stat_ids() const { return filter_stat_ids_; }
  const AccessLogs& logs() const { return logs_; }  // its own: a line a connection
  net::ConnectionBalance& balance() const { return all_->balance; }
  std::atomic<uint64_t>& connections() const { return all_->connections; }  // of all workers
  // By the index of the configuration.
  const std::vector<std::shared_ptr<const FilterChain>>& chains() const { return chains_; }

 private:
  const std::shared_ptr<const config::Listener> config_;
  const ListenerStatIds stat_ids_;
  std::vector<ListenerWorkerStatIds> worker_stat_ids_;
  std::vector<listener::FilterStatIds> filter_stat_ids_;
  const AccessLogs logs_;
  // What all its versions share.
  struct OfAllVersions {
    net::ConnectionBalance balance;
    std::atomic<uint64_t> connections = 0;
  };
  const std::shared_ptr<OfAllVersions> all_;
  std::vector<std::shared_ptr<const FilterChain>> chains_;

  // Its version of `chain`, another one of which has what came for its filters; null: it has none.
  const FilterChain* FormerOf(const config::FilterChain& chain) const;
};

// Made before the worker's thread starts, or on it; used on it only.
class ListenerShard final : public net::AcceptEvents,
                            private ListenerConnectionOwner,
                            private listener::InspectionOwner {
 public:
  ListenerShard(std::shared_ptr<const Listener> listener, WorkerContext& context, stats::Shard& shard);
  ~ListenerShard();

  // On every worker before the first one accepts: else that one keeps what comes meanwhile.
  void JoinBalance(event::EpollLoop& loop);
  // Takes connections from `socket` from now on; several sockets may be given.
  void Accept(event::EpollLoop& loop, const net::ListenSocket& socket);
  // A connection that came some other way (tests).
  void OnAccept(std::unique_ptr<net::Transport> transport) override;

  // One that another listener got by redirection.
  void TakeOver(listener::Accepted accepted);

  const config::Listener& config() const { return listener_->config(); }

  // From now on it is as `next`, a later version, says. Connections stay: their next requests are those of the chain that
  // they would get now. Those which have none, or can't change theirs, end as in a drain, after `drain_time` at the latest.
  void Update(std::shared_ptr<const Listener> next, base::Duration drain_time);

  // While paused, connections stay in the queues.
  void PauseAccepting(bool pause);
  void StopAccepting();  // behind those that are in the queues
  void StartDrain();   // every connection ends when its last stream does; those that still come as well
  void EndDrain();     // those that come from now on stay
  void Rescale();      // timeouts that get shorter under load have changed
  // Certificates may have been renewed, withdrawn, or have expired, of clients or of hosts that bytes go to:
  // connections that may not go on with them drain, and end after `drain_time` at the latest.
  void CheckIdentities(base::Duration drain_time);
  void CloseAll();     // in this turn
  // Connections end as in a drain, after `drain_time` at the latest; those that still come as well.
  void Leave(base::Duration drain_time);
  // It may be destroyed: there is no connection, and none is on its way to it.
  bool empty() const { return count_ == 0 && (balanced_ == nullptr || balanced_->connections.load() == 0); }
  size_t connections() const { return count_; }  // with those that listener filters look at

 private:
  void OnAccepted(uint32_t count) override { stats_.connections_accepted_per_socket_event.Record(count); }
  void OnAcceptFailed(int error) override;
  void OnInspected(listener::Inspection& inspection, listener::InspectionEnd end, listener::Accepted& accepted) override;
  bool BelongsElsewhere(ListenerConnection& connection, net::Transport& transport, std::string_view host) override;
  void OnConnectionGone(ListenerConnection& connection) override;

  // False: it would be one too many, or there is too much load. Else it is counted until CountOut().
  bool Admit();

  bool TooManyInAll() const;
  void CountIn();
  void CountOut();
  // Lets listener filters look, where there are any; else chooses the chain.
  void Inspect(listener::Accepted accepted);
  // Takes `accepted` over, or leaves it to be closed where no chain is for it.
  void ChooseChain(listener::Accepted& accepted);
  void RefuseWithoutChain(const listener::Accepted& accepted);
  // A line of one that no chain has got, after `age`.
  void LogWithoutChain(const listener::Accepted& accepted, base::Duration age, telemetry::ResponseFlags flags,
                       std::string_view details);
  void CheckSome();
  void Check(ListenerConnection& connection);
  bool ClientStands(ListenerConnection& connection);
  void EndThose();
  // What `listener_` says, but for connections.
  void Configure();
  std::optional<uint32_t> FindChain(net::Transport& transport, const listener::SocketFacts* facts) const;
  // Drains, and is cut short after drain_time_.
  void EndSoon(ListenerConnection& connection);

  std::shared_ptr<const Listener> listener_;
  WorkerContext& context_;
  stats::Shard& shard_;
  ListenerStats stats_;
  stats::Counter& own_total_;
  stats::Gauge& own_active_;
  std::shared_ptr<std::vector<listener::FilterShard>> filters_;  // with the version that configures them
  bool filters_missing_ = false;  // what one of them needs that comes apart has not come: nobody is let in
  std::optional<uint32_t> only_chain_;                           // whatever the connection is
  std::vector<event::Kept<FilterChainShard>> chains_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
  base::IntrusiveList<listener::Inspection, listener::InspectionTag> inspections_;
  base::IntrusiveList<ListenerConnection, ListenerConnectionTag> connections_;
  net::BalanceMember* balanced_ = nullptr;  // exact_balance
  size_t count_ = 0;
  const overload::State* overload_;  // null: nothing is given up for want of resources
  const bool counted_;               // its connections are among those of the process
  event::Task check_;
  base::Timer end_timer_;      // of connections whose identity has ended
  base::Duration drain_time_{};
  size_t to_check_ = 0;
  bool paused_ = false;
  bool draining_ = false;
  bool leaving_ = false;  // for ever, and connections end after drain_time_
};

}  // namespace pillion::proxy
