#include "source/context/deadline.h"

#include <algorithm>

#include "source/context/timeout.h"

namespace pillion::context {
namespace {

uint64_t UnixNano(base::WallTime wall) {
  return static_cast<uint64_t>(std::max<int64_t>(wall.time_since_epoch().count(), 0));
}

// How far `deadline` is from `now`, within kLongestTimeout both ways.
base::Duration From(base::WallTime now, uint64_t deadline) {
  constexpr uint64_t kMost = static_cast<uint64_t>(kLongestTimeout.count());
  const uint64_t wall = UnixNano(now);
  if (deadline >= wall) return base::Duration(static_cast<int64_t>(std::min(deadline - wall, kMost)));
  return -base::Duration(static_cast<int64_t>(std::min(wall - deadline, kMost)));
}

// `left` from `moment`. 0 is no deadline, which the wall clock never shows but in 1970.
void SetDeadline(Context& context, base::Duration left, const Moment& moment) {
  context.deadline_at = moment.monotonic + left;
  context.deadline = std::max<uint64_t>(UnixNano(moment.wall + left), 1);
}

}  // namespace

base::Duration SettleDeadline(Context& context, std::optional<base::Duration> time_left, const Moment& first_byte) {
  if (!context.has_deadline()) {
    if (time_left) SetDeadline(context, *time_left, first_byte);
    return {};
  }
  const base::Duration until = From(first_byte.wall, context.deadline);
  const base::Duration difference = time_left ? until - *time_left : base::Duration::zero();
  if (std::chrono::abs(difference) <= kDeadlineTolerance) {
    context.deadline_at = first_byte.monotonic + until;
    return {};
  }
  SetDeadline(context, *time_left, first_byte);
  return difference;
}

void CapDeadline(Context& context, base::Duration most, const Moment& now) {
  CapDeadlineAt(context, now.monotonic + std::min(most, kLongestTimeout), now);
}

void CapDeadlineAt(Context& context, base::MonotonicTime latest, const Moment& now) {
  if (context.has_deadline() && context.deadline_at <= latest) return;
  SetDeadline(context, latest - now.monotonic, now);
}

}  // namespace pillion::context
