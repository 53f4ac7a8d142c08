#pragma once

// The buckets of descriptors (filter/descriptors.h). They are shared by all workers of the process.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/filter/descriptors.h"
#include "source/limit/keyed_limit.h"
#include "source/limit/shared_bucket.h"

namespace pillion::filters::local_ratelimit {

using limit::Taken;

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

  // As limit::SharedBucket::Of(); with other entries or options it is another one, too.
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
