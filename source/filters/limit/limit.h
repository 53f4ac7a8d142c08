#pragma once

// The filter pillion.filters.http.limit: requests are admitted as rules say, each a window, a bucket or both for each value
// of a key. How much a limit admits is source/limit/'s; here its rules meet the stream.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/http_filter_type.h"
#include "source/expression/program.h"
#include "source/filter/http_filter.h"
#include "source/filters/limit/state.h"
#include "source/filters/limit/waiting_room.h"
#include "source/filters/rules/answer.h"
#include "source/filters/rules/route_settings.h"

namespace pillion::filters::limit_rules {

using Expression = std::shared_ptr<const expression::Program>;
using rules::Answer;
using rules::Degrade;

struct Dimension {
  std::string name;
  Expression value;
  std::optional<std::string> otherwise;
};

enum class CostOf : uint8_t { kRequests, kRequestBytes, kResponseBytes };

struct Queue {
  std::shared_ptr<WaitingRoom> room;
  Expression priority;             // null: as it was noted
  std::vector<Dimension> fair_by;  // of a rule that has a key none
};

struct Rule {
  std::string name;
  Expression when;  // null: always
  std::vector<Dimension> key;
  Expression cost;  // null: 1
  CostOf cost_of = CostOf::kRequests;
  std::shared_ptr<State> state;
  bool dry_run = false;
  Answer reject;
  std::optional<Degrade> degrade;
  std::optional<Queue> queue;
  std::string policy;  // the value of RateLimit-Policy
};

enum class Fields : uint8_t { kRefused, kAlways, kNever };

struct Settings {
  std::vector<Rule> rules;
  bool first_decides = false;  // else all have to admit
  Fields fields = Fields::kRefused;
  bool shows_values = false;
};

using RouteSettings = rules::RouteSettings<Settings, std::vector<Rule>>;
using RouteConfig = filter::RouteConfig<RouteSettings>;
using InForce = rules::InForce<Settings, std::vector<Rule>>;

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

config::HttpFilterType Type();

}  // namespace pillion::filters::limit_rules
