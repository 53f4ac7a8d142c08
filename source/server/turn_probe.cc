#include "source/server/turn_probe.h"

#include <algorithm>
#include <utility>

namespace pillion::server {
namespace {

uint64_t Microseconds(base::Duration duration) {
  return static_cast<uint64_t>(std::max<int64_t>(duration / std::chrono::microseconds(1), 0));
}

}  // namespace

TurnProbe::TurnProbe(event::ControlTimers& timers, const base::Clock& clock, stats::Registry& registry, Post post)
    : clock_(clock),
      post_(std::move(post)),
      timer_(timers.New()),
      scope_(registry, stats::Prefix("server").Add("dispatcher")),
      duration_(registry.control().histogram(scope_.AddHistogram("loop_duration_us"))),
      delay_(registry.control().histogram(scope_.AddHistogram("poll_delay_us"))) {}

void TurnProbe::Start() {
  timer_->Set(kInterval, [this, due = clock_.MonotonicNow() + kInterval] { Look(due); });
}

void TurnProbe::Look(base::MonotonicTime due) {
  const base::MonotonicTime now = clock_.MonotonicNow();
  delay_->Record(Microseconds(now - due));
  // All that waits now comes first, as it would in a turn.
  post_([this, now, alive = std::weak_ptr(alive_)] {
    if (alive.lock() != nullptr) duration_->Record(Microseconds(clock_.MonotonicNow() - now));
  });
  Start();
}

}  // namespace pillion::server
