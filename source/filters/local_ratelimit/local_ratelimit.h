#pragma once

// The local_ratelimit filter: requests find a token in a bucket of this process, or are refused.

#include <memory>
#include <string>
#include <vector>

#include "source/config/header_edits.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/filters/local_ratelimit/descriptors.h"
#include "source/match/fraction.h"

namespace pillion::filters::local_ratelimit {

struct Settings {
  std::string stat_prefix;
  int status = 429;
  bool resource_exhausted = false;  // in gRPC, else what belongs to 429
  match::RuntimeFraction enabled;
  match::RuntimeFraction enforced;
  bool figures = false;           // x-ratelimit-* in answers
  config::HeaderEdits response;   // of its own answers
  config::HeaderEdits request;    // that would have been refused
  std::shared_ptr<limit::SharedBucket> bucket;  // null: there is none
  bool per_connection = false;     // each has buckets of its own; then, in the place of that bucket:
  std::shared_ptr<DescriptorLimit> connection_bucket;
  bool always_takes = true;       // from it, also where a descriptor has a bucket of its own
  config::RateLimitRules rules;   // its own; none: those of routes and virtual hosts
  uint32_t stage = 0;             // of those
  filter::HostRateLimits host_rules = filter::HostRateLimits::kInstead;
  std::vector<std::shared_ptr<DescriptorLimit>> descriptors;
};

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  // The buckets in it are shared by all workers, and by other versions of the configuration.
  const Settings& settings() const { return settings_; }

  std::optional<filter::Feature> feature() const override { return filter::Feature::kLimit; }
  uint32_t hooks() const override { return filter::kRequestHead | filter::kResponseHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::local_ratelimit
