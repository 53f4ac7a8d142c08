#include "source/base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace pillion::base {
namespace {

constexpr int64_t kTickNanos = 1'000'000;
constexpr uint64_t kFurthest = uint64_t{1} << 35;  // a little more than a year: half a turn of the last level

}  // namespace

void TimerWheel::Set(Timer& timer, MonotonicTime deadline) {
  const int64_t nanos = (deadline - start_).count();
  // Rounded up: a timer never fires early.
  const uint64_t wanted = nanos <= 0 ? 0 : (static_cast<uint64_t>(nanos) + kTickNanos - 1) / kTickNanos;
  const uint64_t tick = std::clamp(wanted, now_ + 1, now_ + kFurthest);
  timer.deadline_ = tick;
  if (timer.linked()) {
    if (tick >= timer.scheduled_) return;  // found again when its slot comes
    timer.Unlink();
  }
  Insert(timer, tick);
}

void TimerWheel::Insert(Timer& timer, uint64_t tick) {
  // The level is that of the highest bit in which the tick differs from now: all lower levels pass before it.
  const uint64_t difference = (tick ^ now_) | (kSlots - 1);
  const int level = std::min((63 - std::countl_zero(difference)) / kSlotBits, kLevels - 1);
  const int slot = static_cast<int>(tick >> (level * kSlotBits)) & (kSlots - 1);
  timer.scheduled_ = tick;
  slots_[level][slot].PushBack(timer);
  occupied_[level] |= uint64_t{1} << slot;
}

std::optional<TimerWheel::Next> TimerWheel::NextSlot() const {
  for (int level = 0; level < kLevels; ++level) {
    const int shift = level * kSlotBits;
    const int current = static_cast<int>(now_ >> shift) & (kSlots - 1);
    // Below the last level a timer stands behind the current slot of its level's turn; a bit at or before it is
    // left over from a cancelled timer. The last level wraps around.
    const uint64_t passed = level == kLevels - 1 ? 0 : (uint64_t{2} << current) - 1;
    const uint64_t occupied = occupied_[level] & ~passed;
    if (occupied == 0) continue;
    const int distance = std::countr_zero(std::rotr(occupied, current));
    const uint64_t turn = now_ & ~((uint64_t{1} << (shift + kSlotBits)) - 1);
    const int slot = (current + distance) & (kSlots - 1);
    uint64_t tick = turn + (static_cast<uint64_t>(slot) << shift);
    if (slot < current) tick += uint64_t{1} << (shift + kSlotBits);
    return Next{level, slot, tick};
  }
  return std::nullopt;
}

std::optional<MonotonicTime> TimerWheel::NextWakeup() const {
  const std::optional<Next> next = NextSlot();
  if (!next) return std::nullopt;
  return start_ + Duration(static_cast<int64_t>(next->tick) * kTickNanos);
}

void TimerWheel::Advance(MonotonicTime now) {
  const int64_t nanos = (now - start_).count();
  if (nanos <= 0) return;
  const uint64_t target = static_cast<uint64_t>(nanos) / kTickNanos;
  while (target > now_) {
    const std::optional<Next> next = NextSlot();
    if (!next || next->tick > target) break;
    now_ = std::max(now_, next->tick);
    Slot due;
    occupied_[next->level] &= ~(uint64_t{1} << next->slot);
    due.Splice(slots_[next->level][next->slot]);
    while (Timer* timer = due.PopFront()) {
      if (timer->deadline_ > now_) {  // one level down, or moved since
        Insert(*timer, timer->deadline_);
        continue;
      }
      timer->deadline_ = 0;
      timer->callback_(timer->owner_);
    }
  }
  now_ = std::max(now_, target);
}

}  // namespace pillion::base
