#pragma once

// How long is waited before something that failed is tried again: at random up to a bound that doubles with each failure, so
// that those who lost the same server do not come back at once.

#include <algorithm>

#include "source/base/clock.h"
#include "source/base/random.h"

namespace pillion::xds {

class Backoff {
 public:
  static constexpr base::Duration kFirst = std::chrono::milliseconds(500);
  static constexpr base::Duration kMostNearby = std::chrono::seconds(1);
  static constexpr base::Duration kMost = std::chrono::seconds(30);

  // `random` outlives it. `most`: that the bound grows to.
  explicit Backoff(base::Random& random, base::Duration most = kMost) : random_(random), most_(most) {}

  base::Duration Next() {
    const base::Duration bound = bound_;
    bound_ = std::min(bound_ * 2, most_);
    return base::Duration(static_cast<int64_t>(random_.Below(static_cast<uint64_t>(bound.count()))));
  }
  // Of a server of this machine that is not there: its socket is looked for often, for nobody is burdened by that, and
  // what it gives may be needed to serve at all.
  base::Duration Nearby() {
    bound_ = std::min(bound_, kMostNearby);
    return Next();
  }
  // As if it had failed very often, and not at once in any case.
  base::Duration Longest() {
    bound_ = most_;
    return most_ / 2 + Next() / 2;
  }
  // It went well.
  void Reset() { bound_ = kFirst; }

 private:
  base::Random& random_;
  const base::Duration most_;
  base::Duration bound_ = kFirst;
};

}  // namespace pillion::xds
