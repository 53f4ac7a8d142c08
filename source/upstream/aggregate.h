#pragma once

// Chooses among the clusters of an aggregate, on one worker: the priorities of all of them, those of one behind those of the
// one before, get requests as those of one cluster do; then the cluster that has the chosen one chooses its host.
// Priorities without any host are left out; of a cluster that has lanes its baseline's count. Owned by the aggregate's
// shard; keeps the others.

#include <cstdint>
#include <optional>
#include <vector>

#include "source/base/random.h"
#include "source/event/shared.h"
#include "source/upstream/balancer.h"
#include "source/upstream/host_set.h"

namespace pillion::upstream {

class ClusterShard;

class Aggregate {
 public:
  Aggregate(const config::LoadBalancing& config, base::Random& random);
  ~Aggregate();

  void SetMembers(std::vector<event::Kept<ClusterShard>> members);
  // Those of a member have changed.
  void OnHostsChanged();

  struct Choice {
    ClusterShard* cluster;
    PriorityChoice priority;  // of that cluster
    uint32_t level;           // of all of them
  };
  // None where no cluster has a host.
  std::optional<Choice> Choose(const PickContext& context) const;

  // Where a request goes that has a colour; null: where it would go without.
  ClusterShard* WithLane(const PickContext& context) const;
  // Of a cluster's priority, among all of them.
  uint32_t LevelOf(const ClusterShard& cluster, uint32_t priority) const;

 private:
  struct Level {
    ClusterShard* cluster;
    uint32_t priority;
  };

  const config::LoadBalancing& config_;
  base::Random& random_;
  std::vector<event::Kept<ClusterShard>> members_;
  std::vector<Level> levels_;
  Priorities priorities_;  // of the levels
  PriorityLoad load_;
};

// The load where some priorities shall not be: as `load`, when none of the others has any host to give.
PriorityLoad LoadWithout(const Priorities& priorities, const std::vector<bool>& left_out, const PriorityLoad& load,
                         double panic_threshold);

}  // namespace pillion::upstream
