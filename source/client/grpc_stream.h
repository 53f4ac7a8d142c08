#pragma once

// One call of gRPC over an HTTP/2 connection of its own.
//
// | state      | meaning                               | left by                                                     |
// |------------|---------------------------------------|-------------------------------------------------------------|
// | connecting | what is to be sent waits              | connected: open; failed, connect timeout: over              |
// | open       | messages go both ways                 | the status, a reset, the end of the connection, the timeout, |
// |            |                                       | bytes that are no gRPC, Cancel(): over                      |
// | over       | on_end was told, unless it was cancelled | disposed of when the connection has closed               |
//
// On the thread's worker. Disposes of itself; nobody uses it from the end on.

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "source/base/random.h"
#include "source/base/timer_wheel.h"
#include "source/client/grpc.h"
#include "source/codec/grpc/message.h"
#include "source/codec/http2/client_connection.h"
#include "source/net/connection.h"
#include "source/net/keepalive.h"

namespace pillion::client {

class GrpcStream final : private event::Deferred,
                         private net::ConnectionOwner,
                         private codec::ClientEvents,
                         private codec::ResponseReceiver {
 public:
  struct Callbacks {
    std::function<void()> on_open;  // the call was sent, over a connection that is there
    std::function<void(std::string message)> on_message;  // the next one comes after Taken()
    std::function<void(const codec::grpc::Status& status)> on_end;
  };

  // Bytes that may wait until the server reads: several times what all resources of a large mesh are asked for with. Who
  // does not read is given up.
  static constexpr size_t kMostWaiting = 64 * 1024 * 1024;

  GrpcStream(const ThreadParts& thread, const Target& target, GrpcRequest request, Callbacks callbacks);

  void Start();
  void Send(std::string_view message, bool last);
  void Taken();
  void Cancel() { Over(std::nullopt); }

 private:
  enum class State : uint8_t { kConnecting, kOpen, kOver };

  ~GrpcStream() = default;
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
  void OnTrailers(http::HeaderMap& trailers) override;
  void OnReset(codec::ResetReason reason, std::string_view detail) override;
  void OnSendReady() override;

  void SendHead();
  void SendWaiting();
  // Hands on what is there: messages, one at a time, and then the end.
  void Deliver();
  void Finish(codec::grpc::Status status);
  // Nothing: it was cancelled, and nobody is told.
  void Over(std::optional<codec::grpc::Status> status);

  const ThreadParts thread_;
  const Target target_;
  const GrpcRequest request_;
  const Callbacks callbacks_;
  const std::unique_ptr<const net::ConnectOptions> connect_options_;
  const codec::http2::Options http2_options_;  // the codec's
  base::Arena arena_;
  base::Random random_;  // of the keepalive
  net::Connection connection_;
  codec::http2::ClientConnection codec_;
  std::optional<net::Keepalive> keepalive_;
  base::Timer connect_timer_;
  base::Timer timer_;

  State state_ = State::kConnecting;
  codec::ClientStream* stream_ = nullptr;  // null: not open yet, or over
  struct Outgoing {
    std::string framed;
    bool last;
    size_t sent = 0;  // bytes
  };
  std::deque<Outgoing> waiting_;
  size_t waiting_bytes_ = 0;
  bool send_blocked_ = false;
  codec::grpc::MessageReader reader_;
  bool handed_on_ = false;  // a message that was not taken yet
  int http_status_ = 0;
  std::optional<codec::grpc::Status> status_;  // behind the messages that are left
  std::string connection_error_;
};

}  // namespace pillion::client
