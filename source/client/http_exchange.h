#pragma once

// One request of HTTP over a connection of its own, by HTTP/2 where the cluster says so, else HTTP/1.1.
//
// | state      | meaning                   | left by                                                                |
// |------------|---------------------------|------------------------------------------------------------------------|
// | connecting | nothing is sent           | connected: open; failed: over                                          |
// | open       | the request goes, then    | the end of the answer, more of it than is taken, a reset, the end of   |
// |            | the answer comes          | the connection: over                                                   |
// | over       | `done` was told, unless   | disposed of when the connection has closed                             |
// |            | it was cancelled          |                                                                        |
//
// The timeout and Cancel() end each. On the thread's worker. Disposes of itself; nobody uses it from the end on.

#include <memory>
#include <optional>
#include <string>

#include "source/base/timer_wheel.h"
#include "source/client/http.h"
#include "source/net/connection.h"
#include "source/upstream/http_client_codecs.h"

namespace pillion::client {

class HttpExchange final : private event::Deferred,
                           private net::ConnectionOwner,
                           private codec::ClientEvents,
                           private codec::ResponseReceiver {
 public:
  // `target` has a cluster.
  HttpExchange(const ThreadParts& thread, const Target& target, HttpRequest request, HttpCaller::Done done);

  void Start();
  void Cancel() { Over(std::nullopt); }

 private:
  enum class State : uint8_t { kConnecting, kOpen, kOver };

  ~HttpExchange() = default;
  void Dispose() override { delete this; }

  // net::ConnectionOwner
  void OnConnected() override;
  void OnClosed(net::CloseReason reason, int error) override;
  void OnActivity() override {}

  // codec::ClientEvents
  void OnStreamEnd() override {}
  void OnCapacityChanged() override {}
  void OnFlood(codec::Flood, bool) override {}
  void OnConnectionError(std::string_view detail) override { connection_error_ = detail; }

  // codec::ResponseReceiver
  base::Arena& arena() override { return arena_; }
  void OnInformational(http::ResponseHead&) override {}
  void OnResponseHead(http::ResponseHead& head, bool end) override;
  void OnData(base::Slice data, bool end) override;
  void OnTrailers(http::HeaderMap&) override { End(); }
  void OnReset(codec::ResetReason reason, std::string_view detail) override;
  void OnSendReady() override;

  void SendHead();
  void SendBody();
  void End() { Over(std::move(answer_)); }
  void Fail(std::string why);
  // Nothing: it was cancelled, and nobody is told.
  void Over(std::optional<absl::StatusOr<HttpAnswer>> answer);

  const ThreadParts thread_;
  const Target target_;
  const HttpRequest request_;
  const HttpCaller::Done done_;
  const bool http2_;
  const std::unique_ptr<const net::ConnectOptions> connect_options_;
  upstream::HttpClientCodecs codecs_;
  base::Arena arena_;
  net::Connection connection_;
  const std::unique_ptr<codec::ClientConnection> codec_;
  base::Timer timer_;

  State state_ = State::kConnecting;
  codec::ClientStream* stream_ = nullptr;  // null: not open yet, or over
  size_t sent_ = 0;                        // bytes of the body
  HttpAnswer answer_;
  std::string connection_error_;
};

}  // namespace pillion::client
