#include "source/limit/wait_bounds.h"

#include <algorithm>

namespace pillion::limit {
namespace {

using Wide = __int128;

constexpr Wide kMost = base::Duration(std::chrono::hours(24 * 366 * 100)).count();

base::Duration Bounded(Wide nanoseconds) {
  return base::Duration(static_cast<int64_t>(std::clamp<Wide>(nanoseconds, 0, kMost)));
}

}  // namespace

WaitBounds BoundsOf(const KeyedLimit& limit, const Key& key, uint64_t cost, base::MonotonicTime now) {
  const Policy& policy = limit.policy();
  Wide least = 0;
  Wide most = 0;
  if (policy.bucket()) {
    // While somebody waits a bucket is never full, so none of its tokens is lost: each cost moves the time at which it is
    // full by what it takes to come, and is admitted a bucket's time before that.
    const TokenBucket& bucket = *policy.bucket();
    const Wide period = bucket.terms().period.count();
    const Wide full = limit.Ask(key, 0, now).bucket.reset.count() - Wide{bucket.time_to_fill().count()};
    least = full + Wide{cost} * period / bucket.terms().tokens - 1;
    most = least + 1000;  // what is rounded on the way is far less
  }
  if (policy.window() && cost > 0) {
    // One more than the limit comes a length behind the first, at least.
    const SlidingWindow::Terms& terms = policy.window()->terms();
    const uint64_t rounds = (cost - 1) / terms.limit;
    const uint64_t part = cost - rounds * terms.limit;
    const uint64_t at_once = policy.bucket() ? std::min(part, policy.bucket()->terms().burst) : part;
    const Wide until_part = limit.Ask(key, at_once, now).retry_after.count();
    least = std::max(least, Wide{rounds} * terms.length.count() + until_part);
    const Wide slice = terms.length.count() / Wide{SlidingWindow::kSlices} + 1;
    const Wide first = at_once == cost ? until_part : Wide{limit.Ask(key, 0, now).window.reset.count()};
    // Behind the first round two lengths are enough for each further one; and of a bucket that nobody was let through to
    // no more is lost than comes in that time.
    most = std::max<Wide>(most, 0) + first + 2 * Wide{rounds} * (terms.length.count() + slice);
  }
  return {Bounded(least), Bounded(most)};
}

}  // namespace pillion::limit
