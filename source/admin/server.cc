#include "source/admin/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include "source/admin/server_state.h"
#include "source/admin/session.h"

namespace pillion::admin {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// After an accept that failed, which is for want of descriptors or memory.
constexpr std::chrono::milliseconds kAcceptAgain{100};

}  // namespace

Server::State::Figures::Figures(stats::Registry& stats)
    : scope(stats, stats::Prefix("http").Add(stats::kHttpPrefix, "admin")) {
  stats::Shard& shard = stats.shard(stats.workers());
  cx_active = shard.gauge(scope.AddGauge("downstream_cx_active"));
  cx_total = shard.counter(scope.AddCounter("downstream_cx_total"));
  cx_overflow = shard.counter(scope.AddCounter("downstream_cx_overflow"));
  rq_total = shard.counter(scope.AddCounter("downstream_rq_total"));
  rq_overload = shard.counter(scope.AddCounter("downstream_rq_overload_close"));
  access_denied = shard.counter(scope.AddCounter("access_denied"));
  handshake_failed = shard.counter(scope.AddCounter("downstream_cx_handshake_failed"));
  rq_classes[0] = nullptr;
  for (int i = 1; i < 6; ++i)
    rq_classes[i] = shard.counter(scope.AddCounter(fmt::format("downstream_rq_{}xx", i)));
}

absl::Status Server::State::Listen(const config::Address& address) {
  if (absl::Status status = OpenListening(acceptor_, address, socket_file_); !status.ok()) return status;
  Accept();
  return absl::OkStatus();
}

void Server::State::Accept() {
  acceptor_.async_accept([self = shared_from_this()](const error_code& error, Stream::socket_type socket) {
    if (self->closed) return;
    if (error) {
      self->retry_.expires_after(kAcceptAgain);
      self->retry_.async_wait([self](const error_code&) {
        if (!self->closed) self->Accept();
      });
      return;
    }
    self->OnAccept(std::move(socket));
    self->Accept();
  });
}

void Server::State::OnAccept(Stream::socket_type&& socket) {
  figures->cx_total->Increment();
  // Who connects and says nothing must not keep a probe out.
  if (sessions.size() >= limits.connections) {
    figures->cx_overflow->Increment();
    Session* const idlest = Idlest();
    if (idlest == nullptr) return;  // closes it
    idlest->Close();
  }
  std::make_shared<Session>(shared_from_this(), std::move(socket))->Start();
}

Session* Server::State::Idlest() const {
  Session* found = nullptr;
  for (Session* session : sessions) {
    if (!session->waits_since()) continue;
    if (found == nullptr || *session->waits_since() < *found->waits_since()) found = session;
  }
  return found;
}

void Server::State::Close() {
  closed = true;
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
  for (Session* session : sessions) session->Close();
  if (!socket_file_.empty()) unlink(socket_file_.c_str());
  access_logs.clear();
  figures.reset();
}

Server::Server(asio::io_context& io, Endpoints& endpoints, const Access& access, stats::Registry& stats,
               std::vector<std::unique_ptr<telemetry::AccessLog>> access_logs, const Say& say, const Limits& limits)
    : state_(std::make_shared<State>(io, endpoints, access, stats, std::move(access_logs), say, limits)) {}

Server::~Server() {
  state_->Close();
}

absl::Status Server::Listen(const config::Address& address) {
  return state_->Listen(address);
}

config::Address Server::local_address() const {
  return state_->local_address();
}

}  // namespace pillion::admin
