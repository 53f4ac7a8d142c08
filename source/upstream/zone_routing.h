#pragma once

// How many of a cluster's requests stay in the zone of this proxy, so that the hosts of all zones get the same: as many as
// its own hosts take, given how many proxies are in the zone; the rest goes to zones that have more hosts than proxies ask
// for. As Envoy computes it. Immutable, of one worker; where hosts of either cluster change it is made anew.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "source/base/random.h"
#include "source/config/load_balancing.h"
#include "source/upstream/cluster_stats.h"
#include "source/upstream/host_set.h"

namespace pillion::upstream {

class ZoneRouting {
 public:
  // Null where requests go to any zone. `hosts` are the cluster's of the first priority, `local` the proxies'.
  static std::unique_ptr<const ZoneRouting> Make(const config::ZoneAware& config, const PriorityHosts& hosts,
                                                 const PriorityHosts& local, ClusterStats& stats);

  // The localities of `hosts` in the order of the numbers that Pick() gives: the own one first, if it is there.
  const std::vector<const LocalityHosts*>& localities() const { return localities_; }

  size_t Pick(base::Random& random, ClusterStats& stats) const;

 private:
  ZoneRouting() = default;

  std::vector<const LocalityHosts*> localities_;
  bool all_local_ = false;
  uint64_t local_share_ = 0;        // of 10000
  std::vector<uint64_t> capacity_;  // of each locality, with that of those before it
};

}  // namespace pillion::upstream
