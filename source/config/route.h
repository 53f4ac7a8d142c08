#pragma once

// The route table as configured. route/ compiles it; the order of routes within a virtual host is their precedence.
// A zero duration means: no such limit.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/config/filter_config.h"
#include "source/match/request_matcher.h"

namespace pillion::config {

enum class Priority : uint8_t { kDefault, kHigh };

// Conditions of RetryPolicy::retry_on, a bitmask.
enum RetryOn : uint32_t {
  kRetryOn5xx = 1u << 0,
  kRetryOnGatewayError = 1u << 1,
  kRetryOnReset = 1u << 2,
  kRetryOnResetBeforeRequest = 1u << 3,
  kRetryOnConnectFailure = 1u << 4,
  kRetryOnEnvoyRatelimited = 1u << 5,
  kRetryOnRetriable4xx = 1u << 6,
  kRetryOnRefusedStream = 1u << 7,
  kRetryOnRetriableStatusCodes = 1u << 8,
  kRetryOnGrpcCancelled = 1u << 9,
  kRetryOnGrpcDeadlineExceeded = 1u << 10,
  kRetryOnGrpcInternal = 1u << 11,
  kRetryOnGrpcResourceExhausted = 1u << 12,
  kRetryOnGrpcUnavailable = 1u << 13,
};

struct RetryPolicy {
  uint32_t retry_on = 0;  // bits of RetryOn; 0: the policy only sets the timeouts
  uint32_t num_retries = 1;
  base::Duration per_try_timeout{0};
  base::Duration per_try_idle_timeout{0};
  std::vector<uint16_t> retriable_status_codes;  // with kRetryOnRetriableStatusCodes
  base::Duration back_off_base = std::chrono::milliseconds(25);
  base::Duration back_off_max = std::chrono::milliseconds(250);
};

struct RouteAction {
  std::string cluster;
  base::Duration timeout = std::chrono::seconds(15);  // end of request to end of response, all tries inside
  std::optional<base::Duration> idle_timeout;         // none: the connection manager's stream_idle_timeout
  std::optional<base::Duration> max_stream_duration;  // none: the connection manager's
  std::optional<RetryPolicy> retry_policy;
  Priority priority = Priority::kDefault;
};

struct DirectResponse {
  uint16_t status = 200;
  std::string body;
};

struct Route {
  std::string name;
  match::RequestMatcher match;
  std::variant<RouteAction, DirectResponse> action;
  FilterOverrides filter_overrides;
};

// One entry of `domains`: what a Host is compared with, the star taken off and in lower case. Exact comes first, then
// the longest suffix, the longest prefix, any.
struct Domain {
  enum class Kind : uint8_t { kExact, kSuffix, kPrefix, kAny };

  Kind kind = Kind::kExact;
  std::string text;

  bool operator==(const Domain&) const = default;
};

struct VirtualHost {
  std::string name;
  std::vector<Domain> domains;  // each unique in the table
  std::vector<Route> routes;
  FilterOverrides filter_overrides;  // where the route has none
};

struct RouteConfig {
  std::string name;
  std::vector<VirtualHost> virtual_hosts;
  FilterOverrides filter_overrides;  // where neither route nor virtual host has any
  bool ignore_port_in_host_matching = false;
};

}  // namespace pillion::config
