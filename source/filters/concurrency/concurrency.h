#pragma once

// The filters pillion.filters.http.concurrency and envoy.filters.http.adaptive_concurrency: as many requests in flight as
// upstream can do at once, and the least important ones refused beyond. How many that are, is learned in
// source/limit/concurrency.h; here it meets the stream.

#include <memory>
#include <optional>
#include <string>

#include "source/config/http_filter_type.h"
#include "source/expression/program.h"
#include "source/filter/http_filter.h"
#include "source/limit/concurrency.h"
#include "source/runtime/key.h"

namespace pillion::filters::concurrency {

// What is different where the configuration is that of Envoy's adaptive_concurrency: its switch, its words, its names.
struct Adaptive {
  bool enabled = true;
  std::shared_ptr<const runtime::Key> key;  // null: that can't be changed
};

struct Settings {
  std::string name;
  bool per_cluster = false;
  limit::ConcurrencyEstimate::Terms terms;
  std::shared_ptr<const expression::Program> priority;  // null: there is none
  limit::Priority default_priority = limit::Priority::kNormal;
  int status = 503;
  std::string retry_after;  // empty: answers do not say it
  std::optional<Adaptive> adaptive;
};

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings);

  const Settings& settings() const { return settings_; }
  const std::string& key() const { return key_; }  // all with the same one share their limits

  std::optional<filter::Feature> feature() const override { return filter::Feature::kConcurrency; }
  uint32_t hooks() const override {
    return filter::kRequestHead | filter::kRequestData | filter::kRequestTrailers | filter::kAttempt |
           filter::kResponseHead | filter::kEnd;
  }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
  const std::string key_;
  // What is learned lasts from one worker to the next, and as long as some configuration names it.
  const std::shared_ptr<void> kept_;
};

// What a route says.
class RouteConfig final : public config::FilterConfig {
 public:
  RouteConfig(bool disabled, std::optional<limit::Priority> priority, std::shared_ptr<const Config> instead)
      : disabled_(disabled), priority_(priority), instead_(std::move(instead)) {}

  bool disabled() const { return disabled_; }
  std::optional<limit::Priority> priority() const { return priority_; }
  const Config* instead() const { return instead_.get(); }  // of the filter's; null: nothing

 private:
  const bool disabled_;
  const std::optional<limit::Priority> priority_;
  const std::shared_ptr<const Config> instead_;
};

config::HttpFilterType Type();
// envoy.filters.http.adaptive_concurrency.
config::HttpFilterType AdaptiveType();

}  // namespace pillion::filters::concurrency
