#pragma once

// How long it takes until a limit has admitted so much of a key, if from now on there is always somebody who takes what
// there is: for whoever would have to wait behind others. Any thread.

#include <cstdint>

#include "source/base/clock.h"
#include "source/limit/keyed_limit.h"

namespace pillion::limit {

struct WaitBounds {
  base::Duration least;  // no sooner
  // No later, as long as each takes what he wants when he may; a window may admit less in one go than it has left, and then
  // half of it goes to waste at worst.
  base::Duration most;
};

// `cost` may be more than is ever admitted at once. Of a bucket alone both are the same, to a microsecond, whatever its
// period is. Beyond a hundred years: a hundred years.
WaitBounds BoundsOf(const KeyedLimit& limit, const Key& key, uint64_t cost, base::MonotonicTime now);

}  // namespace pillion::limit
