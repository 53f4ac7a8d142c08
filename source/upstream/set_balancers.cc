#include "source/upstream/set_balancers.h"

namespace pillion::upstream {

void SetBalancers::SetSets(const std::vector<HostSet>& sets) {
  sets_ = &sets;
  balancers_.clear();
  balancers_.resize(sets.size());
}

Balancer& SetBalancers::Make(size_t set) {
  balancers_[set] = std::make_unique<Balancer>(config_, parts_);
  balancers_[set]->SetHosts((*sets_)[set]);
  return *balancers_[set];
}

}  // namespace pillion::upstream
