#include "source/proxy/downstream_connection.h"

#include "source/config/describe_listener.h"
#include "source/proxy/forwarded_client_cert.h"
#include "source/overload/state.h"
#include "source/proxy/filter_chain.h"
#include "source/proxy/stream.h"
#include "source/tls/facts.h"

namespace pillion::proxy {
namespace {

// Between the word that a connection will end (HTTP/1: on its next answer; HTTP/2: the first GOAWAY) and its end:
// long enough for what is on its way. The configured drain_timeout, when that is shorter.
constexpr base::Duration kShortestGrace = std::chrono::milliseconds(500);

}  // namespace

DownstreamConnection::DownstreamConnection(const event::Kept<ConnectionManagerShard>& manager,
                                           ListenerConnectionOwner& owner, listener::Accepted accepted)
    : ListenerConnection(manager->context.worker, std::move(accepted.facts)),
      kept_(manager),
      manager_(*kept_),
      current_(manager),
      owner_(owner),
      connection_(manager_.context.worker, std::move(accepted.transport), *this,
                  {.output_limit = manager_.manager.output_limit(),
                   .linger = manager_.manager.config().delayed_close_timeout}),
      codec_(std::in_place_type<ProtocolSniffer>, static_cast<ProtocolSniffer::Events&>(*this),
             manager_.context.worker.blocks()),
      idle_timer_(this, [](void* self) { static_cast<DownstreamConnection*>(self)->OnIdle(); }),
      duration_timer_(this, [](void* self) { static_cast<DownstreamConnection*>(self)->OnMaxDuration(); }),
      flush_timer_(this, [](void* self) { static_cast<DownstreamConnection*>(self)->OnFlushTimer(); }),
      grace_timer_(this, [](void* self) { static_cast<DownstreamConnection*>(self)->OnGraceOver(); }),
      log_task_(this, [](void* self) { static_cast<DownstreamConnection*>(self)->LogStreams(); }) {
  HttpStats& stats = manager_.stats;
  stats.downstream_cx_total.Increment();
  stats.downstream_cx_active.Increment();
  if (facts() != nullptr) connection_.Resume(std::move(accepted.preread), accepted.readable, accepted.hangup);
}

DownstreamConnection::~DownstreamConnection() = default;

// What the connection was begun with, such as the limits of its codec, it keeps.
bool DownstreamConnection::Follow(FilterChainShard& chain) {
  if (chain.manager() == nullptr) return false;
  current_ = *chain.manager();
  return true;
}

void DownstreamConnection::Start() {
  const config::HttpConnectionManager& config = manager_.manager.config();
  switch (config.codec) {
    case config::HttpConnectionManager::Codec::kAuto:
      connection_.set_codec(std::get<ProtocolSniffer>(codec_));
      break;
    case config::HttpConnectionManager::Codec::kHttp1:
      UseHttp1();
      break;
    case config::HttpConnectionManager::Codec::kHttp2:
      UseHttp2();
      break;
  }
  if (config.options.idle_timeout > base::Duration::zero()) SetIdleTimer();
  if (config.options.max_connection_duration > base::Duration::zero()) {
    manager_.context.worker.SetTimer(duration_timer_, Scaled(config::ScaledTimeout::kConnectionDuration,
                                                             config.options.max_connection_duration));
  }
  connection_.Start(transport().connects());
}

// A TLS handshake is over.
void DownstreamConnection::OnConnected() {
  NoteHandshake();
  manager_.stats.downstream_cx_ssl_total.Increment();
  manager_.stats.downstream_cx_ssl_active.Increment();
  secured_ = true;
  if (tls()->peer() != nullptr) {
    peer_certificate_ = tls()->peer_verified() ? match::PeerCertificate::kValidated : match::PeerCertificate::kPresented;
  }
  const config::ForwardedClientCert& says = manager_.manager.config().forwarded_client_cert;
  if (says.mode != config::ForwardedClientCert::Mode::kSanitize) client_cert_element_ = ClientCertElement(*tls(), says);
  if (manager_.manager.config().codec != config::HttpConnectionManager::Codec::kAuto) return;
  const std::shared_ptr<tls::Facts> facts = transport().tls();
  const std::string_view alpn = facts->alpn();
  if (alpn == "h2") {
    OnProtocol(true);
  } else if (alpn == "http/1.1" || alpn == "http/1.0") {
    OnProtocol(false);
  }
}

codec::ServerConnection& DownstreamConnection::UseHttp1() {
  auto& codec = codec_.emplace<codec::http1::ServerConnection>(
      connection_, static_cast<codec::ServerEvents&>(*this), manager_.context.worker.blocks(),
      manager_.manager.http1(transport().connects()));
  version_ = http::Version::kHttp11;
  manager_.stats.downstream_cx_http1_total.Increment();
  manager_.stats.downstream_cx_http1_active.Increment();
  server_ = &codec;
  connection_.set_codec(codec);
  return codec;
}

codec::ServerConnection& DownstreamConnection::UseHttp2() {
  auto& codec = codec_.emplace<codec::http2::ServerConnection>(
      connection_, static_cast<codec::ServerEvents&>(*this), manager_.context.worker.blocks(),
      manager_.context.http2_memory, manager_.manager.http2());
  version_ = http::Version::kHttp2;
  manager_.stats.downstream_cx_http2_total.Increment();
  manager_.stats.downstream_cx_http2_active.Increment();
  server_ = &codec;
  connection_.set_codec(codec);
  StartKeepalive();
  return codec;
}

void DownstreamConnection::StartKeepalive() {
  const std::optional<config::KeepaliveOptions>& options = manager_.manager.config().http2.keepalive;
  if (!options || options->interval == base::Duration::zero()) return;
  keepalive_ = std::make_unique<net::Keepalive>(
      manager_.context.worker, connection_, *server_, manager_.context.random,
      net::KeepaliveTimes{.interval = options->interval,
                          .timeout = options->timeout,
                          .jitter_percent = options->interval_jitter_percent},
      [this] {
        manager_.stats.keepalive_timeout.Increment();
        connection_.Close();
      });
}

codec::Connection& DownstreamConnection::OnProtocol(bool http2) {
  codec::ServerConnection& codec = http2 ? UseHttp2() : UseHttp1();
  if (draining_) codec.StartDrain();
  return codec;
}

// --- events of the codec and the connection ------------------------------------------------------------------------

codec::RequestReceiver* DownstreamConnection::OnRequestBegin(codec::ServerStream& stream) {
  ++streams_;
  ++requests_;
  const uint32_t limit = manager_.manager.config().options.max_requests_per_connection;
  if (limit != 0 && requests_ == limit) {
    manager_.stats.downstream_cx_max_requests_reached.Increment();
    EndWithRequests();
  }
  return &Stream::Make(*this, stream);
}

bool DownstreamConnection::IsMisdirected(std::string_view authority) {
  if (!secured_ || facts() == nullptr || facts()->server_name.empty()) return false;
  if (const size_t colon = authority.rfind(':'); colon != authority.npos && !authority.ends_with(']')) {
    authority = authority.substr(0, colon);
  }
  if (authority.ends_with('.')) authority.remove_suffix(1);
  char host[255];
  if (authority.size() > sizeof host || authority == facts()->server_name) return false;
  http::CopyLowerCase(authority, host);
  return owner_.BelongsElsewhere(*this, transport(), {host, authority.size()});
}

void DownstreamConnection::OnStreamFinished() {
  --streams_;
  if (version_ == http::Version::kHttp2 && !flush_timer_.armed()) SetFlushTimer();
  if (streams_ > 0) return;
  if (idle_timer_.armed()) SetIdleTimer();
}

void DownstreamConnection::LogWhenWritten(Stream& stream) {
  lines_due_.PushBack(stream);
  // Behind whatever has been put among the flushes of this turn by now: its output is there too.
  log_task_.Unlink();
  manager_.context.worker.Flush(log_task_);
}

void DownstreamConnection::LogStreams() {
  while (Stream* const stream = lines_due_.PopFront()) stream->Log();
}

base::Duration DownstreamConnection::Scaled(config::ScaledTimeout timeout, base::Duration full) const {
  return manager_.overload == nullptr ? full : manager_.overload->Scaled(timeout, full);
}

void DownstreamConnection::SetIdleTimer() {
  idle_since_ = manager_.context.worker.now();
  manager_.context.worker.SetTimer(
      idle_timer_, Scaled(config::ScaledTimeout::kConnectionIdle, manager_.manager.config().options.idle_timeout));
}

void DownstreamConnection::Rescale() {
  if (manager_.overload == nullptr) return;
  const config::HttpOptions& options = manager_.manager.config().options;
  base::TimerWheel& timers = manager_.context.worker.timers();
  if (idle_timer_.armed()) {
    timers.Set(idle_timer_, idle_since_ + Scaled(config::ScaledTimeout::kConnectionIdle, options.idle_timeout));
  }
  if (duration_timer_.armed()) {
    timers.Set(duration_timer_,
               started() + Scaled(config::ScaledTimeout::kConnectionDuration, options.max_connection_duration));
  }
}

// Streams of ours are over when all is handed to the codec. What their peer then never takes would be held for ever.
void DownstreamConnection::SetFlushTimer() {
  const base::Duration timeout =
      Scaled(config::ScaledTimeout::kStreamFlush, manager_.manager.config().stream_idle_timeout);
  if (timeout > base::Duration::zero()) manager_.context.worker.SetTimer(flush_timer_, timeout);
}

void DownstreamConnection::OnFlushTimer() {
  if (server_->active_streams() <= streams_) return;
  manager_.stats.tx_flush_timeout.Add(server_->ResetStuck());
  connection_.Reconsider();
  SetFlushTimer();
}

void DownstreamConnection::OnFlood(codec::Flood flood, bool fatal) {
  if (!fatal) return;  // these count connections that were closed for it
  HttpStats& stats = manager_.stats;
  switch (flood) {
    case codec::Flood::kReset:
      stats.inbound_reset_flood.Increment();
      break;
    case codec::Flood::kContinuation:
      stats.inbound_continuation_flood.Increment();
      break;
    case codec::Flood::kPing:
      stats.inbound_ping_flood.Increment();
      break;
    case codec::Flood::kSettings:
      stats.inbound_settings_flood.Increment();
      break;
    case codec::Flood::kPriority:
      stats.inbound_priority_frames_flood.Increment();
      break;
    case codec::Flood::kWindowUpdate:
      stats.inbound_window_update_frames_flood.Increment();
      break;
    case codec::Flood::kEmptyFrame:
      stats.inbound_empty_frames_flood.Increment();
      break;
    case codec::Flood::kOutbound:
      stats.outbound_control_flood.Increment();
      break;
    case codec::Flood::kOutboundFrames:
      stats.outbound_flood.Increment();
      break;
    case codec::Flood::kInformational:  // of responses only
    case codec::Flood::kCount:
      break;
  }
  OnConnectionError("http2.flood");
}

void DownstreamConnection::OnConnectionError(std::string_view detail) {
  flags_.Set(telemetry::ResponseFlag::kDownstreamProtocolError);
  termination_details_ = detail;
  manager_.stats.downstream_cx_protocol_error.Increment();
}

void DownstreamConnection::OnActivity() { CountBytes(); }

void DownstreamConnection::CountBytes() {
  manager_.stats.downstream_cx_rx_bytes_total.Add(connection_.bytes_read() - rx_counted_);
  manager_.stats.downstream_cx_tx_bytes_total.Add(connection_.bytes_written() - tx_counted_);
  rx_counted_ = connection_.bytes_read();
  tx_counted_ = connection_.bytes_written();
}

void DownstreamConnection::OnClosed(net::CloseReason reason, int) {
  CountBytes();
  idle_timer_.Cancel();
  duration_timer_.Cancel();
  grace_timer_.Cancel();
  flush_timer_.Cancel();
  keepalive_.reset();
  HttpStats& stats = manager_.stats;
  stats.downstream_cx_active.Decrement();
  if (secured_) stats.downstream_cx_ssl_active.Decrement();
  if (server_ != nullptr) {
    (version_ == http::Version::kHttp2 ? stats.downstream_cx_http2_active : stats.downstream_cx_http1_active)
        .Decrement();
  }
  stats.downstream_cx_destroy.Increment();
  const bool remote = reason == net::CloseReason::kError || connection_.read_ended();
  (remote ? stats.downstream_cx_destroy_remote : stats.downstream_cx_destroy_local).Increment();
  const base::Duration length = manager_.context.worker.now() - started();
  stats.downstream_cx_length_ms.Record(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(length).count()));
  if (remote) {
    set_local_close_reason({});
  } else if (local_close_reason().empty() && reason == net::CloseReason::kFinished) {
    set_local_close_reason(connection_.linger_expired() ? "triggered_delayed_close_timeout"
                                                        : "deferred_close_on_drained_connection");
  }
  LogStreams();  // their lines come before that of the connection
  owner_.OnConnectionGone(*this);
  manager_.context.worker.Dispose(*this);
}

