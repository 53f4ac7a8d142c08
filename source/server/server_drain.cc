// How the server leaves its clients: by word of health, listener by listener, and at its end.

#include <memory>
#include <utility>

#include "source/server/log.h"
#include "source/server/server.h"

namespace pillion::server {

absl::Status Server::DrainListeners(const admin::DrainQuery& query) {
  if (state_ != State::kLive || listening_ != Listening::kYes) return absl::OkStatus();  // it is being done
  if (query.inbound_only) {
    DrainInbound(query.graceful);
    return absl::OkStatus();
  }
  if (!query.graceful) {
    StopListening([] {});
    return absl::OkStatus();
  }
  if (draining_listeners_) return absl::OkStatus();
  draining_listeners_ = true;
  // Whoever comes within the drain time is still served.
  for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->StartDrain(Listeners::kAll);
  drain_timer_.expires_after(std::chrono::seconds(options_.drain_time_s));
  drain_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) StopListening([] {});
  });
  return absl::OkStatus();
}

void Server::FailHealthcheck(bool fail) {
  if (healthcheck_failed_ == fail) return;
  healthcheck_failed_ = fail;
  if (state_ != State::kLive || draining_listeners_) return;
  // Clients are to go elsewhere; those that come all the same are served.
  for (const std::unique_ptr<WorkerThread>& worker : workers_) {
    fail ? worker->StartDrain(Listeners::kUnhealthy) : worker->EndDrain();
  }
}

void Server::Drain() {
  state_ = State::kDraining;
  if (last_good_ != nullptr) last_good_->WriteNow();
  for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->StartDrain(Listeners::kAll);
  StopListening([this] {
    busy_workers_ = workers_.size();
    for (const std::unique_ptr<WorkerThread>& worker : workers_) {
      worker->WhenIdle([this] {
        boost::asio::post(io_, [this] {
          if (--busy_workers_ > 0) return;
          Log("main").info("drained: ending");
          Stop();
        });
      });
    }
  });
  drain_timer_.expires_after(std::chrono::seconds(options_.drain_time_s));
  drain_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    Log("main").warn("drain time is over: ending what is left");
    Stop();
  });
}

void Server::StopListening(std::function<void()> closed) {
  if (listening_ == Listening::kNo) return closed();
  when_closed_.push_back(std::move(closed));
  if (listening_ == Listening::kEnding) return;
  listening_ = Listening::kEnding;
  listeners_->Close(Listeners::kAll, [this] { OnClosed(); });
}

void Server::DrainInbound(bool graceful) {
  if (!graceful) return listeners_->Close(Listeners::kInbound, [] {});
  for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->StartDrain(Listeners::kInbound);
  const auto timer =
      std::make_shared<boost::asio::steady_timer>(io_, std::chrono::seconds(options_.drain_time_s));
  timer->async_wait([this, timer](const boost::system::error_code& error) {
    if (!error) listeners_->Close(Listeners::kInbound, [] {});
  });
}

void Server::OnClosed() {
  listening_ = Listening::kNo;
  for (const std::function<void()>& closed : std::exchange(when_closed_, {})) closed();
}

}  // namespace pillion::server
