#pragma once

// A downstream connection that has no other side: it gets back what it sends (echo), or nothing, until it is closed after
// a while, because it is one too many (connection_limit), or the secrets of its TLS have not come. Disposes of itself when
// it has closed.

#include <memory>
#include <optional>
#include <string_view>

#include "source/base/timer_wheel.h"
#include "source/config/listener.h"
#include "source/net/connection.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/tunnel.h"
#include "source/proxy/worker_context.h"

namespace pillion::proxy {

class LoneConnection final : public ListenerConnection, private net::ConnectionOwner {
 public:
  // `close_after`: nothing is read, and it is closed then; else it echoes. `failure`: why it has no transport; static.
  LoneConnection(WorkerContext& context, const config::Listener& listener, ListenerConnectionOwner& owner,
                 listener::Accepted accepted, std::optional<base::Duration> close_after, std::string_view failure = {});

  void Start() override;
  // Bytes have no end that we know.
  void StartDrain() override {}
  void CloseNow() override { connection_.Close(); }
  void Log(const AccessLogs& logs) override;
  bool Follow(FilterChainShard&) override { return false; }
  bool refused() const override { return close_after_.has_value(); }

 private:
  ~LoneConnection() = default;
  void Dispose() override { delete this; }
  net::Connection& connection() override { return connection_; }

  void OnConnected() override {}
  void OnClosed(net::CloseReason reason, int error) override;
  void OnActivity() override {}

  WorkerContext& context_;
  ListenerConnectionOwner& owner_;
  const std::optional<base::Duration> close_after_;
  const std::string_view failure_;
  const metadata::Value* const listener_metadata_;  // its owner's
  const size_t output_limit_;
  net::Connection connection_;
  TunnelEnd end_;
  base::Timer close_timer_;
};

}  // namespace pillion::proxy
