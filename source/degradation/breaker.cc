#include "source/degradation/breaker.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pillion::degradation {

std::string_view NameOf(State state) {
  constexpr std::array<std::string_view, 4> kNames = {"closed", "open", "half_open", "recovering"};
  return kNames[static_cast<size_t>(state)];
}

const char* Terms::WhatIsWrong(const Terms& terms) {
  if (terms.counts ? !(terms.threshold >= 1 && terms.threshold <= 1e15) : !(terms.threshold > 0 && terms.threshold <= 1)) {
    return terms.counts ? "a threshold of at least 1" : "a threshold beyond 0 and at most 1";
  }
  if (terms.interval <= base::Duration::zero()) return "an interval beyond 0";
  if (terms.open_for <= base::Duration::zero()) return "an open_for beyond 0";
  if (terms.minimum < 1) return "a minimum of at least 1";
  if (terms.probes < 1 || terms.probes > kMostProbes) return "1 to 32 probes";
  return nullptr;
}

bool Terms::Reached(const Calls& calls) const {
  const double bad = static_cast<double>(calls.bad);
  if (counts) return bad >= threshold;
  return calls.all > 0 && bad / static_cast<double>(calls.all) >= threshold;
}

void Breaker::Go(State to, const Calls& calls, Changes& changes) {
  changes.Add({.from = state_, .to = to, .calls = calls});
  state_ = to;
  since_ = latest_;
}

void Breaker::Open(const Calls& calls, Changes& changes) {
  Go(State::kOpen, calls, changes);
  ++generation_;
  ++counts_.opened;
  opened_by_ = calls;
  window_.Clear();
}

void Breaker::BringTo(const Terms& terms, base::MonotonicTime now, Changes& changes) {
  latest_ = std::max(latest_, now);
  if (state_ == State::kRecovering && latest_ >= window_began_ + terms.interval) EndWindow(terms, changes);
  if (state_ == State::kHalfOpen) FreePlaces(terms, changes);
}

void Breaker::EndWindow(const Terms& terms, Changes& changes) {
  const Calls calls = std::exchange(recovering_, {});
  window_began_ += (latest_ - window_began_) / terms.interval * terms.interval;
  if (calls.all == 0) return;
  if (terms.Reached(calls)) return Open(calls, changes);
  if (++good_windows_ >= terms.recovery_windows) Go(State::kClosed, calls, changes);
}

void Breaker::FreePlaces(const Terms& terms, Changes& changes) {
  for (uint32_t left = taken_; left != 0 && state_ == State::kHalfOpen; left &= left - 1) {
    const auto place = static_cast<size_t>(std::countr_zero(left));
    const bool begun = (begun_ >> place & 1) != 0;
    if (latest_ < probes_[place] + (begun ? terms.interval : terms.open_for)) continue;
    taken_ &= ~(1u << place);
    if (begun) OnGoodProbe(terms, changes);
  }
}

// Of a breaker that is half open: all passes of its generation are those of probes.
bool Breaker::HasPlace(const Pass& pass) const {
  return (taken_ >> pass.place & 1) != 0 && probes_[static_cast<size_t>(pass.place)] == pass.since;
}

void Breaker::OnGoodProbe(const Terms& terms, Changes& changes) {
  if (++good_probes_ < terms.probes) return;
  const Calls probes{.all = good_probes_, .bad = 0};
  if (terms.recovery_windows == 0) return Go(State::kClosed, probes, changes);
  Go(State::kRecovering, probes, changes);
  window_began_ = latest_;
  recovering_ = {};
  good_windows_ = 0;
}

void Breaker::Judge(const Terms& terms, Changes& changes) {
  const Calls& calls = state_ == State::kRecovering ? recovering_ : window_.sum();
  if (calls.all >= terms.minimum && terms.Reached(calls)) Open(calls, changes);
}

Breaker::Answer Breaker::Refuse(base::Duration retry_after) {
  ++counts_.refused;
  return {.passes = false, .state = state_, .pass = {}, .retry_after = retry_after};
}

