#pragma once

// Random times and costs, and what was admitted of them: against this the limits' bounds are held, by brute force.

#include <cstdint>
#include <optional>
#include <vector>

#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/limit/sliding_window.h"
#include "source/limit/token_bucket.h"

namespace pillion::limit {

using Wide = __int128;

struct Admitted {
  base::MonotonicTime at;
  uint64_t cost;
};

// A step of every order of magnitude: none, within a slice, about a slice, about the whole, far beyond.
inline base::Duration RandomStep(base::Random& random, base::Duration length) {
  const auto whole = static_cast<uint64_t>(length.count());
  switch (random.Below(12)) {
    case 0:
    case 1:
    case 2:
      return base::Duration::zero();
    case 3:
      return base::Duration(1);
    case 4:
      return base::Duration(whole / 16);
    case 5:
      return base::Duration(whole - random.Below(2));
    case 6:
      return base::Duration(random.Below(2 * whole));
    default:
      return base::Duration(random.Below(whole / 20 + 2));
  }
}

// Mostly 1, now and then up to the most.
inline uint64_t RandomCost(base::Random& random, uint64_t most) {
  return random.Below(4) != 0 ? 1 : 1 + random.Below(most);
}

// The most that was admitted in any window [t, t + length). In order of time.
inline Wide MostInAnyWindow(const std::vector<Admitted>& admitted, base::Duration length) {
  Wide most = 0, sum = 0;
  size_t first = 0;
  for (const Admitted& last : admitted) {
    sum += last.cost;
    while (last.at - admitted[first].at >= length) sum -= admitted[first++].cost;
    most = std::max(most, sum);
  }
  return most;
}

// A bucket by the book: what is in it, in parts of a token, one of which comes in each nanosecond for each token of the rate.
class BucketModel {
 public:
  explicit BucketModel(const TokenBucket::Terms& terms)
      : period_(terms.period.count()), rate_(terms.tokens), full_(Wide{terms.burst} * period_), parts_(full_) {}

  uint64_t Remaining(base::MonotonicTime now) {
    if (filled_) parts_ = std::min(full_, parts_ + Wide{(now - *filled_).count()} * rate_);
    filled_ = now;
    return static_cast<uint64_t>(std::max<Wide>(parts_, 0) / period_);
  }
  // At most another burst is owed.
  void ChargeAnyway(uint64_t cost, base::MonotonicTime now) {
    Remaining(now);
    parts_ = std::max(-full_, parts_ - Wide{cost} * period_);
  }
  bool Take(uint64_t cost, base::MonotonicTime now) {
    if (cost > Remaining(now)) return false;
    parts_ -= Wide{cost} * period_;
    return true;
  }

 private:
  const Wide period_;
  const Wide rate_;
  const Wide full_;
  Wide parts_;
  std::optional<base::MonotonicTime> filled_;
};

}  // namespace pillion::limit
