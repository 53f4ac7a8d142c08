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

const std::shared_ptr<Host>& SubsetBalancer::Pick(const PickContext& context) {
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
