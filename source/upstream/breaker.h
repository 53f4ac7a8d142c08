#pragma once

// The circuit breakers of a cluster: bounds on what all workers together have open towards it.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "source/config/cluster.h"

namespace pillion::upstream {

// A bound over all workers. Exact: it is taken before the thing it bounds exists, and given back when that is gone.
// Thread-safe.
class Breaker {
 public:
  explicit Breaker(uint32_t limit) : limit_(limit) {}

  // False, and nothing taken, at the limit.
  [[nodiscard]] bool Take() { return TakeBelow(limit_); }
  // The same with another limit than its own.
  [[nodiscard]] bool TakeBelow(uint32_t limit) {
    uint32_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used >= limit) return false;
    } while (!used_.compare_exchange_weak(used, used + 1, std::memory_order_relaxed));
    return true;
  }
  // Past the limit too: for the one connection that a pool may always have.
  void TakeAnyway() { used_.fetch_add(1, std::memory_order_relaxed); }
  void Give() { used_.fetch_sub(1, std::memory_order_relaxed); }

  uint32_t limit() const { return limit_; }
  uint32_t used() const { return used_.load(std::memory_order_relaxed); }
  // Nothing more is taken now.
  bool open() const { return used() >= limit_; }
  uint32_t remaining() const { return limit_ - std::min(used(), limit_); }

 private:
  const uint32_t limit_;
  std::atomic<uint32_t> used_ = 0;
};

// Bounds retries: by a number, or by a share of the requests that are open or wait. Thread-safe.
class RetryBreaker {
 public:
  // `requests` and `pending` outlive it.
  RetryBreaker(const config::CircuitBreaker& limits, const Breaker& requests, const Breaker& pending)
      : taken_(limits.max_retries), budget_(limits.retry_budget), requests_(requests), pending_(pending) {}

  [[nodiscard]] bool Take() { return taken_.TakeBelow(limit()); }
  void Give() { taken_.Give(); }

  uint32_t limit() const {
    if (!budget_) return taken_.limit();
    const double open = static_cast<double>(uint64_t{requests_.used()} + pending_.used());
    return std::max(budget_->min_concurrency, static_cast<uint32_t>(open * budget_->percent / 100));
  }
  uint32_t used() const { return taken_.used(); }
  bool open() const { return used() >= limit(); }
  uint32_t remaining() const {
    const uint32_t most = limit();
    return most - std::min(used(), most);
  }

 private:
  Breaker taken_;
  const std::optional<config::RetryBudget> budget_;
  const Breaker& requests_;
  const Breaker& pending_;
};

struct Breakers {
  explicit Breakers(const config::CircuitBreaker& limits)
      : connections(limits.max_connections),
        pending_requests(limits.max_pending_requests),
        requests(limits.max_requests),
        retries(limits, requests, pending_requests),
        pools(limits.max_connection_pools),
        track_remaining(limits.track_remaining) {}
  Breakers(const Breakers&) = delete;
  Breakers& operator=(const Breakers&) = delete;

  Breaker connections;
  Breaker pending_requests;
  Breaker requests;
  RetryBreaker retries;
  Breaker pools;  // of all hosts and workers
  const bool track_remaining;
};

}  // namespace pillion::upstream
