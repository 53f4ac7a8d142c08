#pragma once

// What filters limit a request by: the descriptors that rate_limits make of it. They lie in the stream's arena; texts are
// views of the configuration, the request and the arena.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "source/config/rate_limit.h"
#include "source/filter/stream_context.h"

namespace pillion::filter {

struct DescriptorEntry {
  std::string_view key;
  std::string_view value;
};

// A limit that filters noted.
struct DescriptorLimit {
  uint32_t requests = 0;
  uint32_t unit = 0;  // envoy.type.v3.RateLimitUnit
};

struct Descriptor {
  std::span<const DescriptorEntry> entries;  // at least one
  std::optional<uint64_t> hits;              // none: what a request counts
  std::optional<DescriptorLimit> limit;      // none: what is configured
  std::optional<bool> figures;               // whether answers tell of it; none: as the filter says
};

using Descriptors = std::span<const Descriptor>;

// What a virtual host's list is to a route.
enum class HostRateLimits : uint8_t {
  kInstead,  // where the route has none
  kBeside,
  kNever,
};

using Moment = config::RateLimitMoment;

// By the rules that are heeded at that moment. Of the filter's own list, or a route's configuration of it.
Descriptors MakeDescriptors(const config::RateLimitRules& rules, StreamContext& stream, const http::RequestHead& head,
                            Moment moment = Moment::kRequest);

// Of the route's and its virtual host's lists, those of `stage`. None where the request goes to no cluster.
Descriptors RouteDescriptors(uint32_t stage, HostRateLimits host, StreamContext& stream, const http::RequestHead& head,
                             Moment moment = Moment::kRequest);

}  // namespace pillion::filter
