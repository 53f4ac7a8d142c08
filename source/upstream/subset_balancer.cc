#include "source/upstream/subset_balancer.h"

#include "source/upstream/subset_choice.h"

namespace pillion::upstream {
namespace {

const std::shared_ptr<Host> kNoHost;

}  // namespace

void SubsetBalancer::SetSubsets(const Subsets& subsets) {
  subsets_ = &subsets;
  balancers_.clear();
  balancers_.resize(subsets.sets.size());
}

const std::shared_ptr<Host>& SubsetBalancer::Pick(const PickContext& context) {
  const SubsetChoice choice = ChooseSubset(*subsets_, *config_.subsets, context.criteria);
  if (choice.selected) {
    stats_.lb_subsets_selected.Increment();
    return PickFrom(choice.subset, context);
  }
  const std::shared_ptr<Host>& host = choice.subset == Subsets::kNone ? kNoHost : PickFrom(choice.subset, context);
  if (host != nullptr) stats_.lb_subsets_fallback.Increment();
  if (host != nullptr || !choice.may_panic) return host;
  stats_.lb_subsets_fallback_panic.Increment();
  return PickFrom(subsets_->any, context);
}

const std::shared_ptr<Host>& SubsetBalancer::PickFrom(size_t subset, const PickContext& context) {
  std::unique_ptr<Balancer>& balancer = balancers_[subset];
  if (balancer == nullptr) [[unlikely]] {
    balancer = std::make_unique<Balancer>(config_, parts_);
    balancer->SetHosts(subsets_->sets[subset]);
  }
  return balancer->Pick(context);
}

}  // namespace pillion::upstream
