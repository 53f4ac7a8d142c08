#include "source/upstream/balancer.h"

#include <cmath>
#include <numeric>

namespace pillion::upstream {

namespace {

const std::shared_ptr<Host> kNoHost;

}  // namespace

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
  if (sources_.size() == 1 && !sources_[0].panic && sources_[0].rotations.size() == 1) {
    only_ = &sources_[0].rotations[0];
  }
}

void Balancer::AddSource(const PriorityHosts& priority, uint32_t share, bool degraded, bool panic) {
  const uint32_t before = sources_.empty() ? 0 : sources_.back().up_to;
  Source& source = sources_.emplace_back(Source{.up_to = before + share, .panic = panic, .rotations = {},
                                                .localities = {}, .locality_costs = {}});
  if (config_.hashes()) {
    source.table = priority.table.get();
    return;
  }
  if (panic) {
    source.rotations.emplace_back(config_, parts_.worker, parts_.random, priority.hosts);
    return;
  }
  if (config_.locality_weighted) {
    for (const LocalityHosts& locality : priority.localities) {
      const double weight = degraded ? locality.degraded_weight : locality.healthy_weight;
      if (weight <= 0) continue;
      source.localities.Add(source.rotations.size(), 1 / weight, parts_.random);
      source.locality_costs.push_back(1 / weight);
      source.rotations.emplace_back(config_, parts_.worker, parts_.random, degraded ? locality.degraded : locality.healthy);
    }
    if (!source.rotations.empty()) {
      source.localities.Sort();
      return;
    }
  }
  source.rotations.emplace_back(config_, parts_.worker, parts_.random, degraded ? priority.degraded : priority.healthy);
}

const std::shared_ptr<Host>& Balancer::PickAmongSources(const PickContext& context) {
  if (sources_.empty()) return kNoHost;
  Source* source = &sources_.front();
  // One number for both choices, as Envoy has it.
  const uint64_t hash = source->table != nullptr && context.hash ? *context.hash : parts_.random.Next();
  if (sources_.size() > 1) {
    const uint64_t percent = hash % 100;
    while (percent >= source->up_to && source != &sources_.back()) ++source;
  }
  if (source->panic) {
    parts_.panics.Increment();
    if (config_.fail_traffic_on_panic) return kNoHost;
  }
  if (source->table != nullptr) return PickByHash(*source->table, hash, context.attempt);
  if (source->localities.empty()) return source->rotations[0].Pick();
  const size_t locality =
      source->localities.Pick([source](size_t index) { return source->locality_costs[index]; });
  return source->rotations[locality].Pick();
}

const std::shared_ptr<Host>& Balancer::PickByHash(const HashTable& table, uint64_t hash, uint32_t attempt) {
  const HashTable::Member* const meant = table.Find(hash, attempt);
  if (meant == nullptr) return kNoHost;
  if (config_.hash_balance_percent == 0) return meant->host;
  const uint64_t all = uint64_t{parts_.breakers[0].requests.used()} + parts_.breakers[1].requests.used();
  double least = LoadOf(*meant, all);
  if (least < 1) return meant->host;
  // Steps that have no divisor in common with their number come by all of them.
  const std::vector<HashTable::Member>& members = table.members();
  base::Random order(hash);
  size_t at = order.Below(members.size());
  size_t step = 1 + order.Below(members.size());
  while (std::gcd(step, members.size()) != 1) ++step;
  const HashTable::Member* best = meant;
  for (size_t i = 0; i < members.size(); ++i, at = (at + step) % members.size()) {
    const double load = LoadOf(members[at], all);
    if (load >= least) continue;
    best = &members[at];
    if (load < 1) break;
    least = load;
  }
  return best->host;
}

double Balancer::LoadOf(const HashTable::Member& member, uint64_t all_requests) const {
  const double all = std::ceil(static_cast<double>(all_requests + 1) * config_.hash_balance_percent / 100);
  const double most = std::max(1.0, std::ceil(all * member.weight));
  return static_cast<double>(member.host->Sum(HostFigures::kRqActive)) / most;
}

}  // namespace pillion::upstream
