#pragma once

// The filter pillion.filters.http.degradation: requests for what fails, or is slow, are not made for a while, as rules say.
// When that is, is source/degradation/'s; here its breakers meet the stream.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/http_filter_type.h"
#include "source/expression/program.h"
#include "source/filter/http_filter.h"
#include "source/filters/degradation/state.h"
#include "source/filters/rules/answer.h"
#include "source/filters/rules/route_settings.h"

namespace pillion::filters::degradation_rules {

using Expression = std::shared_ptr<const expression::Program>;

// What has a breaker of its own.
struct Parts {
  bool route = false;
  bool cluster = false;
  bool lane = false;

  bool empty() const { return !route && !cluster && !lane; }
  friend bool operator==(const Parts&, const Parts&) = default;
  std::string Text() const;  // "route, lane"
};

struct Rule {
  std::string name;
  Expression when;    // null: always
  Expression errors;  // null: as docs have it
  bool by_latency = false;  // calls are judged by that alone
  std::optional<base::Duration> slow_over;
  Parts per;
  std::shared_ptr<State> state;
  bool dry_run = false;
  rules::Answer reject;
  std::optional<rules::Degrade> degrade;
};

enum class Fields : uint8_t { kNever, kRefused, kAlways };

struct Settings {
  std::vector<Rule> rules;
  Fields fields = Fields::kNever;
};

using RouteSettings = rules::RouteSettings<Settings, std::vector<Rule>>;
using RouteConfig = filter::RouteConfig<RouteSettings>;
using InForce = rules::InForce<Settings, std::vector<Rule>>;

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }

  std::optional<filter::Feature> feature() const override { return filter::Feature::kDegradation; }
  uint32_t hooks() const override {
    return filter::kRequestHead | filter::kRequestData | filter::kRequestTrailers | filter::kAttempt |
           filter::kResponseHead | filter::kEnd;
  }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::degradation_rules
