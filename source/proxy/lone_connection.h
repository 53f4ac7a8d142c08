#pragma once

// A downstream connection that has no other side: it gets back what it sends (echo), or nothing, until it is closed after
// a while, because it is one too many (connection_limit, local_ratelimit), or the secrets of its TLS have not come.
// Disposes of itself when it has closed.

#include <memory>
#include <optional>
#include <string_view>

#include "source/base/timer_wheel.h"
#include "source/config/listener.h"
#include "source/net/connection.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/tunnel.h"
#include "source/proxy/worker_context.h"
#include "source/telemetry/response_flag.h"

namespace pillion::proxy {

// How a connection without another side ends.
struct LoneEnd {
  // Nothing is read, and it is closed then; nothing: it echoes.
  std::optional<base::Duration> close_after = std::nullopt;
  std::string_view failure = {};  // why it has no transport; static, as are the others
  std::string_view local_close_reason = {};
  telemetry::ResponseFlag flag = telemetry::ResponseFlag::kCount;  // kCount: none
};

class LoneConnection final : public ListenerConnection, private net::ConnectionOwner {
 public:
  LoneConnection(WorkerContext& context, const config::Listener& listener, ListenerConnectionOwner& owner,
                 listener::Accepted accepted, const LoneEnd& how);

  void Start() override;
  // Bytes have no end that we know.
  void StartDrain() override {}
  void CloseNow() override { connection_.Close(); }
  void Log(const AccessLogs& logs) override;
  bool Follow(FilterChainShard&) override { return false; }
  bool refused() const override { return how_.close_after.has_value(); }

 private:
  ~LoneConnection() = default;
  void Dispose() override { delete this; }
  net::Connection& connection() override { return connection_; }

  void OnConnected() override {}
  void OnClosed(net::CloseReason reason, int error) override;
  void OnActivity() override {}

  WorkerContext& context_;
  ListenerConnectionOwner& owner_;
  const LoneEnd how_;
  const metadata::Value* const listener_metadata_;  // its owner's
  const size_t output_limit_;
  net::Connection connection_;
  TunnelEnd end_;
  base::Timer close_timer_;
};

}  // namespace pillion::proxy
