#pragma once

// How often something may be done: a token for each time, so many at once, and then as fast as they come back. Time is
// handed in.

#include <algorithm>
#include <chrono>

#include "source/base/clock.h"
#include "source/config/config_source.h"

namespace pillion::xds {

class TokenBucket {
 public:
  static constexpr base::Duration kLongest = std::chrono::hours(1);  // that UntilNext() says

  // Full. One that holds none would let nothing pass ever: it holds one.
  TokenBucket(const config::RateLimit& limit, base::MonotonicTime now)
      : most_(std::max<double>(limit.max_tokens, 1)), rate_(limit.fill_rate), tokens_(most_), filled_(now) {}

  bool Has(base::MonotonicTime now) {
    Fill(now);
    return tokens_ >= kOne;
  }
  // False: there is none.
  bool Take(base::MonotonicTime now) {
    if (!Has(now)) return false;
    tokens_ = std::max(tokens_ - 1, 0.0);
    return true;
  }
  // Until there is one again; there is none.
  base::Duration UntilNext(base::MonotonicTime now) {
    Fill(now);
    const double seconds = std::min((1 - tokens_) / rate_, std::chrono::duration<double>(kLongest).count());
    return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(std::max(seconds, 0.0))) +
           std::chrono::microseconds(1);
  }

 private:
  static constexpr double kOne = 1 - 1e-9;  // as near as sums come

  void Fill(base::MonotonicTime now) {
    tokens_ = std::min(most_, tokens_ + std::chrono::duration<double>(now - filled_).count() * rate_);
    filled_ = now;
  }

  const double most_;
  const double rate_;  // a second
  double tokens_;
  base::MonotonicTime filled_;
};

}  // namespace pillion::xds
