#include "source/upstream/host_set.h"

#include <algorithm>
#include <cmath>

#include "source/upstream/lanes.h"
#include "source/upstream/subsets.h"

namespace pillion::upstream {
namespace {

// min(100, overprovisioned part / all), in whole percent as Envoy rounds it.
uint32_t Health(uint32_t overprovisioning_percent, uint64_t part, uint64_t all) {
  return all == 0 ? 0 : static_cast<uint32_t>(std::min<uint64_t>(100, overprovisioning_percent * part / all));
}

double EffectiveWeight(uint32_t overprovisioning_percent, const LocalityHosts& locality, size_t eligible) {
  const size_t counted = locality.hosts.size() - locality.excluded;
  if (counted == 0) return 0;
  const double available = static_cast<double>(eligible) / static_cast<double>(counted);
  return locality.weight * std::min(1.0, overprovisioning_percent / 100.0 * available);
}

template <typename Group>
void Add(Group& group, const std::shared_ptr<Host>& host) {
  group.hosts.push_back(host);
  if ((host->flags() & kExcludingFlags) != 0) ++group.excluded;
  const HostHealth health = host->health();
  if (health == HostHealth::kHealthy) group.healthy.push_back(host);
  if (health == HostHealth::kDegraded) group.degraded.push_back(host);
}

uint64_t Weight(const Hosts& hosts) {
  uint64_t sum = 0;
  for (const std::shared_ptr<Host>& host : hosts) sum += host->weight();
  return sum;
}

// By the part of each locality's hosts that are in `some`; rounded, as Envoy has it.
void ScaleWeights(PriorityHosts& some, const PriorityHosts& whole) {
  for (LocalityHosts& locality : some.localities) {
    const auto all = std::ranges::find(whole.localities, locality.locality, &LocalityHosts::locality);
    if (all == whole.localities.end()) continue;
    const double part = static_cast<double>(locality.hosts.size()) / static_cast<double>(all->hosts.size());
    locality.weight = static_cast<uint32_t>(std::lround(part * locality.weight));
  }
}

void Finish(PriorityHosts& priority, const config::AssignmentPolicy& policy) {
  const uint32_t factor = policy.overprovisioning_percent;
  if (policy.weighted_priority_health) {
    uint64_t all = 0;
    for (const std::shared_ptr<Host>& host : priority.hosts) {
      if ((host->flags() & kExcludingFlags) == 0) all += host->weight();
    }
    priority.health = Health(factor, Weight(priority.healthy), all);
    priority.degraded_health = Health(factor, Weight(priority.degraded), all);
  } else {
    const size_t all = priority.hosts.size() - priority.excluded;
    priority.health = Health(factor, priority.healthy.size(), all);
    priority.degraded_health = Health(factor, priority.degraded.size(), all);
  }
  for (LocalityHosts& locality : priority.localities) {
    locality.healthy_weight = EffectiveWeight(factor, locality, locality.healthy.size());
    locality.degraded_weight = EffectiveWeight(factor, locality, locality.degraded.size());
  }
}

// Gives each priority its part of `left`, in the order of their numbers. Returns the first one that can take any, or -1.
int Distribute(const std::vector<uint32_t>& health, uint32_t total_health, uint32_t& left,
               std::vector<PriorityLoad::Share>& shares, uint32_t PriorityLoad::Share::*part) {
  int first = -1;
  for (size_t i = 0; i < health.size(); ++i) {
    if (first < 0 && health[i] > 0) first = static_cast<int>(i);
    shares[i].*part = std::min(left, health[i] * 100 / total_health);
    left -= shares[i].*part;
  }
  return first;
}

// All are in panic: in proportion to their hosts.
void DistributeInPanic(const Priorities& priorities, std::vector<PriorityLoad::Share>& shares) {
  size_t all = 0;
  for (const PriorityHosts* priority : priorities) all += priority->hosts.size();
  if (all == 0) {
    shares[0].healthy = 100;  // where there is none to be found
    return;
  }
  uint32_t left = 100;
  int first = -1;
  for (size_t i = 0; i < priorities.size(); ++i) {
    const size_t hosts = priorities[i]->hosts.size();
    if (first < 0 && hosts > 0) first = static_cast<int>(i);
    shares[i].healthy = static_cast<uint32_t>(100 * hosts / all);
    shares[i].degraded = 0;
    left -= shares[i].healthy;
  }
  shares[static_cast<size_t>(first)].healthy += left;
}

}  // namespace

HostSet MakeHostSet(Hosts hosts, const config::LoadBalancing& config, const config::AssignmentPolicy& policy,
                    const std::vector<PriorityHosts>* whole) {
  HostSet set;
  std::stable_sort(hosts.begin(), hosts.end(), [](const std::shared_ptr<Host>& a, const std::shared_ptr<Host>& b) {
    return a->priority() < b->priority();
  });
  set.priorities.resize(hosts.empty() ? 1 : hosts.back()->priority() + 1);
  for (const std::shared_ptr<Host>& host : hosts) {
    PriorityHosts& priority = set.priorities[host->priority()];
    Add(priority, host);
    auto locality = std::find_if(priority.localities.begin(), priority.localities.end(),
                                 [&](const LocalityHosts& each) { return each.locality == host->locality(); });
    if (locality == priority.localities.end()) {
      locality = priority.localities.emplace(priority.localities.end());
      locality->locality = host->locality();
      locality->weight = host->locality_weight();
    }
    Add(*locality, host);
  }
  for (size_t i = 0; whole != nullptr && i < set.priorities.size(); ++i) ScaleWeights(set.priorities[i], (*whole)[i]);
  for (PriorityHosts& priority : set.priorities) Finish(priority, policy);
  set.drop = policy.drop;
  set.load = DistributeLoad(PrioritiesOf(set), {}, config.panic_threshold);
  for (size_t i = 0; config.hashes() && i < set.priorities.size(); ++i) {
    set.priorities[i].table = std::make_shared<HashTable>(config, set.priorities[i], set.load.shares[i].panic);
  }
  set.hosts = std::move(hosts);
  if (config.subsets != nullptr) {
    set.subsets = std::make_shared<Subsets>(set.hosts, config, policy, &set.priorities);
  }
  if (config.host_override != nullptr) {
    auto by_address = std::make_shared<HostsByAddress>();
    for (const std::shared_ptr<Host>& host : set.hosts) by_address->emplace(host->address_text(), host);
    set.by_address = std::move(by_address);
  }
  if (config.lanes != nullptr) set.lanes = std::make_shared<Lanes>(set.hosts, config, policy);
  return set;
}

Priorities PrioritiesOf(const HostSet& set) {
  Priorities priorities;
  for (const PriorityHosts& priority : set.priorities) priorities.push_back(&priority);
  return priorities;
}

bool InPanic(const PriorityHosts& priority, double threshold) {
  const size_t counted = priority.hosts.size() - priority.excluded;
  if (counted == 0) return threshold > 0;
  const double available = static_cast<double>(priority.healthy.size() + priority.degraded.size());
  return 100.0 * available / static_cast<double>(counted) < threshold;
}

// Healthy ones before degraded ones, as Envoy has it.
PriorityChoice ChoosePriority(const PriorityLoad& load, uint64_t percent) {
  uint64_t below = 0;
  for (const bool degraded : {false, true}) {
    for (uint32_t i = 0; i < load.shares.size(); ++i) {
      below += degraded ? load.shares[i].degraded : load.shares[i].healthy;
      if (percent < below) return {i, degraded};
    }
  }
  return {};
}

PriorityLoad DistributeLoad(const Priorities& priorities, const std::vector<bool>& left_out, double panic_threshold) {
  using Share = PriorityLoad::Share;
  std::vector<uint32_t> healthy(priorities.size());
  std::vector<uint32_t> degraded(priorities.size());
  uint32_t total = 0;
  for (size_t i = 0; i < priorities.size(); ++i) {
    if (i < left_out.size() && left_out[i]) continue;
    healthy[i] = priorities[i]->health;
    degraded[i] = priorities[i]->degraded_health;
    total += healthy[i] + degraded[i];
  }
  total = std::min<uint32_t>(total, 100);

  PriorityLoad load;
  load.shares.resize(priorities.size());
  if (total > 0) {
    uint32_t left = 100;
    const int first_healthy = Distribute(healthy, total, left, load.shares, &Share::healthy);
    const int first_degraded = Distribute(degraded, total, left, load.shares, &Share::degraded);
    // What rounding has left over.
    if (first_healthy >= 0) {
      load.shares[static_cast<size_t>(first_healthy)].healthy += left;
    } else {
      load.shares[static_cast<size_t>(first_degraded)].degraded += left;
    }
  } else if (panic_threshold == 0) {
    load.shares[0].healthy = 100;  // where there is none to be found
    return load;
  }
  bool all_in_panic = true;
  for (size_t i = 0; i < priorities.size(); ++i) {
    load.shares[i].panic = total < 100 && InPanic(*priorities[i], panic_threshold);
    all_in_panic = all_in_panic && load.shares[i].panic;
  }
  if (all_in_panic) DistributeInPanic(priorities, load.shares);
  return load;
}

}  // namespace pillion::upstream
