#include "source/upstream/lane_stats.h"

#include <algorithm>
#include <iterator>

namespace pillion::upstream {

LaneStatIds::LaneStatIds(stats::Registry& registry, std::string_view stat_name)
    : scope_(registry, stats::Prefix("cluster").Add(stats::kClusterName, stat_name)),
      active_(*registry.control().gauge(scope_.AddGauge("lb_lanes_active"))),
      created_(*registry.control().counter(scope_.AddCounter("lb_lanes_created"))),
      removed_(*registry.control().counter(scope_.AddCounter("lb_lanes_removed"))) {
#define X(name) name = scope_.AddCounter(#name);
  PILLION_LANE_COUNTERS(X)
#undef X
}

void LaneStatIds::Update(const std::vector<std::string>& names) {
  if (names == names_) return;
  std::vector<std::string> others;
  std::ranges::set_difference(names, names_, std::back_inserter(others));
  created_.Add(others.size());
  others.clear();
  std::ranges::set_difference(names_, names, std::back_inserter(others));
  removed_.Add(others.size());
  active_.Set(static_cast<int64_t>(names.size()));
  names_ = names;
}

LaneStats LaneStats::Of(const LaneStatIds& ids, stats::Shard& shard) {
#define X(name) *shard.counter(ids.name),
  return {PILLION_LANE_COUNTERS(X)};
#undef X
}

}  // namespace pillion::upstream