Breaker::Answer Breaker::Ask(const Terms& terms, base::MonotonicTime now, Changes& changes) {
  BringTo(terms, now, changes);
  if (state_ == State::kOpen) {
    const base::Duration left = since_ + terms.open_for - latest_;
    if (left > base::Duration::zero()) return Refuse(left);
    Go(State::kHalfOpen, {}, changes);
    taken_ = begun_ = good_probes_ = 0;
  }
  Pass pass{.generation = generation_, .place = -1, .since = latest_};
  if (state_ == State::kHalfOpen) {
    if (static_cast<uint32_t>(std::popcount(taken_)) + good_probes_ >= terms.probes) return Refuse({});
    pass.place = static_cast<int8_t>(std::countr_one(taken_));
    probes_[static_cast<size_t>(pass.place)] = latest_;
    taken_ |= 1u << pass.place;
    begun_ &= ~(1u << pass.place);
    ++counts_.probes;
  }
  ++counts_.passed;
  return {.passes = true, .state = state_, .pass = pass, .retry_after = {}};
}

bool Breaker::End(const Terms& terms, const Pass& pass, Verdict verdict, base::MonotonicTime now, Changes& changes) {
  BringTo(terms, now, changes);
  if (pass.generation != generation_) {
    if (verdict != Verdict::kUnknown) ++counts_.late;
    return false;
  }
  if (state_ == State::kHalfOpen) {
    const bool has_place = HasPlace(pass);
    if (has_place) taken_ &= ~(1u << pass.place);
    if (verdict == Verdict::kBad) {
      Open({.all = uint64_t{good_probes_} + 1, .bad = 1}, changes);
    } else if (verdict == Verdict::kGood && (has_place || !pass.begun)) {
      // Else it has been one since its interval was over.
      OnGoodProbe(terms, changes);
    }
    return true;
  }
  if (verdict == Verdict::kUnknown) return true;
  const bool bad = verdict == Verdict::kBad;
  window_.Add(latest_, CallWindow::TenthOf(terms.interval), bad);
  if (state_ == State::kRecovering) {
    ++recovering_.all;
    recovering_.bad += bad;
  }
  Judge(terms, changes);
  return true;
}

void Breaker::Begin(const Terms& terms, Pass& pass, base::MonotonicTime now, Changes& changes) {
  BringTo(terms, now, changes);
  if (pass.generation != generation_ || state_ != State::kHalfOpen || pass.begun) return;
  pass.begun = true;
  if (HasPlace(pass)) {
    begun_ |= 1u << pass.place;
  } else {
    OnGoodProbe(terms, changes);
  }
}

void Breaker::Spoil(const Terms& terms, const Pass& pass, base::MonotonicTime now, Changes& changes) {
  BringTo(terms, now, changes);
  if (pass.generation != generation_) {
    ++counts_.late;
    return;
  }
  if (state_ == State::kHalfOpen) return Open({.all = std::max(good_probes_, 1u), .bad = 1}, changes);
  window_.Spoil(latest_, CallWindow::TenthOf(terms.interval));
  if (state_ == State::kRecovering && recovering_.bad < recovering_.all) ++recovering_.bad;
  Judge(terms, changes);
}

bool Breaker::IsFresh(const Terms& terms, base::MonotonicTime now) const {
  if (state_ != State::kClosed) return false;
  return window_.Sum(std::max(latest_, now), CallWindow::TenthOf(terms.interval)).all == 0;
}

Breaker::View Breaker::Read(const Terms& terms, base::MonotonicTime now) const {
  Breaker then = *this;
  Changes changes;
  then.BringTo(terms, now, changes);
  const bool open = then.state_ == State::kOpen;
  const bool recovering = then.state_ == State::kRecovering;
  return {.state = then.state_,
          .since = then.since_,
          .retry_after = open ? std::max(then.since_ + terms.open_for - then.latest_, base::Duration()) : base::Duration(),
          .calls = recovering ? then.recovering_ : then.window_.Sum(then.latest_, CallWindow::TenthOf(terms.interval)),
          .opened_by = then.opened_by_,
          .probes_on_their_way = then.state_ == State::kHalfOpen ? static_cast<uint32_t>(std::popcount(then.taken_)) : 0,
          .good_probes = then.state_ == State::kHalfOpen ? then.good_probes_ : 0,
          .good_windows = recovering ? then.good_windows_ : 0,
          .counts = then.counts_};
}

}  // namespace pillion::degradation
