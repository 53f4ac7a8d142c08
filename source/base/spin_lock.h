#pragma once

// A lock for a few dozen instructions: who waits for it looks again and again, since to sleep and be woken takes longer.
// Where the system has stopped the thread that holds it, others let that run.

#include <atomic>
#include <thread>

namespace pillion::base {

class SpinLock {
 public:
  void lock() {
    while (locked_.exchange(true, std::memory_order_acquire)) {
      for (int looks = 0; locked_.load(std::memory_order_relaxed); ++looks) {
        if (looks >= kLooks) std::this_thread::yield();
      }
    }
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  static constexpr int kLooks = 1000;

  std::atomic<bool> locked_{false};
};

}  // namespace pillion::base
