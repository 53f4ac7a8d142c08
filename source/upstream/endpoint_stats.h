#pragma once

// What is counted of each host of a cluster, as metrics: cluster.<stat_name>.endpoint.<address>.*, where the cluster asks
// for them. Member of the cluster, on the main thread; a host's metrics go with the host.

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "source/stats/registry.h"
#include "source/upstream/host_set.h"

namespace pillion::upstream {

class EndpointStats {
 public:
  EndpointStats(stats::Registry& registry, std::string stat_name)
      : registry_(registry), stat_name_(std::move(stat_name)) {}

  void Update(const Hosts& added, const Hosts& removed);

 private:
  stats::Registry& registry_;
  const std::string stat_name_;
  absl::flat_hash_map<const Host*, std::unique_ptr<stats::Scope>> scopes_;
};

}  // namespace pillion::upstream
