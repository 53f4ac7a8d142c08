#include "source/net/keepalive.h"

#include <utility>

namespace pillion::net {

Keepalive::Keepalive(event::Worker& worker, Connection& connection, codec::Connection& codec, base::Random& random,
                     const KeepaliveTimes& times, std::function<void()> dead)
    : worker_(worker),
      connection_(connection),
      codec_(codec),
      random_(random),
      times_(times),
      dead_(std::move(dead)),
      timer_(this, [](void* self) { static_cast<Keepalive*>(self)->OnTimer(); }) {
  Rest();
}

void Keepalive::OnUse(base::MonotonicTime idle_since) {
  if (times_.idle_interval == base::Duration::zero() || asked_) return;
  if (worker_.now() - idle_since >= times_.idle_interval) Ask();
}

void Keepalive::Rest() {
  asked_ = false;
  if (times_.interval == base::Duration::zero()) return;
  const double most = static_cast<double>(times_.interval.count()) * times_.jitter_percent / 100;
  const base::Duration jitter(random_.Below(static_cast<uint64_t>(most) + 1));
  worker_.SetTimer(timer_, times_.interval + jitter);
}

void Keepalive::Ask() {
  asked_ = true;
  read_before_ = connection_.bytes_read();
  codec_.Ping();
  timer_.Cancel();  // it may stand further away
  worker_.SetTimer(timer_, times_.timeout);
}

void Keepalive::OnTimer() {
  if (codec_.ending() != codec::Ending::kOpen) return;  // that has its own time
  if (!asked_) {
    Ask();
  } else if (connection_.bytes_read() != read_before_) {
    Rest();
  } else {
    dead_();
  }
}

}  // namespace pillion::net
