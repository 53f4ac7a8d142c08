#pragma once

// What requests are limited by: descriptors, lists of keys and values that actions make of a request, and the buckets that
// are configured for them. The buckets are shared by all workers of the process.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "source/base/spin_lock.h"
#include "source/expression/program.h"
#include "source/filter/stream_context.h"
#include "source/http/field_name.h"
#include "source/limit/keyed_limit.h"
#include "source/match/header_matcher.h"

namespace pillion::filters::local_ratelimit {

struct Entry {
  std::string_view key;
  std::string_view value;
};

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

// What an action makes an entry of. Immutable.
struct Action {
  struct Fixed {  // source_cluster, generic_key
    std::string value;
  };
  struct DestinationCluster {};
  struct RemoteAddress {};
  struct MaskedRemoteAddress {
    uint32_t v4_bits = 32;
    uint32_t v6_bits = 128;
  };
  struct RequestHeader {
    http::FieldName name;
    bool skip_if_absent = false;
  };
  struct QueryParameter {
    std::string name;
    bool skip_if_absent = false;
  };
  struct Expression {
    std::shared_ptr<const expression::Program> program;
    bool skip_if_error = false;
  };
  struct HeaderMatch {
    std::vector<match::HeaderMatcher> headers;  // all of them
    bool expected = true;
    std::string value;
  };

  std::string key;
  std::variant<Fixed, DestinationCluster, RemoteAddress, MaskedRemoteAddress, RequestHeader, QueryParameter, Expression,
               HeaderMatch>
      source;
};

// Of a request at most one descriptor.
using Actions = std::vector<Action>;

// In the stream's arena; entries are views into the actions, the request and the arena. Empty: there is no descriptor.
std::span<const Entry> MakeDescriptor(const Actions& actions, filter::StreamContext& stream, const http::RequestHead& head);

// The bucket of a descriptor; one for each of its values where some are left open.
class DescriptorLimit {
 public:
  struct Pattern {
    std::string key;
    std::string value;  // empty: any
  };

  DescriptorLimit(std::vector<Pattern> entries, const limit::TokenBucket::Terms& terms, size_t most_keys);

  bool Matches(std::span<const Entry> descriptor) const;
  // Of a descriptor that matches.
  Taken Take(std::span<const Entry> descriptor, base::MonotonicTime now, base::Arena& arena);
  bool open() const { return open_; }  // some values are left open
  // Tokens a second.
  double rate() const { return rate_; }

 private:
  const std::vector<Pattern> entries_;
  const bool open_;
  const double rate_;
  const limit::Secret secret_;
  limit::KeyedLimit limit_;
};

}  // namespace pillion::filters::local_ratelimit
