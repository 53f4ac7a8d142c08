#include "source/upstream/zone_routing.h"

#include <algorithm>

namespace pillion::upstream {
namespace {

constexpr uint64_t kAll = 10000;

// What part of all healthy hosts is healthy there.
uint64_t ShareOf(const config::Locality& where, const std::vector<const LocalityHosts*>& localities) {
  uint64_t here = 0;
  uint64_t all = 0;
  for (const LocalityHosts* locality : localities) {
    all += locality->healthy.size();
    if (locality->locality == where) here = locality->healthy.size();
  }
  return all == 0 ? 0 : kAll * here / all;
}

std::vector<const LocalityHosts*> LocalitiesOf(const PriorityHosts& priority, const config::Locality& own) {
  std::vector<const LocalityHosts*> localities;
  for (const LocalityHosts& each : priority.localities) localities.push_back(&each);
  std::sort(localities.begin(), localities.end(), [&](const LocalityHosts* a, const LocalityHosts* b) {
    const bool a_own = a->locality == own, b_own = b->locality == own;
    return a_own != b_own ? a_own : a->locality < b->locality;
  });
  return localities;
}

}  // namespace

std::unique_ptr<const ZoneRouting> ZoneRouting::Make(const config::ZoneAware& config, const PriorityHosts& hosts,
                                                     const PriorityHosts& local, ClusterStats& stats) {
  stats.lb_recalculate_zone_structures.Increment();
  std::unique_ptr<ZoneRouting> routing(new ZoneRouting);
  routing->localities_ = LocalitiesOf(hosts, config.own);
  const std::vector<const LocalityHosts*>& localities = routing->localities_;
  if (localities.size() < 2) return nullptr;
  const std::vector<const LocalityHosts*> proxies = LocalitiesOf(local, config.own);
  if (proxies.empty() || proxies[0]->locality != config.own || proxies[0]->healthy.empty()) {
    stats.lb_local_cluster_not_ok.Increment();
    return nullptr;
  }
  if (hosts.healthy.size() < config.min_cluster_size) {
    stats.lb_zone_cluster_too_small.Increment();
    return nullptr;
  }
  const bool has_own = localities[0]->locality == config.own;
  const uint64_t own_hosts = has_own ? ShareOf(config.own, localities) : 0;
  const uint64_t own_proxies = ShareOf(config.own, proxies);
  if (own_hosts > 0 && own_hosts >= own_proxies) {
    routing->all_local_ = true;
    return routing;
  }
  routing->local_share_ = own_proxies > 0 ? own_hosts * kAll / own_proxies : 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < localities.size(); ++i) {
    const uint64_t share = ShareOf(localities[i]->locality, localities);
    const uint64_t asked = ShareOf(localities[i]->locality, proxies);
    if (!(i == 0 && has_own) && share > asked) sum += share - asked;
    routing->capacity_.push_back(sum);
  }
  return routing;
}

size_t ZoneRouting::Pick(base::Random& random, ClusterStats& stats) const {
  if (all_local_) {
    stats.lb_zone_routing_all_directly.Increment();
    return 0;
  }
  if (random.Below(kAll) < local_share_) {
    stats.lb_zone_routing_sampled.Increment();
    return 0;
  }
  stats.lb_zone_routing_cross_zone.Increment();
  if (capacity_.back() == 0) {  // by rounding
    stats.lb_zone_no_capacity_left.Increment();
    return random.Below(localities_.size());
  }
  const uint64_t number = random.Below(capacity_.back());
  return static_cast<size_t>(std::upper_bound(capacity_.begin(), capacity_.end(), number) - capacity_.begin());
}

}  // namespace pillion::upstream
