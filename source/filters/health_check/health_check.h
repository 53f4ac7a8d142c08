#pragma once

// The health_check filter: answers health checks for this process, or passes them on and keeps the answer for a while.

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/match/header_matcher.h"

namespace pillion::filters::health_check {

struct Settings {
  bool pass_through = false;
  base::Duration cache_time{0};                           // of what was passed through; zero: it is not kept
  std::vector<std::pair<std::string, double>> clusters;  // and how many percent of their hosts must be healthy
  std::vector<match::HeaderMatcher> headers;              // all must match
  std::string service_cluster;                            // of this process
};

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }

  // The last answer, shared by the workers. 0: there is none, or it is too old.
  int CachedStatus(base::MonotonicTime now) const;
  void Cache(int status, base::MonotonicTime now) const;

  uint32_t hooks() const override { return filter::kRequestHead | filter::kResponseHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
  mutable std::atomic<int> cached_status_ = 0;
  mutable std::atomic<int64_t> cached_until_ = 0;  // nanoseconds
};

config::HttpFilterType Type();

}  // namespace pillion::filters::health_check
