#include "source/upstream/subset_balancer.h"

#include "source/upstream/subset_choice.h"

namespace pillion::upstream {
namespace {

const std::shared_ptr<Host> kNoHost;

}  // namespace

void SubsetBalancer::SetSubsets(const Subsets& subsets) {
  subsets_ = &subsets;
  balancers_.SetSets(subsets.sets);
}

// Each of the list over what else is asked for, until one has a host.
const std::shared_ptr<Host>& SubsetBalancer::PickAlternative(const PickContext& context) {
  PickContext within = context;
  for (size_t i = 0; i < context.criteria.alternatives_count; ++i) {
    const CriteriaOver merged(context.criteria, context.criteria.alternatives[i]);
    within.criteria = merged.view();
    const std::shared_ptr<Host>& host = PickBy(within);
    if (host != nullptr) return host;
  }
  return kNoHost;
}

const std::shared_ptr<Host>& SubsetBalancer::PickBy(const PickContext& context) {
  const SubsetChoice choice = ChooseSubset(*subsets_, config_, context.criteria);
  if (choice.selected) {
    stats_.lb_subsets_selected.Increment();
    return balancers_.Pick(choice.subset, context);
  }
  const bool none = choice.subset == Subsets::kNone;
  const std::shared_ptr<Host>& host = none ? kNoHost : balancers_.Pick(choice.subset, context);
  if (host != nullptr && !choice.of_selector) stats_.lb_subsets_fallback.Increment();
  if (host != nullptr || !choice.may_panic) return host;
  const std::shared_ptr<Host>& any = balancers_.Pick(subsets_->any, context);
  if (any != nullptr) stats_.lb_subsets_fallback_panic.Increment();
  return any;
}

}  // namespace pillion::upstream
