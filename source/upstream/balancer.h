#pragma once

// Chooses the next host of a cluster, on one worker: first the priority and whether its healthy or its degraded hosts,
// as the set's load says; then, where localities are weighted, the locality; then by the cluster's policy.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "source/base/random.h"
#include "source/config/load_balancing.h"
#include "source/stats/cell.h"
#include "source/upstream/host_set.h"
#include "source/upstream/rotation.h"

namespace pillion::upstream {

// What a choice depends on beside the hosts. Made for each choice, on the stack.
struct PickContext {
  std::optional<uint64_t> hash;  // of the request, by the route's hash policies
};

class Balancer {
 public:
  // What is given outlives the balancer. `panics` counts choices among hosts whose health is not heeded.
  Balancer(const config::LoadBalancing& config, base::Random& random, stats::Counter& panics);

  // The hosts to choose from now. The caller keeps the set until the next call.
  void SetHosts(const HostSet& set);

  // Null when there is none. The pointer is one of the set's.
  const std::shared_ptr<Host>& Pick(const PickContext& context) {
    if (only_ != nullptr) [[likely]] return only_->Pick();
    return PickAmongSources(context);
  }

 private:
  // A part of the hosts that gets a part of the requests.
  struct Source {
    uint32_t up_to;  // of 100: it gets what is above the one before
    bool panic;
    std::vector<Rotation> rotations;  // one, or one for each locality
    Turns localities;                 // empty: the first rotation
    std::vector<double> locality_costs;
  };

  void AddSource(const PriorityHosts& priority, uint32_t share, bool degraded, bool panic);
  const std::shared_ptr<Host>& PickAmongSources(const PickContext& context);

  const config::LoadBalancing& config_;
  base::Random& random_;
  stats::Counter& panics_;
  std::vector<Source> sources_;
  Rotation* only_ = nullptr;  // of the only source, where that is all
};

}  // namespace pillion::upstream
