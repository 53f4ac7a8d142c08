#pragma once

// How many requests may be in flight at once, and which are refused when they are too many: those that matter least.
// One for all workers of a process: each call holds a lock for a few dozen instructions, and allocates nothing.
//
// A class may use what the classes above it do not need. What they need is how many of them would be in flight if all were
// admitted (the rate at which they come times their latency), and some more, as they do not come evenly. So where the
// limit is reached, the lowest classes are refused, and the highest are as if there was no overload.

#include <array>
#include <cstdint>
#include <optional>

#include "source/base/clock.h"
#include "source/base/spin_lock.h"
#include "source/limit/concurrency_estimate.h"

namespace pillion::limit {

// The first is the most important.
enum class Priority : uint8_t { kCritical, kHigh, kNormal, kLow };
inline constexpr size_t kPriorities = 4;

class ConcurrencyLimit {
 public:
  // Of a request that was admitted, until it is ended.
  struct Ticket {
    ConcurrencyEstimate::Admitted admitted;
    Priority priority;
  };

  enum class Outcome : uint8_t {
    kAnswered,
    kAbandoned,  // by who asked, by a deadline, or with an error: its latency may have been more
    kUnknown,    // it was not measured
  };

  struct Figures {
    uint32_t limit = 0;
    uint32_t in_flight = 0;
    base::Duration unloaded_latency{0};
    base::Duration latency{0};
  };

  explicit ConcurrencyLimit(const ConcurrencyEstimate::Terms& terms) : estimate_(terms) {}
  ConcurrencyLimit(const ConcurrencyLimit&) = delete;
  ConcurrencyLimit& operator=(const ConcurrencyLimit&) = delete;

  // Nothing: it is refused. A ticket is ended once.
  std::optional<Ticket> Admit(Priority priority, base::MonotonicTime now);
  void End(const Ticket& ticket, Outcome outcome, base::Duration latency, base::MonotonicTime now);

  Figures figures() const;

 private:
  static constexpr base::Duration kTick = std::chrono::milliseconds(100);

  void Tick(base::MonotonicTime now);
  bool HasRoom(size_t priority) const;
  // Kept for classes above this one.
  double Reserve(size_t priority) const;

  mutable base::SpinLock lock_;
  ConcurrencyEstimate estimate_;
  uint32_t in_flight_ = 0;
  std::array<uint32_t, kPriorities> of_class_{};
  std::array<uint32_t, kPriorities> came_{};  // since the tick
  std::array<double, kPriorities> rates_{};   // per nanosecond, whether admitted or not
  std::array<bool, kPriorities> known_{};     // any has ever come
  base::MonotonicTime tick_{};
  size_t expendable_ = 0;  // a ripple is for this class and those below
};

}  // namespace pillion::limit
