#pragma once

// A token bucket that all workers of the process share.

#include <cstdint>
#include <memory>
#include <string>

#include "source/base/spin_lock.h"
#include "source/limit/policy.h"

namespace pillion::limit {

// What came of asking a bucket for a token.
struct Taken {
  bool allowed = false;
  uint64_t limit = 0;      // tokens of a full one
  uint64_t remaining = 0;  // that it has now
  base::Duration next = base::Duration::zero();  // until it has one; zero: it has
};

// Of a policy that is a bucket, what came of that decision.
Taken TakenFrom(const Policy& policy, const Decision& decision);

// What tells a bucket of these terms and that name from others.
std::string BucketDefinition(const std::string& key, const TokenBucket::Terms& terms);

// Any thread.
class SharedBucket {
 public:
  // The one that is known by `key` and has these terms, as it was left; made where there is none, and where there is no key.
  // It lives as long as somebody has it.
  static std::shared_ptr<SharedBucket> Of(const std::string& key, const TokenBucket::Terms& terms);
  // Of terms that nothing is wrong with.
  explicit SharedBucket(const TokenBucket::Terms& terms);

  // Asks for one token.
  Taken Take(base::MonotonicTime now);

 private:
  const Policy policy_;
  base::SpinLock lock_;
  // With the lock. Workers' clocks differ: the latest that one of them has said counts.
  base::MonotonicTime now_;
  Policy::State state_;
};

}  // namespace pillion::limit
