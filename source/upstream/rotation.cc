#include "source/upstream/rotation.h"

#include <algorithm>
#include <cmath>

namespace pillion::upstream {

using Policy = config::LoadBalancing::Policy;

Rotation::Rotation(const config::LoadBalancing& config, const event::Worker& worker, base::Random& random,
                   std::span<const std::shared_ptr<Host>> hosts)
    : config_(&config), worker_(&worker), random_(&random), hosts_(hosts) {
  if (hosts_.empty()) return;
  if (config.policy != Policy::kRoundRobin && config.policy != Policy::kLeastRequest) return;
  next_ = random.Below(hosts_.size());
  const bool equal_weights = std::all_of(hosts_.begin(), hosts_.end(), [&](const std::shared_ptr<Host>& host) {
    return host->weight() == hosts_.front()->weight();
  });
  const bool slow_start = config.slow_start.window > base::Duration::zero();
  if (slow_start) {
    for (const std::shared_ptr<Host>& host : hosts_) host->Begin(worker.now());
  }
  if (equal_weights && !slow_start) {
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
  // More choices than there are hosts: each of them once.
  const bool all = config_->least_request_choices > hosts_.size();
  const size_t choices = all ? hosts_.size() : config_->least_request_choices;
  const size_t first = best;
  for (size_t i = 1; i < choices; ++i) {
    const size_t other = all ? (first + i) % hosts_.size() : random_->Below(hosts_.size());
    const uint64_t active = hosts_[other]->Sum(HostFigures::kRqActive);
    if (active >= fewest) continue;
    best = other;
    fewest = active;
  }
  return best;
}

double Rotation::Cost(const Host& host) const {
  const double weight = Weight(host);
  if (config_->policy != Policy::kLeastRequest) return 1 / weight;
  const double requests = static_cast<double>(host.Sum(HostFigures::kRqActive) + 1);
  return (config_->active_request_bias == 1.0 ? requests : std::pow(requests, config_->active_request_bias)) / weight;
}

double Rotation::Weight(const Host& host) const {
  const config::SlowStart& slow_start = config_->slow_start;
  if (slow_start.window == base::Duration::zero()) return host.weight();
  const base::Duration age = worker_->now() - host.begun();
  if (age >= slow_start.window) return host.weight();
  const double time = std::max(1e6, static_cast<double>(age.count())) / static_cast<double>(slow_start.window.count());
  const double part = slow_start.aggression == 1.0 ? time : std::pow(time, 1 / slow_start.aggression);
  return host.weight() * std::max({part, slow_start.min_weight_percent / 100, 1e-6});
}

}  // namespace pillion::upstream
