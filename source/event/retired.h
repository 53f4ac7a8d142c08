#pragma once

// Former parts that workers may still use: each ends on the main thread when it is the last that has it, because to end one
// may take long. Main thread.

#include <atomic>
#include <memory>
#include <set>
#include <utility>

#include "source/event/control_timer.h"

namespace pillion::event {

class Retired {
 public:
  // How often it is looked whether a part is out of use.
  static constexpr base::Duration kSweep = std::chrono::seconds(1);

  // `timers` outlives it.
  explicit Retired(ControlTimers& timers) : timer_(timers.New()) {}

  // Nobody is given it any more.
  void Add(std::shared_ptr<const void> part) {
    if (parts_.insert(std::move(part)).second && parts_.size() == 1) Arm();
  }
  // Nothing ends before this does.
  void Stop() { timer_->Cancel(); }

 private:
  void Arm() {
    timer_->Set(kSweep, [this] {
      std::erase_if(parts_, [](const std::shared_ptr<const void>& part) {
        if (part.use_count() > 1) return false;
        std::atomic_thread_fence(std::memory_order_acquire);  // with what the last worker did to it
        return true;
      });
      if (!parts_.empty()) Arm();
    });
  }

  const std::unique_ptr<ControlTimer> timer_;
  std::set<std::shared_ptr<const void>> parts_;  // each once, or it would keep itself
};

}  // namespace pillion::event
