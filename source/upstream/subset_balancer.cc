#include "source/upstream/subset_balancer.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"

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
  const config::LbCriteriaView& criteria = context.criteria;
  if (!criteria.empty()) {
    if (const size_t subset = subsets_->Find(criteria.text); subset != Subsets::kNone) {
      stats_.lb_subsets_selected.Increment();
      return PickFrom(subset, context);
    }
    const config::SubsetConfig::Selector* const selector = FindSelector(criteria.keys);
    if (selector != nullptr && selector->fallback == Fallback::kFewerKeys) return PickByFewerKeys(*selector, context);
    if (selector != nullptr && selector->fallback != Fallback::kClusters) return FallBack(selector->fallback, context);
  }
  const std::shared_ptr<Host>& host = FallBack(config_.subsets->fallback, context);
  if (host != nullptr || !config_.subsets->panic_mode_any || subsets_->any == Subsets::kNone) return host;
  if (config_.subsets->fallback == Fallback::kNone) return host;
  stats_.lb_subsets_fallback_panic.Increment();
  return PickFrom(subsets_->any, context);
}

const std::shared_ptr<Host>& SubsetBalancer::FallBack(Fallback fallback, const PickContext& context) {
  size_t subset = Subsets::kNone;
  if (fallback == Fallback::kAnyHost) subset = subsets_->any;
  if (fallback == Fallback::kDefaultSubset) subset = subsets_->default_set;
  if (subset == Subsets::kNone) return kNoHost;
  const std::shared_ptr<Host>& host = PickFrom(subset, context);
  if (host != nullptr) stats_.lb_subsets_fallback.Increment();
  return host;
}

const std::shared_ptr<Host>& SubsetBalancer::PickByFewerKeys(const config::SubsetConfig::Selector& selector,
                                                             const PickContext& context) {
  // Their number and length is up to the configuration: short ones take no memory.
  absl::InlinedVector<char, 512> text;
  for (const config::LbCriteriaView::Part& part : context.criteria.parts) {
    if (!std::binary_search(selector.fallback_keys.begin(), selector.fallback_keys.end(), part.key)) continue;
    text.insert(text.end(), part.text.begin(), part.text.end());
  }
  const size_t subset = subsets_->Find({text.data(), text.size()});
  if (subset != Subsets::kNone) {
    stats_.lb_subsets_selected.Increment();
    return PickFrom(subset, context);
  }
  const config::SubsetConfig::Selector* const next =
      FindSelector(config::LbCriteria::KeysText(selector.fallback_keys));
  if (next != nullptr && next->fallback == Fallback::kFewerKeys) return PickByFewerKeys(*next, context);
  return FallBack(next == nullptr || next->fallback == Fallback::kClusters ? config_.subsets->fallback : next->fallback,
                  context);
}

const config::SubsetConfig::Selector* SubsetBalancer::FindSelector(std::string_view keys) const {
  for (const config::SubsetConfig::Selector& selector : config_.subsets->selectors) {
    if (selector.keys_text == keys) return &selector;
  }
  return nullptr;
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
