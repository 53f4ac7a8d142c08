#pragma once

// Tokens, which come at a steady rate up to a burst: what is admitted takes as many as it costs.
//
// A bucket is the time at which it will be full again. What costs n moves that time by n tokens' worth, and is admitted when
// the bucket could then be full within the time that an empty one takes. The time is kept as nanoseconds and a fraction of
// one whose denominator is the rate's: all is exact, for ever, and between any two moments at most burst + rate * time is
// admitted.

#include <algorithm>
#include <cstdint>

#include "source/base/clock.h"

namespace pillion::limit {

class TokenBucket {
 public:
  static constexpr uint64_t kMostBurst = 999'999'999'999'999;  // what a field of a head can say (RFC 8941, 3.3.1)

  struct Terms {
    uint64_t burst;         // the tokens of a full one
    uint64_t tokens;        // that come in each period, evenly
    base::Duration period;
  };

  // When it is full again; past: it is. Plain memory.
  struct State {
    int64_t full_at;    // on the monotonic clock
    uint32_t fraction;  // of a nanosecond, in denominators of the rate
  };

  static const char* WhatIsWrong(const Terms& terms);

  // Of terms that nothing is wrong with.
  explicit TokenBucket(const Terms& terms);

  const Terms& terms() const { return terms_; }
  // That an empty one takes to be full, rounded up.
  base::Duration time_to_fill() const { return RoundUp(fill_); }

  static State Fresh() { return {0, 0}; }
  static bool IsFresh(const State& state, base::MonotonicTime now) { return !(Now(now) < state); }

  uint64_t Remaining(const State& state, base::MonotonicTime now) const;
  // `cost` is at most what remains.
  void Charge(State& state, uint64_t cost, base::MonotonicTime now) const {
    state = Sum(std::max(state, Now(now)), TimeOf(cost));
  }
  // Whatever remains: a cost that is known only after it arose. At most another burst is owed; the rest of it is forgotten.
  void ChargeAnyway(State& state, uint64_t cost, base::MonotonicTime now) const;
  // As if that had not been charged then; what has come back meanwhile does not come again.
  void GiveBack(State& state, uint64_t cost, base::MonotonicTime charged_at, base::MonotonicTime now) const;

  // Until there are `cost`, which is at most the burst, when none are taken meanwhile; until all are there.
  base::Duration Wait(const State& state, uint64_t cost, base::MonotonicTime now) const;
  base::Duration UntilFresh(const State& state, base::MonotonicTime now) const {
    return IsFresh(state, now) ? base::Duration::zero() : RoundUp(Difference(state, Now(now)));
  }

 private:
  friend bool operator<(const State& a, const State& b) {
    return a.full_at != b.full_at ? a.full_at < b.full_at : a.fraction < b.fraction;
  }
  static State Now(base::MonotonicTime now) { return {now.time_since_epoch().count(), 0}; }
  static base::Duration RoundUp(const State& time) { return base::Duration(time.full_at + (time.fraction != 0)); }
  State Sum(const State& a, const State& b) const;
  State Difference(const State& a, const State& b) const;  // not a < b
  // That so many tokens take to come. At most the burst.
  State TimeOf(uint64_t cost) const;

  const Terms terms_;
  // A token takes period_ / rate_ nanoseconds to come; reduced.
  uint64_t period_;
  uint64_t rate_;
  State fill_;
};

}  // namespace pillion::limit
