#include "source/proxy/tcp_proxy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "source/base/xxhash64.h"
#include "source/config/describe_listener.h"
#include "source/config/priority.h"
#include "source/config/tls.h"
#include "source/net/proxy_head.h"
#include "source/net/socket.h"
#include "source/proxy/described_bytes.h"
#include "source/proxy/filter_chain.h"
#include "source/proxy/noted_destination.h"
#include "source/proxy/noted_transport.h"
#include "source/proxy/upstream_request.h"
#include "source/tls/facts.h"
#include "source/tls/standing.h"
#include "source/upstream/transport_choice.h"

namespace pillion::proxy {
namespace {

constexpr size_t kLargestOutput = 256 * 1024;

// When both sides have ended, for a peer to take what is left: as long as for anything else.
base::Duration LongestWait(const config::TcpProxy& config) {
  constexpr base::Duration kWithoutTimeout = std::chrono::hours(1);
  return config.idle_timeout > base::Duration::zero() ? config.idle_timeout : kWithoutTimeout;
}

// Why a connect failed, as %UPSTREAM_TRANSPORT_FAILURE_REASON% says it.
std::string FailureText(std::string_view of_transport, int error) {
  char buffer[128];
  std::string text = of_transport.empty() ? std::string("delayed connect error: ") + strerror_r(error, buffer, sizeof buffer)
                                          : std::string(of_transport);
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

}  // namespace

TcpProxy::TcpProxy(std::shared_ptr<const config::Listener> listener, const config::FilterChain& chain,
                   const route::ClusterIndex& clusters, stats::Registry& registry, AccessLogs logs)
    : listener_(std::move(listener)),
      chain_(chain),
      config_(std::get<config::TcpProxy>(chain.terminal)),
      stat_ids_(registry, config_.stat_prefix),
      logs_(std::move(logs)) {
  uint32_t below = 0;
  for (const config::TcpProxy::WeightedCluster& cluster : config_.clusters) {
    choices_.push_back({clusters_.Hold(clusters(cluster.name)), below += cluster.weight, &cluster.lb_criteria});
  }
  for (const config::NetworkFilter& filter : chain.filters) {
    by_server_name_ = by_server_name_ || std::holds_alternative<config::SniCluster>(filter);
  }
}

const TcpProxy::Choice& TcpProxy::Choose(base::Random& random) const {
  if (choices_.size() == 1) return choices_[0];
  const uint64_t number = random.Below(choices_.back().below);
  return *std::upper_bound(choices_.begin(), choices_.end(), number,
                           [](uint64_t n, const Choice& choice) { return n < choice.below; });
}

TcpProxyConnection::Side::Side(TcpProxyConnection& pair, std::unique_ptr<net::Transport> transport,
                               size_t output_limit)
    : pair(pair),
      connection(pair.shard_.context.worker, std::move(transport), *this,
                 {.output_limit = output_limit, .linger = LongestWait(pair.shard_.proxy.config())}),
      end(connection, output_limit) {
  connection.set_codec(end);
}

void TcpProxyConnection::Side::OnConnected() {
  if (this == &pair.downstream_) {
    pair.NoteHandshake();
    pair.Choose();
  } else {
    pair.OnConnected();
  }
}

void TcpProxyConnection::Side::OnClosed(net::CloseReason reason, int error) { pair.OnClosed(*this, reason, error); }

TcpProxyConnection::TcpProxyConnection(TcpProxyShard& shard, ListenerConnectionOwner& owner,
                                       listener::Accepted accepted)
    : ListenerConnection(shard.context.worker, std::move(accepted.facts)),
      shard_(shard),
      owner_(owner),
      output_limit_(std::min<size_t>(shard.proxy.listener().per_connection_buffer_limit, kLargestOutput)),
      downstream_(*this, std::move(accepted.transport), output_limit_),
      connect_again_(this, [](void* self) { static_cast<TcpProxyConnection*>(self)->Connect(); }),
      connect_timer_(this, [](void* self) { static_cast<TcpProxyConnection*>(self)->OnConnectTimeout(); }),
      idle_timer_(this, [](void* self) { static_cast<TcpProxyConnection*>(self)->OnIdle(); }),
      duration_timer_(this, [](void* self) { static_cast<TcpProxyConnection*>(self)->OnMaxDuration(); }),
      log_timer_(this, [](void* self) { static_cast<TcpProxyConnection*>(self)->OnLogTimer(); }) {
  shard_.stats.downstream_cx_total.Increment();
  shard_.stats.downstream_cx_active.Increment();
  if (const config::Tunneling* const tunneling = shard_.proxy.config().tunneling.get()) [[unlikely]] {
    HttpTunnel::Owner& owner_of_tunnel = *this;
    tunnel_ = std::make_unique<HttpTunnel>(*tunneling, owner_of_tunnel, downstream_.connection, output_limit_,
                                           shard_.context.worker);
    downstream_.connection.set_codec(*tunnel_);
  }
  if (facts() != nullptr) downstream_.connection.Resume(std::move(accepted.preread), accepted.readable, accepted.hangup);
}

TcpProxyConnection::~TcpProxyConnection() = default;

void TcpProxyConnection::ChooseCluster() {
  if (shard_.proxy.by_server_name() && !server_name().empty()) {
    cluster_ = event::Kept<upstream::ClusterShard>(shard_.context.FindCluster(server_name()));
    lb_criteria_ = &shard_.proxy.config().lb_criteria;
    return;
  }
  const TcpProxy::Choice& choice = shard_.proxy.Choose(shard_.context.random);
  cluster_ = event::Kept<upstream::ClusterShard>(shard_.context.FindCluster(choice.cluster));
  lb_criteria_ = choice.lb_criteria;
}

upstream::PickContext TcpProxyConnection::WantedHost() {
  upstream::PickContext wanted{.criteria = lb_criteria_->view()};
  if (shard_.proxy.config().hashes_source_ip) {
    const std::string_view ip = remote_ip();
    if (!ip.empty()) wanted.hash = base::XxHash64(ip);
  }
  if (const std::string& name = shard_.proxy.config().hashes_object; !name.empty() && has_notes()) [[unlikely]] {
    base::Arena arena(shard_.context.worker.blocks());
    metadata::Annotations notes;
    CopyNotes(arena, notes);
    const metadata::FilterState::Object* const object = notes.filter_state.Find(name);
    if (object != nullptr) wanted.hash = base::XxHash64(object->text);
  }
  return wanted;
}

void TcpProxyConnection::Start() {
  const bool handshake = downstream_.connection.transport().connects();
  downstream_.connection.Start(handshake);
  if (!handshake) Choose();
}

void TcpProxyConnection::Choose() {
  const config::TcpProxy& config = shard_.proxy.config();
  ChooseCluster();
  if (config.logs_start) LogLine(shard_.proxy.logs(), telemetry::LogType::kTcpConnectionStart);
  if (config.log_interval > base::Duration::zero()) shard_.context.worker.SetTimer(log_timer_, config.log_interval);
  if (!cluster_) {
    shard_.stats.downstream_cx_no_route.Increment();
    flags_.Set(telemetry::ResponseFlag::kNoClusterFound);
    set_local_close_reason("tcp_initializion_failure:3");
    downstream_.connection.Close();
    return;
  }
  const base::Duration longest = config.max_connection_duration;
  if (longest > base::Duration::zero()) shard_.context.worker.SetTimer(duration_timer_, longest);
  Connect();
}

std::optional<net::Address> TcpProxyConnection::DestinationBy(const config::Cluster& cluster) {
  if (has_notes() && cluster.original_dst.metadata) [[unlikely]] {
    base::Arena arena(shard_.context.worker.blocks());
    metadata::Annotations notes;
    CopyNotes(arena, notes);
    const std::optional<std::string_view> noted = NotedDestination(cluster.original_dst, notes);
    if (noted) return net::Address::IpAndPort(*noted);
  }
  return original_destination();
}

void TcpProxyConnection::Connect() {
  if (downstream_.connection.closed()) return;
  upstream::ClusterShard& meant = *cluster_;
  const bool as_meant = meant.config().discovery == config::Cluster::Discovery::kOriginalDst;
  using Choice = upstream::ClusterShard::Choice;
  const Choice choice =
      as_meant ? Choice{meant, meant.HostAt(DestinationBy(meant.config())), 0} : meant.Choose(WantedHost());
  host_ = choice.host;
  serving_ = event::Kept<upstream::ClusterShard>(&choice.cluster);
  upstream::ClusterShard& cluster = choice.cluster;
  if (host_ == nullptr) {
    flags_.Set(telemetry::ResponseFlag::kNoHealthyUpstream);
    set_local_close_reason("tcp_initializion_failure:1");
    downstream_.connection.Close();
    return;
  }
  if (tunnel_ != nullptr) [[unlikely]] {
    ++attempts_;
    return ConnectTunnel();
  }
  upstream::Breaker& breaker = cluster.breakers(config::Priority::kDefault).connections;
  if (!cluster.HasRoom(*host_, config::Priority::kDefault) || !breaker.Take()) {
    cluster.stats().upstream_cx_overflow.Increment();
    flags_.Set(telemetry::ResponseFlag::kUpstreamOverflow);
    set_local_close_reason("tcp_initializion_failure:2");
    downstream_.connection.Close();
    return;
  }
  ++attempts_;
  attempt_.emplace(cluster, host_);
  std::string proxy_head;
  if (cluster.config().names_clients) [[unlikely]] proxy_head = ProxyHead();
  std::string passed;
  if (host_->transport()->internal != nullptr) [[unlikely]] passed = ObjectsToPass();
  base::Arena arena(shard_.context.worker.blocks());
  metadata::Annotations notes;
  upstream::ConnectionNeeds needs{.proxy_head = proxy_head, .passed = passed, .source = source()};
  if (has_notes() && host_->transport()->tls != nullptr) [[unlikely]] {
    CopyNotes(arena, notes);
    TakeNotedTransport(notes.filter_state, needs);
  }
  upstream_ =
      std::make_unique<Side>(*this, cluster.Connect(*host_, needs, std::nullopt), output_limit_);
  shard_.context.worker.SetTimer(connect_timer_, cluster.config().connect_timeout);
  upstream_->connection.Start(true);
}

std::string TcpProxyConnection::ProxyHead() {
  const upstream::UpstreamTransport& transport = *host_->transport();
  if (!transport.proxy_version) return "";
  return ListenerConnection::ProxyHead(*transport.proxy_version, transport.proxy_tlvs.get());
}

void TcpProxyConnection::ConnectTunnel() {
  upstream::ClusterShard& cluster = this->cluster();
  const std::string proxy_head = cluster.config().names_clients ? ProxyHead() : "";
  const std::string passed = host_->transport()->internal != nullptr ? ObjectsToPass() : "";
  upstream::Pool* const pool =
      cluster.PoolOf(host_, UpstreamProtocol(cluster.config(), http::Version::kHttp11), config::Priority::kDefault,
                     {.proxy_head = proxy_head, .passed = passed, .source = source()});
  if (pool == nullptr) return TryAgainOrEnd(telemetry::ResponseFlag::kUpstreamOverflow);
  base::Arena arena(shard_.context.worker.blocks());
  metadata::Annotations notes;
  telemetry::RequestRecord record;
  DescribeAll(record, notes, arena);
  OnActivity();  // who does not answer has as long as who says nothing
  tunnel_->Ask(*pool, record);
}

void TcpProxyConnection::OnTunnelOpen() {
  connected_ = true;
  if (shard_.proxy.config().logs_connected) LogLine(shard_.proxy.logs(), telemetry::LogType::kTcpUpstreamConnected);
  OnActivity();
}

void TcpProxyConnection::OnTunnelFailed(telemetry::ResponseFlag why) { TryAgainOrEnd(why); }

void TcpProxyConnection::TryAgainOrEnd(telemetry::ResponseFlag why) {
  const bool gone = downstream_.connection.closing();
  if (!gone && attempts_ < shard_.proxy.config().max_connect_attempts) {
    shard_.context.worker.Step(connect_again_);
    return;
  }
  flags_.Set(why);
  if (!gone) {
    set_local_close_reason("tcp_initializion_failure:0");
    flags_.SetLast(telemetry::ResponseFlag::kUpstreamRetryLimitExceeded);
    this->cluster().stats().upstream_cx_connect_attempts_exceeded.Increment();
  }
  downstream_.connection.Close();
}

void TcpProxyConnection::OnConnected() {
  connected_ = true;
  upstream_connected_ = shard_.context.worker.now();
  attempt_->OnConnected();
  connect_timer_.Cancel();
  net::Transport& transport = upstream_->connection.transport();
  upstream_local_address_ = transport.local_address().text();
  if (transport.remote_address() != host_->address()) upstream_other_address_ = transport.remote_address().text();
  if (!shard_.proxy.logs().empty()) upstream_tls_ = upstream_->connection.transport().tls();
  downstream_.end.Join(upstream_->end);
  if (cluster().config().close_on_health_failure) [[unlikely]] cluster().Watch(*this);
  if (shard_.proxy.config().logs_connected) LogLine(shard_.proxy.logs(), telemetry::LogType::kTcpUpstreamConnected);
  OnActivity();
}

void TcpProxyConnection::OnConnectTimeout() {
  upstream_failure_.clear();
  attempt_->OnFailed(true);
  upstream_->connection.Close();  // comes back by OnClosed()
}

void TcpProxyConnection::OnUpstreamClosed(net::CloseReason reason, int error) {
  connect_timer_.Cancel();
  net::Connection& connection = upstream_->connection;
  if (reason == net::CloseReason::kConnectFailed) {
    upstream_failure_ = FailureText(connection.transport().failure(), error);
    attempt_->OnFailed(false);
  }
  attempt_->CountBytes(connection.bytes_read(), connection.bytes_written());
  upstream_close_type_ = connection.close_type();
  const bool in_order = reason == net::CloseReason::kFinished;
  attempt_->OnClosed(in_order ? upstream_->end.peer_ended_last() : reason != net::CloseReason::kLocal);
  if (connected_) {
    if (reason == net::CloseReason::kError && (error == ECONNRESET || error == EPIPE)) {
      flags_.Set(telemetry::ResponseFlag::kUpstreamRemoteReset);
    }
    downstream_.end.OnOtherClosed(in_order);
    return;
  }
  failed_ = std::move(upstream_);  // it is on the stack; destroyed later
  NoteTried();
  // Else the client has left before.
  if (attempt_->failed()) TryAgainOrEnd(telemetry::ResponseFlag::kUpstreamConnectionFailure);
}

void TcpProxyConnection::NoteTried() {
  const auto is_this = [this](const Tried& tried) { return tried.host == attempt_->host(); };
  if (std::ranges::none_of(tried_, is_this)) tried_.push_back({attempt_->host(), attempt_->id()});
}

void TcpProxyConnection::OnClosed(Side& side, net::CloseReason reason, int error) {
  const bool in_order = reason == net::CloseReason::kFinished;
  if (&side == upstream_.get()) {
    OnUpstreamClosed(reason, error);
    if (connect_again_.linked()) return;
  } else if (upstream_ != nullptr && !upstream_->connection.closed()) {
    if (connected_) {
      upstream_->end.OnOtherClosed(in_order);
    } else {
      upstream_->connection.Close();
    }
  }
  if (!downstream_.connection.closed() || (upstream_ != nullptr && !upstream_->connection.closed())) return;
  CountBytes();
  idle_timer_.Cancel();
  duration_timer_.Cancel();
  log_timer_.Cancel();
  Log(shard_.proxy.logs());
  shard_.stats.downstream_cx_active.Decrement();
  owner_.OnConnectionGone(*this);
  shard_.context.worker.Dispose(*this);
}

void TcpProxyConnection::OnHostFailed() {
  HostWatch::Unlink();
  if (!upstream_->connection.closed()) upstream_->connection.Close();  // comes back by OnClosed()
}

void TcpProxyConnection::OnActivity() {
  CountBytes();
  const base::Duration idle = shard_.proxy.config().idle_timeout;
  if (idle > base::Duration::zero()) shard_.context.worker.SetTimer(idle_timer_, idle);
}

void TcpProxyConnection::CountBytes() {
  shard_.stats.downstream_cx_rx_bytes_total.Add(downstream_.connection.bytes_read() - rx_counted_);
  shard_.stats.downstream_cx_tx_bytes_total.Add(downstream_.connection.bytes_written() - tx_counted_);
  rx_counted_ = downstream_.connection.bytes_read();
  tx_counted_ = downstream_.connection.bytes_written();
  if (!connected_ || tunnel_ != nullptr) return;  // of a tunnel its pool counts
  attempt_->CountBytes(upstream_->connection.bytes_read(), upstream_->connection.bytes_written());
}

void TcpProxyConnection::Log(const AccessLogs& logs) {
  const bool own = &logs == &shard_.proxy.logs();
  LogLine(logs, own ? telemetry::LogType::kTcpConnectionEnd : telemetry::LogType::kNone);
}

void TcpProxyConnection::OnLogTimer() {
  LogLine(shard_.proxy.logs(), telemetry::LogType::kTcpPeriodic);
  shard_.context.worker.SetTimer(log_timer_, shard_.proxy.config().log_interval);
}

void TcpProxyConnection::LogLine(const AccessLogs& logs, telemetry::LogType type) {
  if (logs.empty()) return;
  telemetry::RequestRecord record;
  base::Arena arena(shard_.context.worker.blocks());
  metadata::Annotations notes;
  DescribeAll(record, notes, arena);
  record.type = type;
  for (const auto& log : logs) log->Log(shard_.context.worker.index(), record);
}

void TcpProxyConnection::DescribeAll(telemetry::RequestRecord& record, metadata::Annotations& notes, base::Arena& arena) {
  Describe(record);
  if (has_notes()) CopyNotes(arena, notes);
  if (tunnel_ != nullptr) tunnel_->CopyNotes(arena, notes.filter_state);
  if (has_notes() || tunnel_ != nullptr) record.annotations = &notes;
  record.random = shard_.context.random.Next();
  record.response_flags = flags_;
  if (host_ != nullptr) {
    record.upstream_remote_address = record.upstream_host_address = host_->address_text();
    record.upstream_host_name = host_->name();
    const config::Metadata* const metadata = host_->metadata();
    if (metadata != nullptr && metadata->tree != nullptr) record.upstream_metadata = &metadata->tree->value;
  }
  if (!upstream_other_address_.empty()) [[unlikely]] record.upstream_remote_address = upstream_other_address_;
  record.upstream_local_address = upstream_local_address_;
  record.upstream_transport_failure_reason = upstream_failure_;
  record.upstream_tls = upstream_tls_.get();
  for (const Tried& tried : tried_) {
    record.attempted_hosts = arena.New<telemetry::AttemptedHost>(tried.host->address_text(), tried.host->name(), tried.id,
                                                                 record.attempted_hosts);
  }
  if (connected_ && attempt_) {
    record.upstream_connection_id = attempt_->id();
    record.attempted_hosts = arena.New<telemetry::AttemptedHost>(host_->address_text(), host_->name(), attempt_->id(),
                                                                 record.attempted_hosts);
    record.upstream_wire_bytes_received = attempt_->bytes_read();
    record.upstream_wire_bytes_sent = attempt_->bytes_written();
    record.at(telemetry::TimePoint::kUpstreamConnectBegin) = attempt_->begun();
    DescribeConnect(upstream_connected_, host_->transport()->tls != nullptr, record);
  }
  record.upstream_close_type = upstream_close_type_;
  record.upstream_local_close_reason = upstream_local_close_reason_;
  if (tunnel_ != nullptr) AddUpstreamBytes(tunnel_->bytes(), record);
  if (cluster_) {
    record.upstream_cluster = cluster_->config().name;
    record.cluster_metadata = cluster_->metadata();
  }
  record.upstream_attempts = attempts_;
  record.filter_chain_name = shard_.proxy.chain_name();
  record.filter_chain_metadata = config::ValueOf(shard_.proxy.chain().metadata);
  config::DescribeListener(shard_.proxy.listener(), record);
}

void TcpProxyConnection::OnIdle() {
  shard_.stats.idle_timeout.Increment();
  EndBothBecause("tcp_session_idle_timeout");
}

void TcpProxyConnection::OnMaxDuration() {
  shard_.stats.max_downstream_connection_duration.Increment();
  flags_.Set(telemetry::ResponseFlag::kDurationTimeout);
  EndBothBecause("max_connection_duration_reached");
}

void TcpProxyConnection::EndBothBecause(std::string_view reason) {
  set_local_close_reason(reason);
  if (connected_) upstream_local_close_reason_ = reason;
  CloseNow();
}

// What it was told by its filters it has done already: it goes on where they say the same.
bool TcpProxyConnection::Follow(FilterChainShard& chain) {
  return chain.chain().config().filters_digest == shard_.proxy.chain().filters_digest;
}

// Of a tunnel its pool looks.
bool TcpProxyConnection::UpstreamStands() {
  if (!connected_ || upstream_ == nullptr || upstream_->connection.closed()) return true;
  const std::shared_ptr<const config::UpstreamTls>& tls = host_->transport()->tls;
  const std::shared_ptr<tls::Facts> facts = upstream_->connection.transport().tls();
  if (facts == nullptr || tls == nullptr) return true;
  const std::shared_ptr<const tls::Context> current = tls->context->current();
  return shard_.context.identity_checks.Stands(*facts, current.get());
}

void TcpProxyConnection::CloseNow() {
  downstream_.connection.Close();
  if (upstream_ != nullptr) upstream_->connection.Close();
}

}  // namespace pillion::proxy
