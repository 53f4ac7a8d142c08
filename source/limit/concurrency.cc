#include "source/limit/concurrency.h"

#include <algorithm>
#include <cmath>
#include <mutex>

namespace pillion::limit {
namespace {

// Of the way from what was to what a tick says. A class that comes is given room at once, one that goes keeps it for a
// second or two.
constexpr double kRise = 0.5;
constexpr double kFall = 0.1;
// Of what is in flight: so much belongs to the classes that have to make way when something is to be learned.
constexpr double kExpendable = 0.25;

}  // namespace

std::optional<ConcurrencyLimit::Ticket> ConcurrencyLimit::Admit(Priority priority, base::MonotonicTime now) {
  const auto index = static_cast<size_t>(priority);
  const std::lock_guard guard(lock_);
  if (now - tick_ >= kTick) Tick(now);
  ++came_[index];
  known_[index] = true;
  if (!HasRoom(index)) {
    estimate_.NoteRefused();
    return std::nullopt;
  }
  ++in_flight_;
  ++of_class_[index];
  return Ticket{.admitted = estimate_.Admit(in_flight_), .priority = priority};
}

void ConcurrencyLimit::End(const Ticket& ticket, Outcome outcome, base::Duration latency, base::MonotonicTime now) {
  const std::lock_guard guard(lock_);
  --in_flight_;
  --of_class_[static_cast<size_t>(ticket.priority)];
  switch (outcome) {
    case Outcome::kAnswered:
      return estimate_.Answered(ticket.admitted, latency, now);
    case Outcome::kAbandoned:
      return estimate_.Abandoned(ticket.admitted, latency, now);
    case Outcome::kUnknown:
      return estimate_.Forget(ticket.admitted);
  }
}

ConcurrencyLimit::Figures ConcurrencyLimit::figures() const {
  const std::lock_guard guard(lock_);
  return {.limit = static_cast<uint32_t>(estimate_.learned()),
          .in_flight = in_flight_,
          .unloaded_latency = estimate_.unloaded_latency(),
          .latency = estimate_.latency()};
}

void ConcurrencyLimit::Tick(base::MonotonicTime now) {
  const double elapsed = static_cast<double>((now - tick_).count());
  const double ticks = elapsed / static_cast<double>(kTick.count());
  for (size_t i = 0; i < kPriorities; ++i) {
    const double rate = came_[i] / elapsed;
    const double step = rate > rates_[i] ? kRise : 1 - std::pow(1 - kFall, std::min(ticks, 100.0));
    rates_[i] += step * (rate - rates_[i]);
    came_[i] = 0;
  }
  tick_ = now;
  estimate_.Tick(now);
  expendable_ = kPriorities - 1;
  uint32_t below = of_class_[expendable_];
  while (expendable_ > 0 && below < kExpendable * in_flight_) below += of_class_[--expendable_];
}

bool ConcurrencyLimit::HasRoom(size_t priority) const {
  const double limit = priority < expendable_ ? estimate_.learned() : estimate_.limit();
  if (in_flight_ + 1 > limit) return false;
  if (in_flight_ == 0) return true;
  uint32_t above = 0;
  for (size_t i = 1; i <= priority; ++i) {
    above += of_class_[i - 1];
    if (in_flight_ - above + 1 > limit - Reserve(i)) return false;
  }
  return true;
}

double ConcurrencyLimit::Reserve(size_t priority) const {
  double rate = 0;
  bool known = false;
  for (size_t i = 0; i < priority; ++i) {
    rate += rates_[i];
    known |= known_[i];
  }
  if (!known) return 0;
  const double needed = rate * estimate_.usual_latency();
  // The tail of what comes at random: where few are needed, one more is worth most.
  return needed + 2.5 * std::sqrt(needed) + 1;
}

}  // namespace pillion::limit
