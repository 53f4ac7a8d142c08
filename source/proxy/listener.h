#pragma once

// A listener. Listener is its part for the whole process: what every connection needs and nobody changes.
// ListenerShard is the part of one worker: it accepts, and holds the connections.

#include <memory>
#include <variant>
#include <vector>

#include "source/config/listener.h"
#include "source/net/listener.h"
#include "source/proxy/connection_manager.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/stats.h"
#include "source/proxy/tcp_proxy.h"
#include "source/proxy/worker_context.h"

namespace pillion::proxy {

// Made by the main thread; outlives its shards.
class Listener {
 public:
  // `filter_logs`: of the terminal filter; `logs`: its own, a line a connection.
  Listener(std::shared_ptr<const config::Listener> config, const route::Table::ClusterIndex& clusters,
           stats::Registry& registry, AccessLogs filter_logs, AccessLogs logs);

  const config::Listener& config() const { return *config_; }
  const ListenerStatIds& stat_ids() const { return stat_ids_; }
  const AccessLogs& logs() const { return logs_; }
  // What the filter chain ends in.
  const std::variant<ConnectionManager, TcpProxy>& terminal() const { return terminal_; }

 private:
  static std::variant<ConnectionManager, TcpProxy> MakeTerminal(const std::shared_ptr<const config::Listener>& config,
                                                                const route::Table::ClusterIndex& clusters,
                                                                stats::Registry& registry, AccessLogs logs);

  const std::shared_ptr<const config::Listener> config_;
  const ListenerStatIds stat_ids_;
  const std::variant<ConnectionManager, TcpProxy> terminal_;
  const AccessLogs logs_;
};

// Made before the worker's thread starts, or on it; used on it only.
class ListenerShard final : private net::AcceptEvents, private ListenerConnectionOwner {
 public:
  ListenerShard(const Listener& listener, WorkerContext& context, stats::Shard& shard);
  ~ListenerShard();

  // Takes connections from `socket` from now on; several sockets may be given.
  void Accept(event::EpollLoop& loop, const net::ListenSocket& socket);
  // A connection that came some other way (tests).
  void OnAccept(std::unique_ptr<net::Transport> transport) override;

  void StopAccepting();  // behind those that are in the queues
  void StartDrain();   // every connection ends when its last stream does; those that still come as well
  void EndDrain();     // those that come from now on stay
  void CloseAll();     // in this turn
  size_t connections() const { return count_; }

 private:
  void OnAcceptFailed(int error) override;
  void OnConnectionGone(ListenerConnection& connection) override;

  const Listener& listener_;
  WorkerContext& context_;
  ListenerStats stats_;
  std::variant<ConnectionManagerShard, TcpProxyShard> terminal_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
  base::IntrusiveList<ListenerConnection, ListenerConnectionTag> connections_;
  size_t count_ = 0;
  bool draining_ = false;
};

}  // namespace pillion::proxy
