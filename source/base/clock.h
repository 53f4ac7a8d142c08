#pragma once

// Time. Two notions that never mix: the monotonic clock (timers, durations, deadlines inside the process) and the
// wall clock (log lines, `date`, deadlines on the wire). Workers read both once per loop turn.

#include <chrono>
#include <cstdint>

namespace pillion::base {

using Duration = std::chrono::nanoseconds;

// A point on the monotonic clock: nanoseconds since an arbitrary start. Zero is before every real reading.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// A point on the wall clock: nanoseconds since the Unix epoch.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// One of the test seams. Implementations: SystemClock here, SimulatedClock in test/support. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime MonotonicNow() const = 0;
  virtual WallTime WallNow() const = 0;
};

class SystemClock final : public Clock {
 public:
  MonotonicTime MonotonicNow() const override { return std::chrono::steady_clock::now(); }
  WallTime WallNow() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
};

}  // namespace pillion::base
