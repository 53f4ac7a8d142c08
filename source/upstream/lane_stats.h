#pragma once

// What is counted of a cluster that has lanes, under cluster.<stat_name>. Others have none of it.

#include <string>
#include <string_view>
#include <vector>

#include "source/stats/registry.h"

namespace pillion::upstream {

// Each worker's own: requests by where they went, and those that the lane itself could not take.
#define PILLION_LANE_COUNTERS(X) \
  X(lane_exact)                  \
  X(lane_fallback)               \
  X(lane_instead)                \
  X(lane_refused)                \
  X(lane_unhealthy)              \
  X(lane_full)                   \
  X(lane_baseline_on_lanes)

// Registered once by the main thread, which alone calls Update(); lives as long as the cluster.
class LaneStatIds {
 public:
  LaneStatIds(stats::Registry& registry, std::string_view stat_name);

  // The lanes that there are, by name and sorted.
  void Update(const std::vector<std::string>& names);

#define X(name) stats::CounterId name;
  PILLION_LANE_COUNTERS(X)
#undef X

 private:
  stats::Scope scope_;
  stats::Gauge& active_;
  stats::Counter& created_;
  stats::Counter& removed_;
  std::vector<std::string> names_;
};

// One worker's cells.
struct LaneStats {
  static LaneStats Of(const LaneStatIds& ids, stats::Shard& shard);

#define X(name) stats::Counter& name;
  PILLION_LANE_COUNTERS(X)
#undef X
};

}  // namespace pillion::upstream
