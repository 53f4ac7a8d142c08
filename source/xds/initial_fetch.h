#pragma once

// The wait for the first word about something: until there is one, or for so long. Owned by who waits; main thread.

#include <functional>
#include <memory>
#include <utility>

#include "source/event/control_timer.h"

namespace pillion::xds {

class InitialFetch {
 public:
  // `timers` outlives it.
  explicit InitialFetch(event::ControlTimers& timers) : timer_(timers.New()) {}

  // `over` is called once: with true when `most` has passed, with false by Done(). `most` of zero never passes.
  void Start(base::Duration most, std::function<void(bool late)> over) {
    over_ = std::move(over);
    if (most > base::Duration::zero()) timer_->Set(most, [this] { End(true); });
  }
  bool waiting() const { return over_ != nullptr; }
  // Nothing is waited for any more; no matter if nothing was.
  void Done() {
    timer_->Cancel();
    End(false);
  }

 private:
  void End(bool late) {
    if (auto over = std::exchange(over_, nullptr)) over(late);
  }

  const std::unique_ptr<event::ControlTimer> timer_;
  std::function<void(bool late)> over_;  // null: nothing is waited for
};

}  // namespace pillion::xds
