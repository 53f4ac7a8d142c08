#pragma once

// Timers of the main thread, for what is not on the data path. A test seam: AsioTimers, and the tests' simulated ones.

#include <functional>
#include <memory>

#include "source/base/clock.h"

namespace pillion::event {

// One timer. Owned by whoever it calls; destroying it cancels it.
class ControlTimer {
 public:
  virtual ~ControlTimer() = default;

  // Runs `work` on the main thread once, when `after` has passed; in place of what was set before.
  virtual void Set(base::Duration after, std::function<void()> work) = 0;
  virtual void Cancel() = 0;
};

// Outlives its timers.
class ControlTimers {
 public:
  virtual ~ControlTimers() = default;
  virtual std::unique_ptr<ControlTimer> New() = 0;
};

}  // namespace pillion::event
