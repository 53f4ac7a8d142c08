#pragma once

// Timers of one worker: a hierarchical wheel of 1 ms ticks. Setting, moving and cancelling are O(1) and allocate
// nothing; moving a deadline further away only writes it down (the wheel looks again when the old one is reached),
// so an idle timer that is touched by every read costs one store.

#include <array>
#include <cstdint>
#include <optional>

#include "source/base/clock.h"
#include "source/base/intrusive_list.h"

namespace pillion::base {

class TimerWheel;

struct TimerTag {};

// One timer. Owned by whoever it calls; may be destroyed while set. Single-threaded, like its wheel.
class Timer : private ListNode<TimerTag> {
 public:
  using Callback = void (*)(void* owner);

  Timer(void* owner, Callback callback) : callback_(callback), owner_(owner) {}

  bool armed() const { return deadline_ != 0; }
  void Cancel() {
    deadline_ = 0;
    Unlink();
  }

 private:
  friend class TimerWheel;
  friend class IntrusiveList<Timer, TimerTag>;

  Callback callback_;
  void* owner_;
  uint64_t deadline_ = 0;   // tick at which it fires; 0: not armed
  uint64_t scheduled_ = 0;  // tick of the slot in which it stands; <= deadline_
};

class TimerWheel {
 public:
  explicit TimerWheel(MonotonicTime start) : start_(start) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms `timer` (again) to fire in the first Advance(now) with now >= deadline, never before.
  // Deadlines in the past fire in the next Advance. Deadlines more than 2^35 ms (a year) away fire then.
  void Set(Timer& timer, MonotonicTime deadline);

  // Runs all timers that are due. A callback may set, cancel and destroy any timer.
  void Advance(MonotonicTime now);

  // No timer fires before this time; nothing when none is armed. A timer may have been moved since.
  std::optional<MonotonicTime> NextWakeup() const;

 private:
  static constexpr int kLevels = 6;
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;
  using Slot = IntrusiveList<Timer, TimerTag>;

  void Insert(Timer& timer, uint64_t tick);
  // The level, slot and first tick of the next slot that holds a timer.
  struct Next {
    int level;
    int slot;
    uint64_t tick;
  };
  std::optional<Next> NextSlot() const;

  MonotonicTime start_;
  uint64_t now_ = 0;  // every slot up to and including this tick has been run
  std::array<uint64_t, kLevels> occupied_{};  // one bit a slot; may be set for a slot that has become empty
  std::array<std::array<Slot, kSlots>, kLevels> slots_;
};

}  // namespace pillion::base
