#pragma once

// The administration's HTTP server: Boost.Beast on the main thread's loop. Made for people and scrapers, not for
// load; what it takes is bounded (connections, request sizes, times, bytes of answers that slow readers leave
// waiting), so that nobody who reaches it can hurt the process. Owned by the server; main thread only.

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "source/admin/access.h"
#include "source/admin/endpoints.h"
#include "source/config/address.h"
#include "source/config/tree.h"
#include "source/stats/registry.h"
#include "source/telemetry/access_log.h"

namespace pillion::admin {

struct Limits {
  size_t connections = 100;  // for more the one that has said nothing for longest is closed, or else they are
  size_t head_bytes = 16 << 10;
  size_t body_bytes = 64 << 10;
  size_t large_body_bytes = config::Tree::kMaxBytes;  // where an endpoint takes more than a form
  size_t waiting_bytes = 64 << 20;            // answers not yet read by their clients; past it: 503
  std::chrono::seconds handshake_timeout{10};  // of TLS
  std::chrono::seconds request_timeout{30};   // from the end of one answer to the end of the next request
  std::chrono::seconds response_timeout{60};  // for writing one answer
};

class Server {
 public:
  // To the process's log.
  using Say = std::function<void(const std::string& text)>;

  // All outlive this. `access_logs` may be empty; `say`: whom it refused, and why.
  Server(boost::asio::io_context& io, Endpoints& endpoints, const Access& access, stats::Registry& stats,
         std::vector<std::unique_ptr<telemetry::AccessLog>> access_logs, const Say& say, const Limits& limits = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Closes the listening socket and every connection.
  ~Server();

  // Binds and begins to accept. An error names the address.
  absl::Status Listen(const config::Address& address);

  // Bound, with the port that the kernel chose. Only after Listen.
  config::Address local_address() const;

 private:
  // Kept apart, because Beast's headers are large: see server_state.h.
  class State;
  friend class Session;
  const std::shared_ptr<State> state_;
};

}  // namespace pillion::admin
