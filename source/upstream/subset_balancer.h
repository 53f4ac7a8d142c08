#pragma once

// Chooses the next host of a cluster that has subsets, on one worker: the subset that the request's criteria name, or
// what the fallback says; within it by a balancer as any.

#include "source/upstream/cluster_stats.h"
#include "source/upstream/set_balancers.h"
#include "source/upstream/subsets.h"

namespace pillion::upstream {

class SubsetBalancer {
 public:
  SubsetBalancer(const config::LoadBalancing& config, const BalancerParts& parts)
      : config_(*config.subsets), within_(Within(config)), stats_(parts.stats), balancers_(within_, parts) {}

  // The caller keeps the subsets until the next call.
  void SetSubsets(const Subsets& subsets);

  const std::shared_ptr<Host>& Pick(const PickContext& context) {
    if (config_.fallback_list && context.criteria.alternatives != nullptr) [[unlikely]] return PickAlternative(context);
    return PickBy(context);
  }

 private:
  const std::shared_ptr<Host>& PickBy(const PickContext& context);
  const std::shared_ptr<Host>& PickAlternative(const PickContext& context);

  const config::SubsetConfig& config_;
  const config::LoadBalancing within_;
  ClusterStats& stats_;
  const Subsets* subsets_ = nullptr;
  SetBalancers balancers_;
};

}  // namespace pillion::upstream
