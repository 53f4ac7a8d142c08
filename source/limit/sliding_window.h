#pragma once

// At most so much in any window of a length.
//
// Time is cut into slices of a sixteenth of that length, and what was admitted is counted for the slice that is now and
// the 16 before it. Whatever the moment, the window that ends there lies within these 17: where they hold no more than the
// limit, it holds no more.
//
// | bound | |
// |---|---|
// | never more | In every window [t, t + length) of the times that were handed in, aligned or not, at most `limit` is admitted |
// | seldom less | Refused is only what, with what was admitted in the last 17/16 of the length, would be above the limit; or, where that is beyond 32,759, above 99.95 % of it |
// | a debt | What was charged without asking counts like the rest, as long as all together is at most twice the limit; the rest of it is forgotten |
//
// A state is one key's; times handed in for it never go back. All steps take constant time.

#include <array>
#include <cstdint>

#include "source/base/clock.h"

namespace pillion::limit {

class SlidingWindow {
 public:
  static constexpr size_t kSlices = 16;
  static constexpr uint64_t kMostLimit = (uint64_t{1} << 48) - 1;

  struct Terms {
    uint64_t limit;
    base::Duration length;
  };

  // Plain memory, so that a table of them costs nothing before it is used.
  struct State {
    int64_t slice;         // the newest
    uint64_t newest : 48;  // what it has
    uint64_t before : 16;  // what those before it have, in units
    std::array<uint16_t, kSlices> units;  // by number of slice, modulo; what it had, rounded up
  };

  // What is expected of terms, where these are not so; else null.
  static const char* WhatIsWrong(const Terms& terms);

  // Of terms that nothing is wrong with.
  explicit SlidingWindow(const Terms& terms);

  const Terms& terms() const { return terms_; }

  State Fresh(base::MonotonicTime now) const { return {SliceOf(now), 0, 0, {}}; }
  // To forget it changes nothing. Of one that was not brought to now it may be said a little late.
  bool IsFresh(const State& state, base::MonotonicTime now) const {
    return state.newest == 0 ? state.before == 0 || SliceOf(now) >= state.slice + int64_t{kSlices}
                             : SliceOf(now) > state.slice + int64_t{kSlices};
  }

  // What follows is asked and told of a state that was brought to now.
  void BringTo(State& state, base::MonotonicTime now) const;

  // What may still be admitted now.
  uint64_t Remaining(const State& state) const {
    const uint64_t used = uint64_t{state.before} * unit_ + state.newest;
    return used < terms_.limit ? terms_.limit - used : 0;
  }
  // `cost` is at most what remains.
  void Charge(State& state, uint64_t cost) const { state.newest += cost; }
  // Whatever remains: a cost that is known only after it arose.
  void ChargeAnyway(State& state, uint64_t cost) const;
  // As if that had not been charged then.
  void GiveBack(State& state, uint64_t cost, base::MonotonicTime charged_at) const;

  // Until `cost`, which is at most the limit, may be admitted, when nothing else is meanwhile; until all may.
  base::Duration Wait(const State& state, uint64_t cost, base::MonotonicTime now) const;
  base::Duration UntilFresh(const State& state, base::MonotonicTime now) const { return Wait(state, terms_.limit, now); }

 private:
  int64_t SliceOf(base::MonotonicTime time) const { return time.time_since_epoch().count() / slice_; }
  uint64_t UnitsOf(uint64_t cost) const { return (cost + unit_ - 1) / unit_; }
  static uint16_t& UnitsAt(State& state, int64_t slice) { return state.units[static_cast<uint64_t>(slice) % kSlices]; }

  const Terms terms_;
  const int64_t slice_;  // in nanoseconds
  const uint64_t unit_;  // what a slice had is counted in these once it is over; 1 unless the limit is beyond 32,759
};

}  // namespace pillion::limit
