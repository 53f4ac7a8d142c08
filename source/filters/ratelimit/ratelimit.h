#pragma once

// The ratelimit filter: a service that counts for many proxies says whether a request passes.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/config/header_edits.h"
#include "source/config/http_filter_type.h"
#include "source/config/rate_limit.h"
#include "source/filter/descriptors.h"
#include "source/filter/http_filter.h"
#include "source/match/fraction.h"

namespace pillion::filters::ratelimit {

// Whose requests are limited: by x-envoy-internal.
enum class Requests : uint8_t { kAll, kInternal, kExternal };

struct Settings {
  std::string domain;
  uint32_t stage = 0;  // of the rules of routes and virtual hosts
  Requests requests = Requests::kAll;
  config::RateLimitRules rules;  // its own; none: those
  // The service.
  std::string cluster;
  std::string authority;
  std::vector<std::pair<std::string, std::string>> metadata;  // names in lower case
  base::Duration timeout = std::chrono::milliseconds(20);     // of a call; zero: none
  // What becomes of its answers.
  match::RuntimeFraction enabled;
  match::RuntimeFraction enforced;
  match::RuntimeFraction denied_on_error;
  int status = 429;
  int error_status = 500;
  bool resource_exhausted = false;  // in gRPC, else what belongs to `status`
  bool figures = false;             // x-ratelimit-* in answers
  bool says_limited = true;         // x-envoy-ratelimited
  config::HeaderEdits response;     // of its answers to who is over a limit
  std::string stat_prefix;
};

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }

  std::optional<filter::Feature> feature() const override { return filter::Feature::kLimit; }
  uint32_t hooks() const override { return filter::kRequestHead | filter::kResponseHead | filter::kEnd; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
};

// What a route says otherwise.
struct RouteConfig final : config::FilterConfig {
  std::string domain;            // empty: the filter's
  config::RateLimitRules rules;  // instead of all others; none: those
  filter::HostRateLimits host_rules = filter::HostRateLimits::kInstead;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::ratelimit
