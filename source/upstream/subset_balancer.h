#pragma once

// Chooses the next host of a cluster that has subsets, on one worker: the subset that the request's criteria name, or
// what the fallback says; within it by a balancer as any.

#include <memory>
#include <vector>

#include "source/upstream/balancer.h"
#include "source/upstream/cluster_stats.h"
#include "source/upstream/subsets.h"

namespace pillion::upstream {

class SubsetBalancer {
 public:
  SubsetBalancer(const config::LoadBalancing& config, const BalancerParts& parts)
      : config_(config), parts_(parts), stats_(parts.stats) {}

  // The caller keeps the subsets until the next call.
  void SetSubsets(const Subsets& subsets);

  const std::shared_ptr<Host>& Pick(const PickContext& context);

 private:
  const std::shared_ptr<Host>& PickFrom(size_t subset, const PickContext& context);

  const config::LoadBalancing& config_;
  const BalancerParts parts_;
  ClusterStats& stats_;
  const Subsets* subsets_ = nullptr;
  std::vector<std::unique_ptr<Balancer>> balancers_;  // by subset; made when first asked
};

}  // namespace pillion::upstream
