#pragma once

// What all filters of the process share: the inbound requests that are in flight, for those of the application; and, for who
// looks, how many requests there are and how old.

#include <atomic>
#include <cstdint>
#include <optional>

#include "source/base/clock.h"
#include "source/context/correlation.h"

namespace pillion::filters::request_context {

// Made by the first call. Any thread.
context::CorrelationTable& InFlight();

// Of the requests in flight of one worker and one filter. One thread writes, any reads: what it sees may be of one moment
// and of the next.
class alignas(64) ActiveFigures {
 public:
  // Seen from now on, until this is destroyed.
  ActiveFigures();
  ~ActiveFigures();
  ActiveFigures(const ActiveFigures&) = delete;
  ActiveFigures& operator=(const ActiveFigures&) = delete;

  void Add(bool has_deadline, uint64_t by) {
    requests_.store(requests_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    if (has_deadline) with_deadline_.store(with_deadline_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  void SetNoOldest() { oldest_.store(0, std::memory_order_relaxed); }
  void SetOldest(base::MonotonicTime began, std::optional<base::MonotonicTime> deadline) {
    oldest_deadline_.store(deadline ? deadline->time_since_epoch().count() : 0, std::memory_order_relaxed);
    oldest_.store(began.time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  friend struct Active;

  std::atomic<uint64_t> requests_{0};
  std::atomic<uint64_t> with_deadline_{0};
  // In nanoseconds of the monotonic clock; 0: there is none.
  std::atomic<int64_t> oldest_{0};
  std::atomic<int64_t> oldest_deadline_{0};
};

// All of them together.
struct Active {
  struct Oldest {
    base::MonotonicTime began;
    std::optional<base::MonotonicTime> deadline;
  };

  uint64_t requests = 0;
  uint64_t with_deadline = 0;
  std::optional<Oldest> oldest;

  // Nothing: no listener has the filter. Any thread.
  static std::optional<Active> Read();
};

}  // namespace pillion::filters::request_context
