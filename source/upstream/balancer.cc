#include "source/upstream/balancer.h"

namespace pillion::upstream {

Balancer::Balancer(const config::LoadBalancing& config, base::Random& random, stats::Counter& panics)
    : config_(config), random_(random), panics_(panics) {}

void Balancer::SetHosts(const HostSet& set) {
  only_ = nullptr;
  sources_.clear();
  // A choice takes the first that its number is within: healthy ones before degraded ones, as Envoy has it.
  for (size_t i = 0; i < set.priorities.size(); ++i) {
    const PriorityLoad::Share& share = set.load.shares[i];
    if (share.healthy > 0) AddSource(set.priorities[i], share.healthy, false, share.panic);
  }
  for (size_t i = 0; i < set.priorities.size(); ++i) {
    const PriorityLoad::Share& share = set.load.shares[i];
    if (share.degraded > 0) AddSource(set.priorities[i], share.degraded, true, share.panic);
  }
  if (sources_.size() == 1 && !sources_[0].panic && sources_[0].localities.empty()) {
    only_ = &sources_[0].rotations[0];
  }
}

void Balancer::AddSource(const PriorityHosts& priority, uint32_t share, bool degraded, bool panic) {
  const uint32_t before = sources_.empty() ? 0 : sources_.back().up_to;
  Source& source = sources_.emplace_back(Source{.up_to = before + share, .panic = panic, .rotations = {},
                                                .localities = {}, .locality_costs = {}});
  if (panic) {
    source.rotations.emplace_back(config_, random_, priority.hosts);
    return;
  }
  if (config_.locality_weighted) {
    for (const LocalityHosts& locality : priority.localities) {
      const double weight = degraded ? locality.degraded_weight : locality.healthy_weight;
      if (weight <= 0) continue;
      source.localities.Add(source.rotations.size(), 1 / weight, random_);
      source.locality_costs.push_back(1 / weight);
      source.rotations.emplace_back(config_, random_, degraded ? locality.degraded : locality.healthy);
    }
    if (!source.rotations.empty()) {
      source.localities.Sort();
      return;
    }
  }
  source.rotations.emplace_back(config_, random_, degraded ? priority.degraded : priority.healthy);
}

const std::shared_ptr<Host>& Balancer::PickAmongSources(const PickContext& context) {
  static const std::shared_ptr<Host> kNone;
  if (sources_.empty()) return kNone;
  Source* source = &sources_.front();
  if (sources_.size() > 1) {
    const uint64_t number = context.hash ? *context.hash % 100 : random_.Below(100);
    while (number >= source->up_to && source != &sources_.back()) ++source;
  }
  if (source->panic) {
    panics_.Increment();
    if (config_.fail_traffic_on_panic) return kNone;
  }
  if (source->localities.empty()) return source->rotations[0].Pick();
  const size_t locality =
      source->localities.Pick([source](size_t index) { return source->locality_costs[index]; });
  return source->rotations[locality].Pick();
}

}  // namespace pillion::upstream
