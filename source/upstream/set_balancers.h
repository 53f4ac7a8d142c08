#pragma once

// The balancers of several host sets of a cluster, on one worker, each made when first asked.

#include <memory>
#include <vector>

#include "source/upstream/balancer.h"

namespace pillion::upstream {

class SetBalancers {
 public:
  SetBalancers(const config::LoadBalancing& config, const BalancerParts& parts) : config_(config), parts_(parts) {}

  // The caller keeps the sets until the next call.
  void SetSets(const std::vector<HostSet>& sets);

  const std::shared_ptr<Host>& Pick(size_t set, const PickContext& context) {
    const std::unique_ptr<Balancer>& balancer = balancers_[set];
    if (balancer != nullptr) [[likely]] return balancer->Pick(context);
    return Make(set).Pick(context);
  }

 private:
  Balancer& Make(size_t set);

  const config::LoadBalancing& config_;
  const BalancerParts parts_;
  const std::vector<HostSet>* sets_ = nullptr;
  std::vector<std::unique_ptr<Balancer>> balancers_;  // by set
};

}  // namespace pillion::upstream
