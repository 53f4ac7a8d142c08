#include "source/upstream/cluster.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "source/config/priority.h"
#include "source/config/tls.h"
#include "source/net/proxy_head_transport.h"
#include "source/tls/standing.h"
#include "source/upstream/address.h"
#include "source/upstream/connect_options.h"
#include "source/upstream/tls.h"

namespace pillion::upstream {
namespace {

// Requests choose the names that TLS asks for: without a bound they would choose how much memory we need. Pools for single
// clients are bounded by these: beyond it idle ones go first.
constexpr size_t kMostSpecialPools = 1024;

std::unique_ptr<LaneStatIds> LaneStatsOf(const config::Cluster& config, stats::Registry& registry) {
  if (config.load_balancing.lanes == nullptr) return nullptr;
  return std::make_unique<LaneStatIds>(registry, config.stat_name);
}

std::unique_ptr<const tls::StatIds> TlsStats(const config::Cluster& config, stats::Registry& registry) {
  const auto has_tls = [](const config::TransportSocketMatch& match) { return match.tls != nullptr; };
  if (config.tls == nullptr && std::ranges::none_of(config.transport_matches, has_tls)) return nullptr;
  return std::make_unique<const tls::StatIds>(registry,
                                              stats::Prefix("cluster").Add(stats::kClusterName, config.stat_name), false);
}

}  // namespace

Cluster::Cluster(std::shared_ptr<const config::Cluster> config, stats::Registry& registry)
    : config_(std::move(config)),
      workers_(static_cast<uint32_t>(registry.workers())),
      breakers_{Breakers(config_->circuit_breakers[0]), Breakers(config_->circuit_breakers[1])},
      stat_ids_(registry, config_->stat_name, breakers_, config_->tracked),
      tls_stat_ids_(TlsStats(*config_, registry)),
      lane_stat_ids_(LaneStatsOf(*config_, registry)),
      membership_stats_(stat_ids_, registry.control()),
      drops_(workers_),
      transports_(*config_, registry),
      table_scope_(registry, stats::Prefix("cluster").Add(stats::kClusterName, config_->stat_name)),
      policy_(config_->assignment_policy),
      hosts_(std::make_shared<HostSet>(MakeHostSet({}, config_->load_balancing, policy_))) {
  AddTableGauges();
  if (config_->tracked.endpoints) endpoint_stats_.emplace(registry, config_->stat_name);
  if (config_->discovery != config::Cluster::Discovery::kStatic) return;
  Endpoints endpoints;
  for (const config::Endpoint& endpoint : config_->endpoints) {
    endpoints.emplace_back(SystemAddress(std::get<config::Address>(endpoint.target)), &endpoint);
  }
  UpdateHosts(endpoints);
}

// What the first priority has; as the others it is read where hosts change, on the main thread.
void Cluster::AddTableGauges() {
  const auto add = [this](const char* name, uint64_t (*value)(const HashTable&)) {
    table_scope_.AddGaugeCallback(name, [this, value] {
      const std::shared_ptr<const HashTable>& table = hosts_->priorities[0].table;
      return table == nullptr ? 0 : value(*table);
    });
  };
  if (config_->load_balancing.policy == config::LoadBalancing::Policy::kRingHash) {
    add("ring_hash_lb.size", [](const HashTable& table) -> uint64_t { return table.size(); });
    add("ring_hash_lb.min_hashes_per_host", [](const HashTable& table) { return table.fewest(); });
    add("ring_hash_lb.max_hashes_per_host", [](const HashTable& table) { return table.most(); });
  } else if (config_->load_balancing.policy == config::LoadBalancing::Policy::kMaglev) {
    add("maglev_lb.min_entries_per_host", [](const HashTable& table) { return table.fewest(); });
    add("maglev_lb.max_entries_per_host", [](const HashTable& table) { return table.most(); });
  }
}
Cluster::~Cluster() = default;

bool Cluster::UpdateHosts(const Endpoints& endpoints, const config::AssignmentPolicy& policy) {
  absl::flat_hash_map<std::string_view, std::shared_ptr<Host>> before;
  for (const std::shared_ptr<Host>& host : hosts_->hosts) before.emplace(host->address_text(), host);

  Hosts next;
  Hosts added;
  absl::flat_hash_set<std::string> seen;
  bool changed = policy != policy_;
  for (const auto& [address, endpoint] : endpoints) {
    std::string text = address.text();
    const auto old = before.find(text);
    const bool first = seen.insert(std::move(text)).second;
    if (!first) continue;
    if (old != before.end() && old->second->Is(*endpoint)) {
      changed |= old->second->Update(*endpoint);
      if ((old->second->flags() & kPendingRemoval) != 0) {
        old->second->ClearFlags(kPendingRemoval);
        changed = true;
      }
      next.push_back(std::move(old->second));
      before.erase(old);
      continue;
    }
    next.push_back(std::make_shared<Host>(address, *endpoint, workers_));
    next.back()->set_transport(transports_.For(*endpoint));
    next.back()->set_addresses(AddressesOf(address, *endpoint, config_->happy_eyeballs));
    added.push_back(next.back());
  }
  Hosts removed;
  for (auto& [text, host] : before) {
    if (seen.contains(std::string(text)) || !StaysWithoutDiscovery(*host)) {
      removed.push_back(std::move(host));
      continue;
    }
    changed |= (host->flags() & kPendingRemoval) == 0;
    host->SetFlags(kPendingRemoval);
    next.push_back(std::move(host));
  }
  const bool membership = !added.empty() || !removed.empty();
  if (!membership && !changed) return false;
  policy_ = policy;
  if (membership) {
    membership_stats_.membership_change.Increment();
    if (endpoint_stats_) endpoint_stats_->Update(added, removed);
    for (const OnMembership& observer : observers_) observer({.added = added, .removed = removed});
  }
  Replace(std::move(next));
  return true;
}

bool Cluster::StaysWithoutDiscovery(const Host& host) const {
  if (config_->health_check == nullptr || config_->ignore_health_on_host_removal) return false;
  const bool checked = host.check() == nullptr || !host.check()->disabled;
  return checked && (host.flags() & kFailedActiveCheck) == 0;
}

void Cluster::Drop(const Host& host) {
  Hosts next;
  Hosts removed;
  for (const std::shared_ptr<Host>& each : hosts_->hosts) (each.get() == &host ? removed : next).push_back(each);
  if (removed.empty()) return;
  membership_stats_.membership_change.Increment();
  if (endpoint_stats_) endpoint_stats_->Update({}, removed);
  for (const OnMembership& observer : observers_) observer({.added = {}, .removed = removed});
  Replace(std::move(next));
}

void Cluster::HealthChanged() { Replace(hosts_->hosts); }

void Cluster::Replace(Hosts hosts) {
  hosts_ = std::make_shared<HostSet>(MakeHostSet(std::move(hosts), config_->load_balancing, policy_));
  int64_t healthy = 0;
  int64_t degraded = 0;
  int64_t excluded = 0;
  uint32_t heaviest = 0;
  for (const PriorityHosts& priority : hosts_->priorities) {
    healthy += static_cast<int64_t>(priority.healthy.size());
    degraded += static_cast<int64_t>(priority.degraded.size());
    excluded += static_cast<int64_t>(priority.excluded);
  }
  for (const std::shared_ptr<Host>& host : hosts_->hosts) heaviest = std::max(heaviest, host->weight());
  membership_stats_.membership_total.Set(static_cast<int64_t>(hosts_->hosts.size()));
  membership_stats_.membership_healthy.Set(healthy);
  membership_stats_.membership_degraded.Set(degraded);
  membership_stats_.membership_excluded.Set(excluded);
  membership_stats_.max_host_weight.Set(heaviest);
  if (lane_stat_ids_ != nullptr) lane_stat_ids_->Update(hosts_->lanes->names);
  if (publish_) publish_(hosts_);
}

ClusterShard::ClusterShard(std::shared_ptr<Cluster> cluster, std::shared_ptr<const HostSet> hosts, event::Worker& worker,
                           net::Connector& connector, stats::Shard& stats, base::Random& random,
                           std::unique_ptr<ClientCodecs> codecs)
    : event::Shared(worker),
      cluster_(std::move(cluster)),
      worker_(worker),
      connector_(connector),
      random_(random),
      connect_options_(ConnectOptionsOf(cluster_->config())),
      codecs_(std::move(codecs)),
      stats_(cluster_->stat_ids(), stats),
      hosts_(std::move(hosts)),
      balancer_(cluster_->config().load_balancing, {worker, random, stats_, cluster_->breakers(), proxies_}),
      sweep_(this, [](void* self) { static_cast<ClusterShard*>(self)->Sweep(); }),
      check_(this, [](void* self) { static_cast<ClusterShard*>(self)->CheckSome(); }) {
  const BalancerParts parts{worker, random, stats_, cluster_->breakers(), proxies_};
  if (config().load_balancing.subsets != nullptr) subsets_.emplace(config().load_balancing, parts);
  if (config().load_balancing.lanes != nullptr) {
    lanes_.emplace(config().load_balancing, parts, LaneStats::Of(*cluster_->lane_stat_ids(), stats));
  }
  SetBalancers(*hosts_);
  if (const auto& id = cluster_->transports().no_metadata()) no_metadata_ = stats.counter(*id);
  for (const UpstreamTransport& transport : cluster_->transports().all()) {
    tls_.push_back(transport.tls == nullptr ? nullptr
                                            : std::make_unique<TlsConnector>(config().http, *transport.tls, worker,
                                                                             *cluster_->tls_stat_ids(), stats));
  }
  if (config().discovery == config::Cluster::Discovery::kOriginalDst) {
    OriginalDst::Events& events = *this;
    original_dst_ = std::make_unique<OriginalDst>(worker, config().original_dst.cleanup_interval,
                                                  cluster_->transports().fallback(), events);
  }
  if (config().discovery == config::Cluster::Discovery::kAggregate) {
    aggregate_.emplace(config().load_balancing, random);
  }
}

void ClusterShard::SetBalancers(const HostSet& hosts) {
  foreseen_.clear();
  if (subsets_) {
    subsets_->SetSubsets(*hosts.subsets);
  } else if (lanes_) {
    lanes_->SetLanes(*hosts.lanes);
  } else {
    balancer_.SetHosts(hosts);
  }
}

ClusterShard::~ClusterShard() {
  if (names_ != nullptr) names_->Forget(*this);
}

void ClusterShard::Link() {
  if (aggregate_) {
    std::vector<event::Kept<ClusterShard>> members;
    for (const std::string& name : config().members) {
      if (ClusterShard* const member = names_->Find(name)) members.emplace_back(member);
    }
    aggregate_->SetMembers(std::move(members));
  }
  if (const std::optional<config::ZoneAware>& zones = config().load_balancing.zone_aware) {
    proxies_of_ = event::Kept<ClusterShard>(names_->Find(zones->proxies));
    OnHostsChanged();
  }
}

void ClusterShard::OnHostsChanged() {
  if (aggregate_) aggregate_->OnHostsChanged();
  if (!proxies_of_) return;
  proxies_ = proxies_of_->hosts_;
  SetBalancers(*hosts_);
}

void ClusterShard::SetHosts(std::shared_ptr<const HostSet> hosts) {
  absl::flat_hash_set<const Host*> present;
  for (const std::shared_ptr<Host>& host : hosts->hosts) present.insert(host.get());
  const bool others = config().close_on_membership_change &&
                      (hosts->hosts.size() != hosts_->hosts.size() ||
                       !std::all_of(hosts_->hosts.begin(), hosts_->hosts.end(),
                                    [&](const std::shared_ptr<Host>& host) { return present.contains(host.get()); }));
  SetBalancers(*hosts);
  by_address_.clear();
  const std::shared_ptr<const HostSet> before = std::exchange(hosts_, std::move(hosts));  // others may look at it still
  if (names_ != nullptr) names_->TellHosts(config().name);
  for (auto& [key, pool] : pools_) {
    if (!present.contains(key.host)) pool->Drain();
  }
  if (others) GiveUpPools();
  if (config().close_on_health_failure) [[unlikely]] LeaveFailedHosts(*before);
}

// Whoever asks from now on gets new connections.
void ClusterShard::GiveUpPools() {
  for (auto& [key, pool] : pools_) {
    pool->LeaveBreaker();
    pool->Drain();
    given_up_.push_back(std::move(pool));
  }
  special_pools_ = 0;
  pools_.clear();
}

ClusterShard::Choice ClusterShard::Choose(const PickContext& context) {
  if (aggregate_) [[unlikely]] return ChooseInAggregate(context);
  if (!context.session_host.empty()) [[unlikely]] {
    static const std::shared_ptr<Host> none;
    if (const std::shared_ptr<Host>* host = SessionHost(context.session_host)) return {*this, *host, (*host)->priority()};
    if (context.only_session_host) {
      stats_.upstream_cx_none_healthy.Increment();
      return {*this, none, 0};
    }
  }
  if (hosts_->by_address != nullptr && context.names != nullptr) [[unlikely]] {
    if (const std::shared_ptr<Host>* named = NamedHost(*context.names)) return {*this, *named, (*named)->priority()};
  }
  if (lanes_) {
    const LaneBalancer::Choice choice = lanes_->Choose(context);
    if (choice.host == nullptr) stats_.upstream_cx_none_healthy.Increment();
    return {*this, choice.host, choice.host == nullptr ? 0 : choice.host->priority(), choice.outcome};
  }
  if (context.left_out != nullptr) [[unlikely]] {
    const Priorities priorities = PrioritiesOf(*hosts_);
    PickContext within = context;
    within.left_out = nullptr;
    within.priority = ChoosePriority(LoadWithout(priorities, *context.left_out, hosts_->load,
                                                 config().load_balancing.panic_threshold),
                                     context.hash.value_or(random_.Next()) % 100);
    const std::shared_ptr<Host>& host = PickHost(within);
    return {*this, host, within.priority->priority};
  }
  if (const std::shared_ptr<Host>* foreseen = TakeForeseen(context)) [[unlikely]] {
    return {*this, *foreseen, (*foreseen)->priority()};
  }
  const std::shared_ptr<Host>& host = PickHost(context);
  return {*this, host, host == nullptr ? 0 : host->priority()};
}

std::optional<LaneOutcome> ClusterShard::LaneOutcomeOf(const PickContext& context) const {
  if (!lanes_) return std::nullopt;
  return lanes_->OutcomeOf(context);
}

const std::shared_ptr<Host>& ClusterShard::PickHost(const PickContext& context) {
  const std::shared_ptr<Host>& host = PickUnrefused(
      context, [this](const PickContext& each) -> const std::shared_ptr<Host>& { return Pick(each); });
  if (host == nullptr) stats_.upstream_cx_none_healthy.Increment();
  return host;
}

const std::shared_ptr<Host>& ClusterShard::HostAt(const std::optional<net::Address>& meant) {
  static const std::shared_ptr<Host> none;
  const std::shared_ptr<Host>* host = &none;
  if (meant && (meant->family() == AF_INET || meant->family() == AF_INET6)) {
    const std::optional<uint16_t> port = config().original_dst.port;
    host = &original_dst_->Pick(port ? *net::Address::Ip(meant->ip(), *port) : *meant);
  }
  if (*host == nullptr) stats_.original_dst_host_invalid.Increment();
  return *host;
}

void ClusterShard::OnHostGone(const Host& host) {
  for (auto& [key, pool] : pools_) {
    if (key.host == &host) pool->Drain();
  }
}

Pool* ClusterShard::PoolOf(const std::shared_ptr<Host>& host, Protocol protocol, config::Priority priority,
                           const ConnectionNeeds& needs) {
  const bool special = !needs.empty();
  if (const auto found = pools_.find(Key{host.get(), protocol, needs}); found != pools_.end()) {
    if (special) [[unlikely]] found->second->set_asked(worker_.now());
    return found->second.get();
  }
  if (special && special_pools_ >= kMostSpecialPools && !GiveUpSpecialPool() && needs.of_tls()) {
    stats_.upstream_cx_pool_overflow.Increment();
    return nullptr;
  }
  cluster_->MarkUsed();
  Breaker& pools = breakers(priority).pools;
  while (!pools.Take()) {
    if (GiveUpIdlePool(priority)) continue;
    stats_.upstream_cx_pool_overflow.Increment();
    return nullptr;
  }
  auto made = std::make_unique<Pool>(*this, host, protocol, priority, needs);
  made->set_asked(worker_.now());
  const Key key{host.get(), protocol, made->needs()};
  Pool* const pool = pools_.emplace(key, std::move(made)).first->second.get();
  special_pools_ += special;
  if (draining_) pool->Drain();
  return pool;
}

std::unique_ptr<net::Transport> ClusterShard::Connect(const Host& host, const ConnectionNeeds& needs,
                                                      std::optional<Protocol> protocol) {
  const std::unique_ptr<TlsConnector>& tls = tls_[host.transport()->index];
  if (tls != nullptr && !tls->ready()) [[unlikely]] return tls->NotReady(host);
  const net::ConnectOptions* options = connect_options();
  std::shared_ptr<const net::Addresses> addresses = host.addresses();
  struct Own {
    net::ConnectOptions options;
    std::shared_ptr<const net::Addresses> addresses;
  };
  std::shared_ptr<Own> own;
  if (!needs.source.empty()) [[unlikely]] {
    // Who tries one address after the other needs the options beyond this call: they live as long as its addresses.
    own = std::make_shared<Own>(Own{ConnectOptionsFrom(needs.source, options), std::move(addresses)});
    options = &own->options;
    addresses = std::shared_ptr<const net::Addresses>(own, own->addresses.get());
  }
  std::unique_ptr<net::Transport> plain = net::ConnectToHost(worker_, connector_, host.address(), addresses, options);
  if (host.transport()->internal != nullptr) [[unlikely]] plain->Pass(PassedTo(host, needs.passed));
  if (const std::optional<net::ProxyVersion> version = host.transport()->proxy_version) [[unlikely]] {
    plain = std::make_unique<net::ProxyHeadTransport>(std::move(plain), *version, std::string(needs.proxy_head));
  }
  return tls == nullptr ? std::move(plain) : tls->Wrap(std::move(plain), host, needs, protocol);
}

bool ClusterShard::GiveUpIdlePool(config::Priority priority) {
  for (auto& [key, pool] : pools_) {
    if (!pool->idle() || pool->priority() != priority) continue;
    const Key gone = key;
    std::unique_ptr<Pool> given = std::move(pool);
    pools_.erase(gone);
    GiveUp(std::move(given));
    return true;
  }
  return false;
}

// That which nobody has asked for the longest.
bool ClusterShard::GiveUpSpecialPool() {
  auto oldest = pools_.end();
  for (auto entry = pools_.begin(); entry != pools_.end(); ++entry) {
    const Pool& pool = *entry->second;
    if (pool.needs().empty() || !pool.idle()) continue;
    if (oldest == pools_.end() || pool.asked() < oldest->second->asked()) oldest = entry;
  }
  if (oldest == pools_.end()) return false;
  std::unique_ptr<Pool> given = std::move(oldest->second);
  pools_.erase(oldest);
  GiveUp(std::move(given));
  return true;
}

void ClusterShard::GiveUp(std::unique_ptr<Pool> pool) {
  special_pools_ -= !pool->needs().empty();
  pool->LeaveBreaker();
  pool->Drain();
  given_up_.push_back(std::move(pool));
}

void ClusterShard::Drain() {
  draining_ = true;
  for (auto& [key, pool] : pools_) pool->Drain();
}

void ClusterShard::CheckIdentities(tls::IdentityChecks& checks, base::Duration drain_time) {
  if (std::ranges::all_of(tls_, [](const auto& tls) { return tls == nullptr; })) return;
  drain_time_ = drain_time;
  identity_checks_ = &checks;
  ++checks_;
  checks.Ask(check_);
}

void ClusterShard::CheckSome() {
  bool all = true;
  for (auto& [key, pool] : pools_) all = all && Check(*pool);
  for (const std::unique_ptr<Pool>& pool : given_up_) all = all && Check(*pool);
  if (!all) identity_checks_->Ask(check_);
}

bool ClusterShard::Check(Pool& pool) {
  const UpstreamTransport& transport = *pool.host()->transport();
  if (transport.tls == nullptr) return true;
  const std::shared_ptr<const tls::Context> current = transport.tls->context->current();
  return pool.CheckIdentities(*identity_checks_, current.get(), checks_, drain_time_);
}

void ClusterShard::Sweep() {
  absl::erase_if(pools_, [this](const auto& entry) {
    if (!entry.second->empty()) return false;
    special_pools_ -= !entry.second->needs().empty();
    return true;
  });
  std::erase_if(given_up_, [](const std::unique_ptr<Pool>& pool) { return pool->empty(); });
}

}  // namespace pillion::upstream
