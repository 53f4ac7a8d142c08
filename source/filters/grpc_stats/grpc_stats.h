#pragma once

// The grpc_stats filter: counts gRPC calls and their messages, by cluster and method.

#include <memory>
#include <set>
#include <string>

#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::grpc_stats {

struct Settings {
  bool all_methods = false;
  std::set<std::string, std::less<>> methods;  // "/service/method"; if not all
  bool filter_state = false;
  bool upstream_time = false;
  bool replace_dots = false;  // of services
};

class Config final : public filter::HttpFilterConfig {
 public:
  // Counters that one worker has for methods of their own: peers may ask for whatever they like.
  static constexpr size_t kMostMethods = 500;

  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }

  uint32_t hooks() const override {
    return filter::kRequestHead | filter::kRequestData | filter::kResponseHead | filter::kResponseData |
           filter::kResponseTrailers | filter::kEnd;
  }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::grpc_stats
