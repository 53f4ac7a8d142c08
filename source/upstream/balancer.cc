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
  asked_for_.clear();
  set_ = &set;
  zones_ = nullptr;
  if (config_.zone_aware && parts_.proxies != nullptr) {
    zones_ = ZoneRouting::Make(*config_.zone_aware, set.priorities[0], parts_.proxies->priorities[0], parts_.stats);
  }
  // A choice takes the first that its number is within: healthy ones before degraded ones, as Envoy has it.
  for (const bool degraded : {false, true}) {
    for (uint32_t i = 0; i < set.priorities.size(); ++i) {
      const PriorityLoad::Share& share = set.load.shares[i];
      if ((degraded ? share.degraded : share.healthy) > 0) AddSource(i, degraded ? share.degraded : share.healthy, degraded);
    }
  }
  if (sources_.size() == 1 && !sources_[0].panic && sources_[0].rotations.size() == 1 && sources_[0].zones.empty()) {
    only_ = &sources_[0].rotations[0];
  }
}

void Balancer::AddSource(uint32_t priority, uint32_t share, bool degraded) {
  const uint32_t before = sources_.empty() ? 0 : sources_.back().up_to;
  sources_.push_back(MakeSource(priority, degraded));
  sources_.back().up_to = before + share;
}

Balancer::Source Balancer::MakeSource(uint32_t number, bool degraded) const {
  const PriorityHosts& priority = set_->priorities[number];
  Source source;
  source.panic = set_->load.shares[number].panic;
  if (config_.hashes()) {
    source.table = priority.table.get();
    return source;
  }
  if (source.panic) {
    source.rotations.emplace_back(config_, parts_.worker, parts_.random, priority.hosts);
    return source;
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
      return source;
    }
  }
  source.rotations.emplace_back(config_, parts_.worker, parts_.random, degraded ? priority.degraded : priority.healthy);
  if (number != 0 || zones_ == nullptr) return source;
  for (const LocalityHosts* locality : zones_->localities()) {
    source.zones.emplace_back(config_, parts_.worker, parts_.random, degraded ? locality->degraded : locality->healthy);
  }
  return source;
}

Balancer::Source* Balancer::SourceOf(const PriorityChoice& choice) {
  if (choice.priority >= set_->priorities.size()) return nullptr;  // a subset may have fewer
  asked_for_.resize(2 * set_->priorities.size());
  std::unique_ptr<Source>& source = asked_for_[2 * choice.priority + choice.degraded];
  if (source == nullptr) source = std::make_unique<Source>(MakeSource(choice.priority, choice.degraded));
  return source.get();
}

const std::shared_ptr<Host>& Balancer::PickAmongSources(const PickContext& context) {
  // One number for both choices, as Envoy has it.
  const uint64_t hash = config_.hashes() && context.hash ? *context.hash : parts_.random.Next();
  if (context.priority) {
    Source* const source = SourceOf(*context.priority);
    return source == nullptr ? kNoHost : PickFrom(*source, hash, context);
  }
  if (sources_.empty()) return kNoHost;
  Source* source = &sources_.front();
  if (sources_.size() > 1) {
    const uint64_t percent = hash % 100;
    while (percent >= source->up_to && source != &sources_.back()) ++source;
  }
  return PickFrom(*source, hash, context);
}

const std::shared_ptr<Host>& Balancer::PickFrom(Source& source, uint64_t hash, const PickContext& context) {
  if (source.panic) {
    parts_.stats.lb_healthy_panic.Increment();
    if (config_.fail_traffic_on_panic) return kNoHost;
  }
  if (config_.hashes()) return source.table == nullptr ? kNoHost : PickByHash(*source.table, hash, context.attempt);
  if (!source.zones.empty() && StaysInZone()) {
    return source.zones[zones_->Pick(parts_.random, parts_.stats)].Pick();
  }
  if (source.localities.empty()) return source.rotations[0].Pick();
  const size_t locality =
      source.localities.Pick([&source](size_t index) { return source.locality_costs[index]; });
  return source.rotations[locality].Pick();
}

bool Balancer::StaysInZone() const {
  const double percent = config_.zone_aware->percent;
  if (percent < 100 && static_cast<double>(parts_.random.Below(10000)) >= percent * 100) return false;
  // Proxies that are not well say nothing of how many requests come from where.
  if (!InPanic(parts_.proxies->priorities[0], config_.panic_threshold)) return true;
  parts_.stats.lb_local_cluster_not_ok.Increment();
  return false;
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
