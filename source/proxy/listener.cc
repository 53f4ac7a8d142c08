#include "source/proxy/listener.h"

#include "source/proxy/downstream_connection.h"

namespace pillion::proxy {

std::variant<ConnectionManager, TcpProxy> Listener::MakeTerminal(const std::shared_ptr<const config::Listener>& config,
                                                                 const route::Table::ClusterIndex& clusters,
                                                                 stats::Registry& registry, AccessLogs logs) {
  const auto& terminal = config->filter_chain.terminal;
  if (const auto* manager = std::get_if<config::HttpConnectionManager>(&terminal)) {
    return std::variant<ConnectionManager, TcpProxy>(std::in_place_type<ConnectionManager>, config, *manager, clusters,
                                                     registry, std::move(logs));
  }
  return std::variant<ConnectionManager, TcpProxy>(std::in_place_type<TcpProxy>, config,
                                                   std::get<config::TcpProxy>(terminal), clusters, registry,
                                                   std::move(logs));
}

Listener::Listener(std::shared_ptr<const config::Listener> config, const route::Table::ClusterIndex& clusters,
                   stats::Registry& registry, AccessLogs filter_logs, AccessLogs logs)
    : config_(std::move(config)),
      stat_ids_(registry, config_->stat_prefix),
      terminal_(MakeTerminal(config_, clusters, registry, std::move(filter_logs))),
      logs_(std::move(logs)) {}

namespace {

std::variant<ConnectionManagerShard, TcpProxyShard> MakeShard(const Listener& listener, WorkerContext& context,
                                                              stats::Shard& shard) {
  using Shards = std::variant<ConnectionManagerShard, TcpProxyShard>;
  if (const auto* manager = std::get_if<ConnectionManager>(&listener.terminal())) {
    return Shards(std::in_place_type<ConnectionManagerShard>, *manager, context, shard);
  }
  return Shards(std::in_place_type<TcpProxyShard>, std::get<TcpProxy>(listener.terminal()), context, shard);
}

}  // namespace

ListenerShard::ListenerShard(const Listener& listener, WorkerContext& context, stats::Shard& shard)
    : listener_(listener),
      context_(context),
      stats_(listener.stat_ids(), shard),
      terminal_(MakeShard(listener, context, shard)) {}

ListenerShard::~ListenerShard() { PILLION_CHECK(connections_.empty()); }

void ListenerShard::Accept(event::EpollLoop& loop, const net::ListenSocket& socket) {
  net::AcceptEvents& events = *this;
  acceptors_.push_back(std::make_unique<net::Acceptor>(loop, socket, events, listener_.config().max_accepts_per_event));
  acceptors_.back()->Start();
}

void ListenerShard::OnAccept(std::unique_ptr<net::Transport> transport) {
  stats_.downstream_cx_total.Increment();
  stats_.downstream_cx_active.Increment();
  ++count_;
  ListenerConnection* connection;
  if (auto* manager = std::get_if<ConnectionManagerShard>(&terminal_)) {
    connection = new DownstreamConnection(*manager, *this, std::move(transport));
  } else {
    connection = new TcpProxyConnection(std::get<TcpProxyShard>(terminal_), *this, std::move(transport));
  }
  connections_.PushBack(*connection);
  connection->Start();
  if (draining_) connection->StartDrain();
}

void ListenerShard::OnAcceptFailed(int) { stats_.downstream_cx_accept_failed.Increment(); }

void ListenerShard::OnConnectionGone(ListenerConnection& connection) {
  static_cast<base::ListNode<ListenerConnectionTag>&>(connection).Unlink();
  --count_;
  stats_.downstream_cx_active.Decrement();
  stats_.downstream_cx_destroy.Increment();
  stats_.downstream_cx_length_ms.Record(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(context_.worker.now() - connection.started()).count()));
  if (!listener_.logs().empty()) connection.Log(listener_.logs());
}

void ListenerShard::StopAccepting() {
  for (const std::unique_ptr<net::Acceptor>& acceptor : acceptors_) acceptor->AcceptRest();
  acceptors_.clear();
}

void ListenerShard::StartDrain() {
  draining_ = true;
  connections_.ForEach([](ListenerConnection& connection) { connection.StartDrain(); });
}

void ListenerShard::EndDrain() { draining_ = false; }

void ListenerShard::CloseAll() {
  connections_.ForEach([](ListenerConnection& connection) { connection.CloseNow(); });
}

}  // namespace pillion::proxy
