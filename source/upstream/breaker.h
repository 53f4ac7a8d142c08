#pragma once

// The circuit breakers of a cluster: bounds on what all workers together have open towards it.

#include <atomic>
#include <cstdint>

#include "source/config/cluster.h"

namespace pillion::upstream {

// A bound over all workers. Exact: it is taken before the thing it bounds exists, and given back when that is gone.
// Thread-safe.
class Breaker {
 public:
  explicit Breaker(uint32_t limit) : limit_(limit) {}

  // False, and nothing taken, at the limit.
  [[nodiscard]] bool Take() {
    if (used_.fetch_add(1, std::memory_order_relaxed) < limit_) return true;
    used_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  // Past the limit too: for the one connection that a pool may always have.
  void TakeAnyway() { used_.fetch_add(1, std::memory_order_relaxed); }
  void Give() { used_.fetch_sub(1, std::memory_order_relaxed); }

  uint32_t limit() const { return limit_; }
  uint32_t used() const { return used_.load(std::memory_order_relaxed); }
  // Nothing more is taken now.
  bool open() const { return used() >= limit_; }

 private:
  const uint32_t limit_;
  std::atomic<uint32_t> used_ = 0;
};

struct Breakers {
  explicit Breakers(const config::CircuitBreaker& limits)
      : connections(limits.max_connections),
        pending_requests(limits.max_pending_requests),
        requests(limits.max_requests),
        retries(limits.max_retries) {}

  Breaker connections;
  Breaker pending_requests;
  Breaker requests;
  Breaker retries;
};

}  // namespace pillion::upstream
