#pragma once

// One downstream HTTP connection: its transport, its codec, its streams.
//
// | state    | new requests | left by                                                              |
// |----------|--------------|----------------------------------------------------------------------|
// | sniffing | -            | the first bytes: HTTP/2's preface or not (codec AUTO only)           |
// | serving  | yes          | drain: listener or server, connection's age or number of requests    |
// | draining | until the grace time is over         | the last stream's end                        |
// | closed   | no           | destroyed at the end of the turn                                     |
//
// Owned by its listener's list on the worker; disposes of itself when the connection has closed. Its streams are
// owned by themselves (Stream::Finish) and are gone before it.

#include <memory>
#include <string>
#include <variant>

#include "source/base/intrusive_list.h"
#include "source/base/timer_wheel.h"
#include "source/codec/http1/server_connection.h"
#include "source/codec/http2/server_connection.h"
#include "source/config/overload.h"
#include "source/event/worker.h"
#include "source/net/connection.h"
#include "source/net/keepalive.h"
#include "source/proxy/connection_manager.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/protocol_sniffer.h"

namespace pillion::proxy {

class Stream;
struct LineDueTag {};  // streams that are over and not logged yet

class DownstreamConnection final : public ListenerConnection,
                                   private net::ConnectionOwner,
                                   private codec::ServerEvents,
                                   private ProtocolSniffer::Events {
 public:
  DownstreamConnection(const event::Kept<ConnectionManagerShard>& manager, ListenerConnectionOwner& owner,
                       listener::Accepted accepted);

  void Start() override;
  void StartDrain() override;
  void Rescale() override;
  void CloseNow() override;
  void Log(const AccessLogs& logs) override;
  bool Follow(FilterChainShard& chain) override;

  // Of the requests that come from now on.
  const event::Kept<ConnectionManagerShard>& manager() { return current_; }
  net::Transport& transport() { return connection_.transport(); }
  http::Version version() const { return version_; }
  match::PeerCertificate peer_certificate() const { return peer_certificate_; }
  // TLS protects it.
  bool secured() const { return secured_; }
  // A request for `authority` has come to a filter chain that is for the name that TLS was asked for, while another one is
  // for this host: that one may have other certificates, and let in other clients (RFC 9110, 15.5.20).
  bool IsMisdirected(std::string_view authority);
  // Of x-forwarded-client-cert, as long as the connection; empty: nothing is to be said, or the client has no certificate.
  std::string_view client_cert_element() const { return client_cert_element_; }
  // CloseNow() ended it, not the client.
  bool cut_short() const { return cut_short_; }

  // Before an answer's head: this is the last, because of overload.
  void DisableKeepalive();
  // See codec::ServerConnection.
  void ForgiveReset() { server_->ForgiveReset(); }
  // A stream of this connection is over.
  void OnStreamFinished();
  // Has it log when this turn's output is written, for only then is known how long that is.
  void LogWhenWritten(Stream& stream);

 private:
  ~DownstreamConnection();

  // event::Deferred
  void Dispose() override { delete this; }

  // ListenerConnection
  net::Connection& connection() override { return connection_; }

  // net::ConnectionOwner
  void OnConnected() override;
  void OnClosed(net::CloseReason reason, int error) override;
  void OnActivity() override;

  // codec::ServerEvents
  codec::RequestReceiver* OnRequestBegin(codec::ServerStream& stream) override;
  void OnFlood(codec::Flood flood, bool fatal) override;
  void OnConnectionError(std::string_view detail) override;

  // ProtocolSniffer::Events
  codec::Connection& OnProtocol(bool http2) override;

  codec::ServerConnection& UseHttp1();
  codec::ServerConnection& UseHttp2();
  void StartKeepalive();
  // As StartDrain(), but of this connection alone.
  void EndWithRequests();
  // `full`, or what is left of it under load.
  base::Duration Scaled(config::ScaledTimeout timeout, base::Duration full) const;
  void SetIdleTimer();
  void OnIdle();
  void OnMaxDuration();
  void OnGraceOver();
  void SetFlushTimer();
  void OnFlushTimer();
  void CountBytes();
  void LogStreams();

  const event::Kept<ConnectionManagerShard> kept_;  // of the connection itself, as it began
  ConnectionManagerShard& manager_;                 // that one
  event::Kept<ConnectionManagerShard> current_;
  ListenerConnectionOwner& owner_;
  net::Connection connection_;
  http::Version version_ = http::Version::kHttp11;
  std::variant<ProtocolSniffer, codec::http1::ServerConnection, codec::http2::ServerConnection> codec_;
  codec::ServerConnection* server_ = nullptr;  // in codec_, once the protocol is known
  std::unique_ptr<net::Keepalive> keepalive_;  // HTTP/2 only, where it is configured

  base::Timer idle_timer_;      // armed while there is no stream
  base::Timer duration_timer_;
  base::Timer flush_timer_;     // HTTP/2: looks for answers that are complete, and that the peer grants no window
  base::Timer grace_timer_;     // what is sent before the peer can know of the drain is still served
  std::string client_cert_element_;
  base::MonotonicTime idle_since_{};  // as idle_timer_ has it
  base::IntrusiveList<Stream, LineDueTag> lines_due_;  // of streams that are over
  event::Task log_task_;                               // behind the flush of connection_
  uint64_t requests_ = 0;
  uint32_t streams_ = 0;     // that have not finished
  uint64_t rx_counted_ = 0;  // bytes that stats have already
  uint64_t tx_counted_ = 0;
  bool secured_ = false;     // by TLS
  match::PeerCertificate peer_certificate_ = match::PeerCertificate::kNone;
  bool draining_ = false;
  bool cut_short_ = false;
  telemetry::ResponseFlags flags_;        // why it was ended, where that was not in order
  std::string_view termination_details_;
};

}  // namespace pillion::proxy
