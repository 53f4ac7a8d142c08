#include "source/limit/concurrency_estimate.h"

#include <algorithm>

namespace pillion::limit {
namespace {

constexpr uint32_t kMost = 1'000'000;
constexpr base::Duration kLongestWindow = std::chrono::minutes(1);
constexpr base::Duration kShortestWindow = std::chrono::milliseconds(1);

// One request that takes very long says no more than that it took long. In unloaded latencies.
constexpr double kLongestLatency = 10;
// The unloaded latency moves by so much of the way to what was measured: where that was less, where it is known that it did
// not wait, and where nothing is known.
constexpr double kStepDown = 0.6;
constexpr double kStepUp = 0.8;
constexpr double kStepUnknown = 0.2;
// And the limit; in its own parts it grows faster where nobody waits, and is cut by no more at once.
constexpr double kStepOfLimit = 0.5;
constexpr double kLargeCut = 0.2;  // not halved
constexpr double kGrowth = 0.1;
constexpr double kMostWindowsAtOnce = 5;
constexpr double kMostCut = 0.3;
// Two groups tell something where they differ by so much in what was in flight.
constexpr double kLeastContrast = 0.15;
// Who gives up always does so after the same time: that is no sign of a latency that does not depend on the load.
constexpr double kMostAbandoned = 0.05;
// Windows: how long, how much of earlier ones counts beside the next, how long those that met more are remembered.
constexpr double kLatenciesInWindow = 4;
constexpr double kRemembered = 0.7;
// And where latencies are uneven, how exact its mean is to be; what is much, or little, is seen before.
constexpr double kPrecision = 0.1;
constexpr double kSure = 2;             // standard errors
constexpr double kMostInWindow = 1000;  // requests
constexpr double kSpreadRemembered = 0.95;
constexpr int kWindowsRemembered = 8;
constexpr base::Duration kLongestPause = std::chrono::seconds(10);  // of all traffic; then a window begins anew
// Ripples: how deep, how long at most, how often at most.
constexpr double kRipple = 0.5;
constexpr double kLatenciesInRipple = 10;
constexpr double kLatenciesBetweenRipples = 50;
constexpr double kMuch = 0.1;
constexpr base::Duration kBetweenRipples = std::chrono::seconds(1);

base::Duration Nanoseconds(double count) { return base::Duration(static_cast<int64_t>(count)); }

}  // namespace

const char* ConcurrencyEstimate::WhatIsWrong(const Terms& terms) {
  if (terms.least < 1 || terms.least > kMost) return "a least limit of 1 to 1000000";
  if (terms.most < terms.least || terms.most > kMost) return "a highest limit between the least one and 1000000";
  if (terms.initial < terms.least || terms.initial > terms.most) return "an initial limit between the least and the highest";
  const bool unloaded_fits = terms.unloaded >= base::Duration::zero() && terms.unloaded <= kLongestWindow;
  if (!unloaded_fits) return "an unloaded latency of at most 1 min";
  if (terms.window < kShortestWindow || terms.window > kLongestWindow) return "a window of 1 ms to 1 min";
  return nullptr;
}

ConcurrencyEstimate::Admitted ConcurrencyEstimate::Admit(uint32_t in_flight) {
  if (!rippling_ || in_flight > ripple_limit_) return {in_flight, 0};
  ++ripple_admitted_;
  ++ripple_open_;
  return {in_flight, ripple_};
}

void ConcurrencyEstimate::Answered(const Admitted& request, base::Duration latency, base::MonotonicTime now) {
  End(request, latency, false, now);
}

void ConcurrencyEstimate::Abandoned(const Admitted& request, base::Duration waited, base::MonotonicTime now) {
  if (unloaded_ == 0 || static_cast<double>(waited.count()) < unloaded_) return Forget(request);
  End(request, waited, true, now);
}

void ConcurrencyEstimate::End(const Admitted& request, base::Duration latency, bool abandoned, base::MonotonicTime now) {
  Note(request, latency, abandoned, now);
  Forget(request);
  if (ripple_open_ == 0 || rippling_) StepRipple(last_);
  if (IsOver(last_)) Close(last_);
}

void ConcurrencyEstimate::Forget(const Admitted& request) {
  if (request.ripple != 0 && request.ripple == ripple_ && ripple_open_ > 0) --ripple_open_;
}

void ConcurrencyEstimate::Note(const Admitted& request, base::Duration latency, bool abandoned, base::MonotonicTime now) {
  if (latency <= base::Duration::zero()) latency = base::Duration(1);
  if (!begun_ || now - last_ > kLongestPause) Begin(now);
  last_ = std::max(last_, now);
  double took = static_cast<double>(latency.count());
  if (unloaded_ > 0) took = std::min(took, unloaded_ * kLongestLatency);
  most_in_flight_ = std::max(most_in_flight_, request.in_flight);
  if (request.ripple == 0) window_.Add(request.in_flight, took, abandoned);
  if (request.ripple != 0 && request.ripple == ripple_) ripple_group_.Add(request.in_flight, took, abandoned);
}

void ConcurrencyEstimate::Begin(base::MonotonicTime now) {
  begun_ = true;
  began_ = last_ = now;
  window_ = {};
  refused_ = false;
  most_in_flight_ = 0;
}

bool ConcurrencyEstimate::IsOver(base::MonotonicTime now) const {
  const double latency = std::max(unloaded_, latest_);
  return now - began_ >= std::max(terms_.window, Nanoseconds(latency * kLatenciesInWindow)) && IsTelling();
}

bool ConcurrencyEstimate::IsTelling() const {
  if (!window_.enough()) return false;
  if (window_.count >= kMostInWindow || unloaded_ == 0) return true;
  const double error = std::sqrt(ErrorOf(window_)) / window_.mean_latency();
  if (error <= kPrecision) return true;
  const double waiting = WaitingIn(window_);
  return std::abs(Allowance() - waiting) > kSure * error * (window_.mean_in_flight() - waiting);
}

void ConcurrencyEstimate::Close(base::MonotonicTime now) {
  const bool first = latest_ == 0;
  latest_ = window_.mean_latency();
  if (first) return Begin(now);  // the slow ones are not answered yet
  LearnSpread(window_);
  const double part = spread() > 0 ? std::min(1.0, window_.count * kPrecision * kPrecision / spread()) : 1;
  usual_ += (usual_ == 0 ? 1 : part) * (latest_ - usual_);
  if (unloaded_ == 0) unloaded_ = latest_;
  if (!rippling_) {
    const bool more = window_.mean_in_flight() > before_.mean_in_flight();
    if (more ? Learn(window_, before_) : Learn(before_, window_)) next_ripple_ = now + PauseOfRipples();
    const bool binds = refused_ || most_in_flight_ + 1 > limit_;
    Adapt(window_, binds, now - began_);
    Remember(window_);
    if (binds && ripple_open_ == 0 && now >= next_ripple_) BeginRipple(now);
  }
  Begin(now);
}

base::Duration ConcurrencyEstimate::PauseOfRipples() const {
  return std::max(kBetweenRipples, Nanoseconds(latest_ * kLatenciesBetweenRipples));
}

void ConcurrencyEstimate::BeginRipple(base::MonotonicTime now) {
  const double usual = std::min(limit_, before_.mean_in_flight());
  const double less = usual * kRipple;
  rippling_ = true;
  ++ripple_;
  if (ripple_ == 0) ++ripple_;
  ripple_limit_ = std::max(1.0, usual - less);
  // So many that their mean is off by no more than a third of the difference that is looked for.
  const double variation = ErrorOf(before_) * before_.count / (before_.mean_latency() * before_.mean_latency());
  const double contrast = less / usual;
  ripple_wanted_ = std::max({kEnough, ripple_limit_, 9 * variation / (contrast * contrast)});
  ripple_open_ = ripple_admitted_ = 0;
  ripple_group_ = {};
  ripple_began_ = now;
}

void ConcurrencyEstimate::StepRipple(base::MonotonicTime now) {
  if (rippling_) {
    const bool long_enough = now - ripple_began_ > Nanoseconds(latest_ * kLatenciesInRipple);
    if (ripple_admitted_ < ripple_wanted_ && !long_enough) return;
    rippling_ = false;
    Begin(now);
    next_ripple_ = now + PauseOfRipples();
  }
  if (ripple_open_ > 0 || !ripple_group_.enough()) return;
  const double unloaded = unloaded_;
  if (!Learn(before_, ripple_group_) && ripple_group_.abandoned_part() <= kMostAbandoned) {
    // Nothing is known, so a little of it is believed: what follows from that will be seen.
    unloaded_ += kStepUnknown * std::max(0.0, ripple_group_.mean_latency() - unloaded_);
  }
  ripple_group_ = {};
  // What has told much may have more to tell.
  if (std::abs(unloaded_ - unloaded) > kMuch * unloaded) next_ripple_ = now + PauseOfRipples() / 4;
}

bool ConcurrencyEstimate::Learn(const Group& more, const Group& fewer) {
  if (terms_.unloaded > base::Duration::zero()) return true;
  if (!more.enough() || !fewer.enough()) return false;
  const double way = fewer.mean_latency() - unloaded_;
  if (way > 0 && std::max(more.abandoned_part(), fewer.abandoned_part()) > kMostAbandoned) return false;
  const std::optional<double> flatness = Flatness(more, fewer);
  if (way < 0) {
    // Whoever waits takes longer.
    if (way * way > 4 * ErrorOf(fewer)) unloaded_ += kStepDown * way;
  } else if (flatness) {
    unloaded_ += kStepUp * *flatness * way;
  }
  return flatness.has_value();
}

void ConcurrencyEstimate::LearnSpread(const Group& group) {
  const double mean = group.mean_latency();
  spread_sum_ = spread_sum_ * kSpreadRemembered + group.variance() * group.count * group.count / (mean * mean);
  spread_count_ = spread_count_ * kSpreadRemembered + group.count;
}

void ConcurrencyEstimate::Remember(const Group& group) {
  const double part = group.mean_in_flight() / before_.mean_in_flight();
  if (before_.enough() && part < 0.9 && ++since_before_ < kWindowsRemembered) return;
  since_before_ = 0;
  before_.Fade(part > 0.9 && part < 1.1 ? kRemembered : 0);
  before_.Join(group);
}

std::optional<double> ConcurrencyEstimate::Flatness(const Group& more, const Group& fewer) const {
  const double contrast = 1 - fewer.mean_in_flight() / more.mean_in_flight();
  const double error = std::sqrt(ErrorOf(fewer) + ErrorOf(more)) / more.mean_latency();
  if (contrast < kLeastContrast || contrast < 2 * error) return std::nullopt;
  return std::clamp(1 - (1 - fewer.mean_latency() / more.mean_latency() + error) / contrast, 0.0, 1.0);
}

void ConcurrencyEstimate::Adapt(const Group& group, bool binds, base::Duration length) {
  const double allowance = Allowance();
  const double waiting = WaitingIn(group);
  double change = allowance - waiting;
  if (change > 0) {
    if (!binds) return;
    // As much in a long window as in the several short ones that there would have been.
    const double usual = std::max(static_cast<double>(terms_.window.count()), latest_ * kLatenciesInWindow);
    const double windows = std::clamp(static_cast<double>(length.count()) / usual, 1.0, kMostWindowsAtOnce);
    if (waiting < allowance / 4) change += limit_ * kGrowth * windows;
  }
  if (change > -limit_ * kLargeCut) change *= kStepOfLimit;
  limit_ += std::max(change, -limit_ * kMostCut);
  limit_ = std::clamp(limit_, static_cast<double>(terms_.least), static_cast<double>(terms_.most));
}

}  // namespace pillion::limit
