#pragma once

// Whether a thread gets on: since when it is at what it does now, or that it rests. A watchdog reads it. Two plain stores
// for each turn of the thread; nobody else reads them often enough to be in its way.

#include <pthread.h>

#include <atomic>
#include <optional>

#include "source/base/clock.h"

namespace pillion::event {

class Heartbeat {
 public:
  // The thread says which it is: once, at its begin.
  void Attach() {
    thread_ = pthread_self();
    attached_.store(true, std::memory_order_release);
  }
  // It began something. Never at the clock's zero.
  void Begin(base::MonotonicTime now) { since_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  // It rests.
  void End() { since_.store(0, std::memory_order_relaxed); }

  // Any thread. Nothing: it rests.
  std::optional<base::MonotonicTime> busy_since() const {
    const int64_t since = since_.load(std::memory_order_relaxed);
    if (since == 0) return std::nullopt;
    return base::MonotonicTime(base::Duration(since));
  }
  // Any thread. Nothing: it has not begun.
  std::optional<pthread_t> thread() const {
    if (!attached_.load(std::memory_order_acquire)) return std::nullopt;
    return thread_;
  }

 private:
  std::atomic<int64_t> since_ = 0;  // nanoseconds
  std::atomic<bool> attached_ = false;
  pthread_t thread_{};
};

}  // namespace pillion::event
