#pragma once

// The buckets that are configured: one, and those of descriptors (filter/descriptors.h). They are shared by all workers of
// the process.

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/spin_lock.h"
#include "source/filter/descriptors.h"
#include "source/limit/keyed_limit.h"

namespace pillion::filters::local_ratelimit {

// What came of asking a bucket for a token.
struct Taken {
  bool allowed = false;
  uint64_t limit = 0;      // tokens of a full one
  uint64_t remaining = 0;  // that it has now
  base::Duration next = base::Duration::zero();  // until it has one; zero: it has
};

// One bucket. Any thread.
class Bucket {
 public:
  // The one that is known by `key` (config/home.h) and has these terms, as it was left; made where there is none, and where
  // there is no key. It lives as long as some configuration has it. Control side.
  static std::shared_ptr<Bucket> Of(const std::string& key, const limit::TokenBucket::Terms& terms);
  // Of terms that nothing is wrong with.
  explicit Bucket(const limit::TokenBucket::Terms& terms);

  Taken Take(base::MonotonicTime now);

 private:
  const limit::Policy policy_;
  base::SpinLock lock_;
  // With the lock. Workers' clocks differ: the latest that one of them has said counts.
  base::MonotonicTime now_;
  limit::Policy::State state_;
};

// The bucket of a descriptor; one for each of its values where some are left open, and for each connection where that is
// said. Without entries: the default one of each connection.
class DescriptorLimit {
 public:
  struct Pattern {
    std::string key;
    std::string value;  // empty: any
  };
  struct Options {
    size_t most_keys;             // buckets
    bool per_connection = false;
    bool shadow = false;          // who finds no token is counted, and passes
  };

  // As Bucket::Of(); with other entries or options it is another one, too.
  static std::shared_ptr<DescriptorLimit> Of(const std::string& key, const std::vector<Pattern>& entries,
                                             const limit::TokenBucket::Terms& terms, const Options& options);
  DescriptorLimit(std::vector<Pattern> entries, const limit::TokenBucket::Terms& terms, const Options& options);

  bool Matches(std::span<const filter::DescriptorEntry> descriptor) const;
  // Of a descriptor that matches, as many tokens as it counts. `connection`: its number in the process.
  Taken Take(const filter::Descriptor& descriptor, uint64_t connection, base::MonotonicTime now, base::Arena& arena);
  const std::vector<Pattern>& entries() const { return entries_; }
  bool open() const { return open_; }  // some values are left open
  bool shadow() const { return options_.shadow; }
  // Tokens a second.
  double rate() const { return rate_; }

 private:
  const std::vector<Pattern> entries_;
  const Options options_;
  const bool open_;
  const double rate_;
  const limit::Secret secret_;
  limit::KeyedLimit limit_;
};

}  // namespace pillion::filters::local_ratelimit
