#include "source/upstream/cluster.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "source/upstream/address.h"

namespace pillion::upstream {
namespace {

bool Same(const Host& host, const Host& other) {
  return host.hostname() == other.hostname() && host.weight() == other.weight() &&
         host.priority() == other.priority() && host.locality() == other.locality();
}

}  // namespace

Cluster::Cluster(std::shared_ptr<const config::Cluster> config, stats::Registry& registry)
    : config_(std::move(config)),
      workers_(static_cast<uint32_t>(registry.workers())),
      breakers_{Breakers(config_->circuit_breakers[0]), Breakers(config_->circuit_breakers[1])},
      stat_ids_(registry, config_->stat_name, breakers_),
      membership_stats_(stat_ids_, registry.control()),
      hosts_(std::make_shared<HostSet>()) {
  if (config_->discovery != config::Cluster::Discovery::kStatic) return;
  Endpoints endpoints;
  for (const config::Endpoint& endpoint : config_->endpoints) {
    endpoints.emplace_back(SystemAddress(std::get<config::Address>(endpoint.target)), &endpoint);
  }
  UpdateHosts(endpoints);
}

std::shared_ptr<const HostSet> Cluster::UpdateHosts(const Endpoints& endpoints) {
  absl::flat_hash_map<std::string_view, std::shared_ptr<Host>> before;
  for (const std::shared_ptr<Host>& host : hosts_->hosts) before.emplace(host->address_text(), host);

  auto next = std::make_shared<HostSet>();
  absl::flat_hash_set<std::string> seen;
  size_t kept = 0;
  uint32_t heaviest = 0;
  for (const auto& [address, endpoint] : endpoints) {
    auto host = std::make_shared<Host>(address, *endpoint, workers_);
    if (!seen.insert(host->address_text()).second) continue;
    const auto old = before.find(host->address_text());
    if (old != before.end() && Same(*old->second, *host)) {
      host = old->second;
      ++kept;
    }
    heaviest = std::max(heaviest, host->weight());
    next->hosts.push_back(std::move(host));
  }
  if (kept == next->hosts.size() && kept == hosts_->hosts.size()) return nullptr;
  std::stable_sort(next->hosts.begin(), next->hosts.end(),
                   [](const std::shared_ptr<Host>& a, const std::shared_ptr<Host>& b) {
                     return a->priority() < b->priority();
                   });
  membership_stats_.membership_change.Increment();
  membership_stats_.membership_total.Set(static_cast<int64_t>(next->hosts.size()));
  membership_stats_.membership_healthy.Set(static_cast<int64_t>(next->hosts.size()));
  membership_stats_.max_host_weight.Set(heaviest);
  hosts_ = std::move(next);
  return hosts_;
}

ClusterShard::ClusterShard(Cluster& cluster, event::Worker& worker, net::Connector& connector, stats::Shard& stats,
                           base::Random& random, std::unique_ptr<ClientCodecs> codecs)
    : cluster_(cluster),
      worker_(worker),
      connector_(connector),
      random_(random),
      codecs_(std::move(codecs)),
      stats_(cluster.stat_ids(), stats),
      hosts_(cluster.hosts()),
      balancer_(cluster.config(), random),
      sweep_(this, [](void* self) { static_cast<ClusterShard*>(self)->Sweep(); }) {
  if (const auto& keepalive = config().tcp_keepalive) {
    keepalive_ = {.probes = keepalive->probes, .time_s = keepalive->time_s, .interval_s = keepalive->interval_s};
  }
  balancer_.SetHosts(*hosts_);
}

ClusterShard::~ClusterShard() = default;

void ClusterShard::SetHosts(std::shared_ptr<const HostSet> hosts) {
  absl::flat_hash_set<const Host*> present;
  for (const std::shared_ptr<Host>& host : hosts->hosts) present.insert(host.get());
  balancer_.SetHosts(*hosts);
  hosts_ = std::move(hosts);
  for (auto& [key, pool] : pools_) {
    if (!present.contains(key.host)) pool->Drain();
  }
}

const std::shared_ptr<Host>& ClusterShard::PickHost() {
  const std::shared_ptr<Host>& host = balancer_.Pick();
  if (host == nullptr) stats_.upstream_cx_none_healthy.Increment();
  return host;
}

Pool& ClusterShard::PoolOf(const std::shared_ptr<Host>& host, Protocol protocol) {
  std::unique_ptr<Pool>& pool = pools_[Key{host.get(), protocol}];
  if (pool == nullptr) {
    pool = std::make_unique<Pool>(*this, host, protocol);
    if (draining_) pool->Drain();
  }
  return *pool;
}

void ClusterShard::Drain() {
  draining_ = true;
  for (auto& [key, pool] : pools_) pool->Drain();
}

void ClusterShard::Sweep() {
  absl::erase_if(pools_, [](const auto& entry) { return entry.second->empty(); });
}

}  // namespace pillion::upstream