void DownstreamConnection::Log(const AccessLogs& logs) {
  telemetry::RequestRecord record;
  Describe(record);
  record.random = manager_.context.random.Next();
  if (server_ != nullptr) record.protocol = version_;
  record.response_flags = flags_;
  if (!termination_details_.empty()) record.connection_termination_details = termination_details_;
  record.filter_chain_name = manager_.manager.chain_name();
  record.filter_chain_metadata = config::ValueOf(manager_.manager.chain().metadata);
  config::DescribeListener(manager_.manager.listener(), record);
  base::Arena arena(manager_.context.worker.blocks());
  metadata::Annotations notes;
  if (has_notes()) {
    CopyNotes(arena, notes);
    record.annotations = &notes;
  }
  for (const auto& log : logs) log->Log(manager_.context.worker.index(), record);
}

// --- its end -----------------------------------------------------------------------------------------------------

void DownstreamConnection::StartDrain() {
  if (draining_) return;
  manager_.stats.downstream_cx_drain_close.Increment();
  EndWithRequests();
}

void DownstreamConnection::EndWithRequests() {
  if (draining_) return;
  draining_ = true;
  if (server_ != nullptr) server_->StartDrain();
  manager_.context.worker.SetTimer(grace_timer_, std::min(manager_.manager.config().drain_timeout, kShortestGrace));
  connection_.Reconsider();
}

void DownstreamConnection::DisableKeepalive() {
  if (draining_) return;
  manager_.stats.downstream_cx_overload_disable_keepalive.Increment();
  EndWithRequests();
}

void DownstreamConnection::OnGraceOver() {
  if (server_ == nullptr || connection_.connecting()) {
    CloseNow();
    return;
  }
  server_->FinishDrain();
  connection_.Reconsider();
}

void DownstreamConnection::CloseNow() {
  cut_short_ = true;
  connection_.Close();
}

void DownstreamConnection::OnIdle() {
  if (streams_ > 0) return SetIdleTimer();
  manager_.stats.downstream_cx_idle_timeout.Increment();
  set_local_close_reason("on_idle_timeout");
  EndWithRequests();
  if (version_ == http::Version::kHttp2) return;
  // HTTP/1 has no word for it outside of an answer.
  grace_timer_.Cancel();
  OnGraceOver();
}

void DownstreamConnection::OnMaxDuration() {
  manager_.stats.downstream_cx_max_duration_reached.Increment();
  flags_.Set(telemetry::ResponseFlag::kDurationTimeout);
  termination_details_ = "duration_timeout";
  set_local_close_reason("duration_timeout");
  EndWithRequests();
}

}  // namespace pillion::proxy
