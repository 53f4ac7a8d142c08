#pragma once

// When the caller stops waiting: out of what carriers say, which is either a point in time or how much of it is left.
// All of it saturates; nothing a peer says makes a deadline that is further away than kLongestTimeout on the own clock.

#include <optional>

#include "source/base/clock.h"
#include "source/context/context.h"

namespace pillion::context {

// One moment, on both clocks.
struct Moment {
  base::MonotonicTime monotonic;
  base::WallTime wall;
};

// What is carried as a point in time and what is carried as time left may differ by this much and be the same.
inline constexpr base::Duration kDeadlineTolerance = std::chrono::milliseconds(2);

// Sets deadline and deadline_at from `context.deadline`, where there is one, and `time_left`, counted from `first_byte`.
// Within the tolerance the point in time counts, so that no hop adds what rounding took away; else the time that is left,
// which needs no clock in common, and the difference is returned: positive when the caller's clock is ahead.
base::Duration SettleDeadline(Context& context, std::optional<base::Duration> time_left, const Moment& first_byte);

// No later than `most` from `now`; also for a context without deadline.
void CapDeadline(Context& context, base::Duration most, const Moment& now);
// The same for a point on the own clock.
void CapDeadlineAt(Context& context, base::MonotonicTime latest, const Moment& now);

// What is left of a context's deadline, which it has: negative when it has passed.
inline base::Duration TimeLeft(const Context& context, base::MonotonicTime now) { return context.deadline_at - now; }

}  // namespace pillion::context
