#include "source/limit/shared_bucket.h"

#include <algorithm>
#include <mutex>

#include "source/limit/states.h"

namespace pillion::limit {

Taken TakenFrom(const Policy& policy, const Decision& decision) {
  using Wide = unsigned __int128;
  Taken taken = {.allowed = decision.allowed(), .limit = decision.bucket.limit, .remaining = decision.bucket.remaining};
  if (taken.remaining > 0) return taken;
  // Tokens come evenly: from the first that comes to the last is the time of all but one.
  const TokenBucket::Terms& terms = policy.bucket()->terms();
  const Wide others = Wide{terms.burst - 1} * static_cast<uint64_t>(terms.period.count());
  taken.next = decision.bucket.reset - base::Duration(static_cast<int64_t>((others + terms.tokens - 1) / terms.tokens));
  return taken;
}

std::string BucketDefinition(const std::string& key, const TokenBucket::Terms& terms) {
  return std::to_string(terms.burst) + " " + std::to_string(terms.tokens) + " " + std::to_string(terms.period.count()) +
         " " + key;
}

std::shared_ptr<SharedBucket> SharedBucket::Of(const std::string& key, const TokenBucket::Terms& terms) {
  static auto& buckets = *new States<SharedBucket>;
  const auto make = [&] { return std::make_shared<SharedBucket>(terms); };
  return key.empty() ? make() : buckets.FindOrMake(BucketDefinition(key, terms), make);
}

SharedBucket::SharedBucket(const TokenBucket::Terms& terms)
    : policy_(Terms{.window = {}, .bucket = terms}), state_(policy_.Fresh({})) {}

Taken SharedBucket::Take(base::MonotonicTime now) {
  const std::lock_guard lock(lock_);
  now_ = std::max(now_, now);
  return TakenFrom(policy_, policy_.Decide(state_, 1, now_));
}

}  // namespace pillion::limit
