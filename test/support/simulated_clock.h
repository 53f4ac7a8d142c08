#pragma once

// Time that stands still until a test moves it. Thread-safe.

#include <atomic>

#include "source/base/clock.h"

namespace pillion::test {

class SimulatedClock final : public base::Clock {
 public:
  base::MonotonicTime MonotonicNow() const override { return base::MonotonicTime(base::Duration(passed_ + kStart)); }
  base::WallTime WallNow() const override { return base::WallTime(base::Duration(passed_ + kWallStart + wall_jump_)); }

  void Advance(base::Duration by) { passed_ += by.count(); }

  // Sets the wall clock forward or back; the monotonic clock does not notice.
  void JumpWall(base::Duration by) { wall_jump_ += by.count(); }

 private:
  static constexpr int64_t kStart = 1'000'000'000'000;                  // 1,000 s
  static constexpr int64_t kWallStart = 1'767'225'600'000'000'000;      // 2026-01-01T00:00:00Z

  std::atomic<int64_t> passed_ = 0;
  std::atomic<int64_t> wall_jump_ = 0;
};

}  // namespace pillion::test
