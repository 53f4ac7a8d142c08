#pragma once

// How long the turns of the main thread take, looked at a few times in a second: its loop does not say it itself. Owned by
// the server; main thread.

#include <functional>
#include <memory>

#include "source/base/clock.h"
#include "source/event/control_timer.h"
#include "source/stats/registry.h"

namespace pillion::server {

class TurnProbe {
 public:
  static constexpr base::Duration kInterval = std::chrono::milliseconds(250);

  // `post`: runs work on the main thread, behind what is due there by now. All that is given outlives it.
  using Post = std::function<void(std::function<void()> work)>;
  TurnProbe(event::ControlTimers& timers, const base::Clock& clock, stats::Registry& registry, Post post);

  void Start();

 private:
  void Look(base::MonotonicTime due);

  const base::Clock& clock_;
  const Post post_;
  const std::unique_ptr<event::ControlTimer> timer_;
  stats::Scope scope_;
  stats::Histogram* const duration_;  // microseconds; as event::TurnStats
  stats::Histogram* const delay_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pillion::server
