#pragma once

// The terms of one limit: a window, a bucket, or both, one after the other. The window is the coarse filter; what it lets
// pass must also find tokens. What one of them refuses is charged to neither. Immutable, any thread; a key's state is handed
// in.

#include <optional>

#include "source/limit/decision.h"
#include "source/limit/sliding_window.h"
#include "source/limit/token_bucket.h"

namespace pillion::limit {

struct Terms {
  std::optional<SlidingWindow::Terms> window;
  std::optional<TokenBucket::Terms> bucket;
};

class Policy {
 public:
  // Plain memory. Times handed in for one never go back.
  struct State {
    SlidingWindow::State window;
    TokenBucket::State bucket;
  };

  // What is expected of terms, where these are not so; else null.
  static const char* WhatIsWrong(const Terms& terms);

  // Of terms that nothing is wrong with.
  explicit Policy(const Terms& terms);

  const std::optional<SlidingWindow>& window() const { return window_; }
  const std::optional<TokenBucket>& bucket() const { return bucket_; }

  State Fresh(base::MonotonicTime now) const;
  // To forget it changes nothing.
  bool IsFresh(const State& state, base::MonotonicTime now) const;

  // Charges what it admits. A cost of 0 is always admitted, and asks for the figures; one that is above the limit or the
  // burst never is.
  Decision Decide(State& state, uint64_t cost, base::MonotonicTime now) const;
  // A cost that is known only after it arose, such as an answer's bytes: charged to both stages whatever remains. What is
  // owed is at most the limit, and at most the burst; until it is paid nothing else is admitted.
  void Charge(State& state, uint64_t cost, base::MonotonicTime now) const;
  // As if that had not been admitted then.
  void GiveBack(State& state, uint64_t cost, base::MonotonicTime decided_at, base::MonotonicTime now) const;

 private:
  const std::optional<SlidingWindow> window_;
  const std::optional<TokenBucket> bucket_;
};

}  // namespace pillion::limit
