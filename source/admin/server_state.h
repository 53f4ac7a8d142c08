#pragma once

// What is behind server.h. Only for server.cc and session.cc.

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "source/admin/server.h"
#include "source/admin/socket.h"
#include "source/admin/sparingly.h"
#include "source/base/arena.h"
#include "source/base/random.h"

namespace pillion::admin {

class Session;

// What the server and its connections share. A connection may still hold it for a moment when the server has gone:
// then it is closed, and nothing that it refers to is touched.
class Server::State : public std::enable_shared_from_this<State> {
 public:
  struct Figures {
    explicit Figures(stats::Registry& stats);
    stats::Scope scope;
    stats::Gauge* cx_active;
    stats::Counter* cx_total;
    stats::Counter* cx_overflow;
    stats::Counter* rq_total;
    stats::Counter* rq_overload;
    stats::Counter* access_denied;
    stats::Counter* handshake_failed;
    stats::Counter* rq_classes[6];  // [2]: 2xx
  };

  State(boost::asio::io_context& io, Endpoints& endpoints, const Access& access, stats::Registry& stats,
        std::vector<std::unique_ptr<telemetry::AccessLog>> access_logs, const Say& say, const Limits& limits)
      : limits(limits),
        endpoints(endpoints),
        access(access),
        log_index(stats.workers()),
        access_logs(std::move(access_logs)),
        figures(std::in_place, stats),
        requests_refused(say),
        handshakes_refused(say),
        acceptor_(io),
        retry_(io) {}

  absl::Status Listen(const config::Address& address);
  void Close();
  config::Address local_address() const { return ToAddress(acceptor_.local_endpoint()); }

  const Limits limits;
  Endpoints& endpoints;
  const Access& access;
  const size_t log_index;
  std::vector<std::unique_ptr<telemetry::AccessLog>> access_logs;
  std::optional<Figures> figures;
  // What is said in the log of those that were refused.
  Sparingly requests_refused;
  Sparingly handshakes_refused;
  std::set<Session*> sessions;
  size_t waiting_bytes = 0;
  uint64_t connections = 0;
  base::Random random{std::random_device{}()};
  base::BlockPool pool;
  bool closed = false;

 private:
  void Accept();
  void OnAccept(Stream::socket_type&& socket);
  // The connection whose client has been waited for longest; null: each has its answer on its way.
  Session* Idlest() const;

  Acceptor acceptor_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>
      retry_;
  std::string socket_file_;  // to be removed in the end
};

}  // namespace pillion::admin
