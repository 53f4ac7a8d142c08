#pragma once

// The main thread's timers on simulated time.

#include <map>
#include <memory>
#include <utility>

#include "source/event/control_timer.h"
#include "test/support/simulated_clock.h"

namespace pillion::test {

class SimulatedTimers final : public event::ControlTimers {
 public:
  explicit SimulatedTimers(SimulatedClock& clock) : clock_(clock) {}

  std::unique_ptr<event::ControlTimer> New() override { return std::make_unique<Timer>(*this); }

  // Lets time pass, and runs what comes due on the way at its time.
  void Advance(base::Duration by) {
    const base::MonotonicTime end = clock_.MonotonicNow() + by;
    while (!due_.empty() && due_.begin()->first <= end) {
      clock_.Advance(due_.begin()->first - clock_.MonotonicNow());
      Timer* timer = due_.begin()->second;
      due_.erase(due_.begin());
      std::exchange(timer->work_, nullptr)();
    }
    clock_.Advance(end - clock_.MonotonicNow());
  }

  size_t armed() const { return due_.size(); }

 private:
  class Timer final : public event::ControlTimer {
   public:
    explicit Timer(SimulatedTimers& timers) : timers_(timers) {}
    ~Timer() override { Cancel(); }

    void Set(base::Duration after, std::function<void()> work) override {
      Cancel();
      work_ = std::move(work);
      timers_.due_.emplace(timers_.clock_.MonotonicNow() + after, this);
    }
    void Cancel() override {
      std::erase_if(timers_.due_, [this](const auto& entry) { return entry.second == this; });
      work_ = nullptr;
    }

   private:
    friend class SimulatedTimers;
    SimulatedTimers& timers_;
    std::function<void()> work_;
  };

  SimulatedClock& clock_;
  std::multimap<base::MonotonicTime, Timer*> due_;
};

}  // namespace pillion::test
