#include "source/upstream/rotation.h"

#include <algorithm>
#include <cmath>

namespace pillion::upstream {

using Policy = config::LoadBalancing::Policy;

Rotation::Rotation(const config::LoadBalancing& config, base::Random& random,
                   std::span<const std::shared_ptr<Host>> hosts)
    : config_(&config), random_(&random), hosts_(hosts) {
  if (hosts_.empty()) return;
  if (config.policy != Policy::kRoundRobin && config.policy != Policy::kLeastRequest) return;
  next_ = random.Below(hosts_.size());
  const bool equal_weights = std::all_of(hosts_.begin(), hosts_.end(), [&](const std::shared_ptr<Host>& host) {
    return host->weight() == hosts_.front()->weight();
  });
  if (equal_weights) {
    in_turn_ = config.policy == Policy::kRoundRobin;
    return;
  }
  for (size_t i = 0; i < hosts_.size(); ++i) turns_.Add(i, Cost(*hosts_[i]), random);
  turns_.Sort();
}

const std::shared_ptr<Host>& Rotation::PickOtherwise() {
  static const std::shared_ptr<Host> kNone;
  if (hosts_.empty()) return kNone;
  if (!turns_.empty()) return hosts_[turns_.Pick([this](size_t i) { return Cost(*hosts_[i]); })];
  return hosts_[config_->policy == Policy::kLeastRequest ? PickLeastOfSome() : random_->Below(hosts_.size())];
}

size_t Rotation::PickLeastOfSome() {
  size_t best = random_->Below(hosts_.size());
  if (hosts_.size() == 1) return best;
  uint64_t fewest = hosts_[best]->Sum(HostFigures::kRqActive);
  for (uint32_t i = 1; i < config_->least_request_choices; ++i) {
    const size_t other = random_->Below(hosts_.size());
    const uint64_t active = hosts_[other]->Sum(HostFigures::kRqActive);
    if (active >= fewest) continue;
    best = other;
    fewest = active;
  }
  return best;
}

double Rotation::Cost(const Host& host) const {
  const double weight = host.weight();
  if (config_->policy != Policy::kLeastRequest) return 1 / weight;
  const double requests = static_cast<double>(host.Sum(HostFigures::kRqActive) + 1);
  return (config_->active_request_bias == 1.0 ? requests : std::pow(requests, config_->active_request_bias)) / weight;
}

}  // namespace pillion::upstream
