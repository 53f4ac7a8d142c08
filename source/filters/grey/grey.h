#pragma once

// The filter pillion.filters.http.grey: which lane a request is for. Its rules are source/grey/'s; here they meet the stream
// and the context that it carries.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/filters/grey/lanes.h"
#include "source/filters/grey/not_carried.h"
#include "source/filters/rules/route_settings.h"
#include "source/grey/rules.h"

namespace pillion::filters::grey_rules {

// Rules, and what those that match get.
struct RuleList {
  struct Terms {
    bool overrides = false;  // also what a trusted context says
    bool fails_closed = false;
  };

  grey::Rules rules;
  std::vector<Terms> terms;     // of the rules
  std::vector<Colour> colours;  // by the numbers that they give
  grey::Rules overriding;       // those that do, again
  std::vector<uint32_t> overriding_places;  // of these in `rules`
};

struct Settings {
  std::vector<std::string> keys;  // that a colour may have
  RuleList list;
  std::vector<Lane> lanes;
};

using RouteSettings = rules::RouteSettings<Settings, RuleList>;
using RouteConfig = filter::RouteConfig<RouteSettings>;
using InForce = rules::InForce<Settings, RuleList>;

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }
  NotCarriedOnce& not_carried() const { return not_carried_; }

  std::string Contradiction(const config::FilterConfig& of_route) const override;
  uint32_t hooks() const override;
  std::optional<filter::Feature> feature() const override { return filter::Feature::kGrey; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
  mutable NotCarriedOnce not_carried_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::grey_rules
