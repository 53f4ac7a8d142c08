#include "source/limit/token_bucket.h"

#include <numeric>

#include "source/base/check.h"

namespace pillion::limit {
namespace {

using Wide = unsigned __int128;

constexpr base::Duration kLongestToFill = std::chrono::hours(24 * 366 * 100);

// In nanoseconds, rounded up.
Wide TimeToFill(const TokenBucket::Terms& terms) {
  return (Wide{terms.burst} * static_cast<uint64_t>(terms.period.count()) + terms.tokens - 1) / terms.tokens;
}

uint64_t Divisor(const TokenBucket::Terms& terms) {
  return std::gcd(static_cast<uint64_t>(terms.period.count()), terms.tokens);
}

}  // namespace

const char* TokenBucket::WhatIsWrong(const Terms& terms) {
  if (terms.burst < 1 || terms.burst > kMostBurst) return "a burst of 1 to 999999999999999";
  if (terms.period <= base::Duration::zero()) return "a period of more than 0 s";
  if (terms.tokens < 1 || terms.tokens / Divisor(terms) > UINT32_MAX) {
    return "1 to 4294967295 tokens in a period, when the fraction of both is reduced";
  }
  if (TimeToFill(terms) > static_cast<uint64_t>(kLongestToFill.count())) return "a bucket that fills within 100 years";
  return nullptr;
}

TokenBucket::TokenBucket(const Terms& terms) : terms_(terms) {
  PILLION_CHECK(WhatIsWrong(terms) == nullptr);
  period_ = static_cast<uint64_t>(terms.period.count()) / Divisor(terms);
  rate_ = terms.tokens / Divisor(terms);
  fill_ = TimeOf(terms.burst);
}

uint64_t TokenBucket::Remaining(const State& state, base::MonotonicTime now) const {
  if (IsFresh(state, now)) return terms_.burst;
  const State until_full = Difference(state, Now(now));
  if (!(until_full < fill_)) return 0;  // or a debt
  const State left = Difference(fill_, until_full);
  const Wide parts = Wide{static_cast<uint64_t>(left.full_at)} * rate_ + left.fraction;
  if (parts <= UINT64_MAX) return static_cast<uint64_t>(parts) / period_;
  return static_cast<uint64_t>(parts / period_);
}

void TokenBucket::ChargeAnyway(State& state, uint64_t cost, base::MonotonicTime now) const {
  const State most = Sum(Now(now), Sum(fill_, fill_));
  const State time = cost > terms_.burst ? Sum(fill_, TimeOf(std::min(cost - terms_.burst, terms_.burst))) : TimeOf(cost);
  state = std::max(state, Now(now));
  state = Difference(most, state) < time ? most : Sum(state, time);
}

void TokenBucket::GiveBack(State& state, uint64_t cost, base::MonotonicTime charged_at, base::MonotonicTime now) const {
  const State meanwhile = Now(base::MonotonicTime(now - charged_at));
  const State time = TimeOf(cost);
  if (meanwhile < time) state = Difference(state, Difference(time, meanwhile));
}

base::Duration TokenBucket::Wait(const State& state, uint64_t cost, base::MonotonicTime now) const {
  const State until_full = Difference(std::max(state, Now(now)), Now(now));
  const State in_time = Difference(fill_, TimeOf(cost));
  return in_time < until_full ? RoundUp(Difference(until_full, in_time)) : base::Duration::zero();
}

TokenBucket::State TokenBucket::Sum(const State& a, const State& b) const {
  const uint64_t fraction = uint64_t{a.fraction} + b.fraction;
  const bool carry = fraction >= rate_;
  return {a.full_at + b.full_at + carry, static_cast<uint32_t>(carry ? fraction - rate_ : fraction)};
}

TokenBucket::State TokenBucket::Difference(const State& a, const State& b) const {
  const bool borrow = a.fraction < b.fraction;
  return {a.full_at - b.full_at - borrow, static_cast<uint32_t>(a.fraction + (borrow ? rate_ : 0) - b.fraction)};
}

TokenBucket::State TokenBucket::TimeOf(uint64_t cost) const {
  const Wide parts = Wide{cost} * period_;
  if (parts <= UINT64_MAX) {
    const auto narrow = static_cast<uint64_t>(parts);
    return {static_cast<int64_t>(narrow / rate_), static_cast<uint32_t>(narrow % rate_)};
  }
  return {static_cast<int64_t>(parts / rate_), static_cast<uint32_t>(parts % rate_)};
}

}  // namespace pillion::limit
