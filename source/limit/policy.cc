#include "source/limit/policy.h"

#include <algorithm>

#include "source/base/check.h"

namespace pillion::limit {

const char* Policy::WhatIsWrong(const Terms& terms) {
  if (!terms.window && !terms.bucket) return "a window, a bucket, or both";
  if (terms.window) {
    if (const char* expected = SlidingWindow::WhatIsWrong(*terms.window)) return expected;
  }
  return terms.bucket ? TokenBucket::WhatIsWrong(*terms.bucket) : nullptr;
}

Policy::Policy(const Terms& terms)
    : window_(terms.window ? std::optional<SlidingWindow>(*terms.window) : std::nullopt),
      bucket_(terms.bucket ? std::optional<TokenBucket>(*terms.bucket) : std::nullopt) {
  PILLION_CHECK(window_ || bucket_);
}

Policy::State Policy::Fresh(base::MonotonicTime now) const {
  return {window_ ? window_->Fresh(now) : SlidingWindow::State(), TokenBucket::Fresh()};
}

bool Policy::IsFresh(const State& state, base::MonotonicTime now) const {
  return (!window_ || window_->IsFresh(state.window, now)) && (!bucket_ || TokenBucket::IsFresh(state.bucket, now));
}

Decision Policy::Decide(State& state, uint64_t cost, base::MonotonicTime now) const {
  Decision decision;
  decision.decided_at = now;
  Figures& window = decision.window;
  Figures& bucket = decision.bucket;
  // No stage is charged before all of them were asked.
  if (window_) {
    window_->BringTo(state.window, now);
    window = {.limit = window_->terms().limit, .remaining = window_->Remaining(state.window)};
    if (cost > window.remaining) decision.refused_by = Stage::kWindow;
  }
  if (bucket_) {
    bucket = {.limit = bucket_->terms().burst, .remaining = bucket_->Remaining(state.bucket, now)};
    if (decision.allowed() && cost > bucket.remaining) decision.refused_by = Stage::kBucket;
  }
  if (decision.allowed() && cost != 0) {
    // What remains afterwards is exact, and so need not be asked for again.
    if (window_) {
      window_->Charge(state.window, cost);
      window.remaining -= cost;
    }
    if (bucket_) {
      bucket_->Charge(state.bucket, cost, now);
      bucket.remaining -= cost;
    }
  }
  if (window_) window.reset = window_->UntilFresh(state.window, now);
  if (bucket_) bucket.reset = bucket_->UntilFresh(state.bucket, now);
  if (!decision.allowed()) {
    if ((window_ && cost > window_->terms().limit) || (bucket_ && cost > bucket_->terms().burst)) {
      decision.retry_after = Decision::kNever;
    } else {
      if (window_) decision.retry_after = window_->Wait(state.window, cost, now);
      if (bucket_) decision.retry_after = std::max(decision.retry_after, bucket_->Wait(state.bucket, cost, now));
    }
  }
  return decision;
}

void Policy::Charge(State& state, uint64_t cost, base::MonotonicTime now) const {
  if (window_) {
    window_->BringTo(state.window, now);
    window_->ChargeAnyway(state.window, cost);
  }
  if (bucket_) bucket_->ChargeAnyway(state.bucket, cost, now);
}

void Policy::GiveBack(State& state, uint64_t cost, base::MonotonicTime decided_at, base::MonotonicTime now) const {
  if (window_) {
    window_->BringTo(state.window, now);
    window_->GiveBack(state.window, cost, decided_at);
  }
  if (bucket_) bucket_->GiveBack(state.bucket, cost, decided_at, now);
}

}  // namespace pillion::limit
