#pragma once

// A cluster: Cluster is its part for the whole process, ClusterShard the part of one worker.

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/base/intrusive_list.h"
#include "source/base/random.h"
#include "source/config/cluster.h"
#include "source/event/shared.h"
#include "source/event/worker.h"
#include "source/net/connect_options.h"
#include "source/net/transport.h"
#include "source/net/passed.h"
#include "source/stats/registry.h"
#include "source/upstream/aggregate.h"
#include "source/upstream/balancer.h"
#include "source/upstream/breaker.h"
#include "source/upstream/client_codecs.h"
#include "source/upstream/cluster_names.h"
#include "source/upstream/cluster_stats.h"
#include "source/upstream/drops.h"
#include "source/upstream/endpoint_stats.h"
#include "source/upstream/host_set.h"
#include "source/upstream/lane_balancer.h"
#include "source/upstream/lane_stats.h"
#include "source/upstream/original_dst.h"
#include "source/upstream/pool.h"
#include "source/upstream/subset_balancer.h"
#include "source/upstream/transport_choice.h"

namespace pillion::tls {
struct StatIds;
}

namespace pillion::upstream {

struct HostWatchTag {};

// Who has a connection of its own to a host, and is told when that is found to be ill, where the cluster says so
// (close_connections_on_host_health_failure). On the worker of the shard that it is given to.
class HostWatch : public base::ListNode<HostWatchTag> {
 public:
  virtual const Host& watched_host() const = 0;
  // May leave the list, and destroy nobody.
  virtual void OnHostFailed() = 0;

 protected:
  ~HostWatch() = default;
};

// Process-wide; made by the main thread, which alone changes its hosts. Outlives every shard. Other threads use
// config(), breakers() and stat_ids().
class Cluster {
 public:
  // `registry` outlives it. The hosts of a STATIC cluster are there at once.
  Cluster(std::shared_ptr<const config::Cluster> config, stats::Registry& registry);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  const config::Cluster& config() const { return *config_; }
  const std::shared_ptr<const config::Cluster>& shared_config() const { return config_; }
  Breakers& breakers(config::Priority priority) { return breakers_[static_cast<size_t>(priority)]; }
  const std::array<Breakers, 2>& breakers() const { return breakers_; }
  ClusterStatIds& stat_ids() { return stat_ids_; }
  const tls::StatIds* tls_stat_ids() const { return tls_stat_ids_.get(); }  // null: plain bytes
  const LaneStatIds* lane_stat_ids() const { return lane_stat_ids_.get(); }  // null: it has no lanes
  MembershipStats& membership_stats() { return membership_stats_; }

  // Each change of the hosts or of their health takes one way: a new set, then OnHosts for everyone on the main thread
  // who wants to know of it, then Publish, which hands the set to the workers.
  using Publish = std::function<void(std::shared_ptr<const HostSet> hosts)>;
  void set_publish(Publish publish) { publish_ = std::move(publish); }

  // Told of hosts that have come or gone, never of a change of health alone. What it does to the flags of new hosts is
  // heeded in the set that is published. It stays as long as the cluster, and must not change the hosts.
  struct MembershipChange {
    const Hosts& added;
    const Hosts& removed;
  };
  using OnMembership = std::function<void(const MembershipChange& change)>;
  void AddObserver(OnMembership observer) { observers_.push_back(std::move(observer)); }

  using Endpoints = std::vector<std::pair<net::Address, const config::Endpoint*>>;

  // A host of the same address and definition as before is the same object as before. Of an address that comes twice
  // the first is taken. False when nothing changed: then nothing is published either.
  bool UpdateHosts(const Endpoints& endpoints, const config::AssignmentPolicy& policy);
  bool UpdateHosts(const Endpoints& endpoints) { return UpdateHosts(endpoints, policy_); }
  // To be called after flags of hosts have changed, once for all of them.
  void HealthChanged();
  // Takes `host` out that discovery no longer names; it stayed because its health checks passed.
  void Drop(const Host& host);
  const std::shared_ptr<const HostSet>& hosts() const { return hosts_; }
  uint32_t workers() const { return workers_; }
  const TransportChoice& transports() const { return transports_; }
  const config::AssignmentPolicy& policy() const { return policy_; }  // main thread
  Drops& drops() { return drops_; }

  // Any thread: the cluster has, or had, a connection.
  bool used() const { return used_.load(std::memory_order_relaxed); }
  void MarkUsed() { used_.store(true, std::memory_order_relaxed); }

  // An answer said x-envoy-immediate-health-check-fail. Set before the workers run; called by any of them.
  using OnImmediateFailure = std::function<void(const std::shared_ptr<Host>& host)>;
  void set_on_immediate_failure(OnImmediateFailure callback) { on_immediate_failure_ = std::move(callback); }
  void TellImmediateFailure(const std::shared_ptr<Host>& host) const {
    if (on_immediate_failure_) on_immediate_failure_(host);
  }

 private:
  void Replace(Hosts hosts);
  void AddTableGauges();
  bool StaysWithoutDiscovery(const Host& host) const;

  const std::shared_ptr<const config::Cluster> config_;
  const uint32_t workers_;
  std::array<Breakers, 2> breakers_;
  ClusterStatIds stat_ids_;
  const std::unique_ptr<const tls::StatIds> tls_stat_ids_;
  const std::unique_ptr<LaneStatIds> lane_stat_ids_;
  MembershipStats membership_stats_;
  Drops drops_;
  const TransportChoice transports_;
  stats::Scope table_scope_;  // of its gauges
  std::optional<EndpointStats> endpoint_stats_;  // none: they are not asked for
  config::AssignmentPolicy policy_;
  std::shared_ptr<const HostSet> hosts_;
  std::vector<OnMembership> observers_;
  Publish publish_;
  OnImmediateFailure on_immediate_failure_;
  std::atomic<bool> used_ = false;
};

class TlsConnector;

// One worker's part: balancer, pools, stats. Made and destroyed while the worker does not run, or on it. Requests keep it,
// so that one which is no longer configured ends with the last of them.
class ClusterShard final : public event::Shared, private OriginalDst::Events {
 public:
  // `hosts` are the cluster's. What is given by reference outlives the shard.
  ClusterShard(std::shared_ptr<Cluster> cluster, std::shared_ptr<const HostSet> hosts, event::Worker& worker,
               net::Connector& connector, stats::Shard& stats, base::Random& random, std::unique_ptr<ClientCodecs> codecs);
  ClusterShard(const ClusterShard&) = delete;
  ClusterShard& operator=(const ClusterShard&) = delete;
  ~ClusterShard();

  const config::Cluster& config() const { return cluster_->config(); }
  Cluster& cluster() { return *cluster_; }
  Breakers& breakers(config::Priority priority) { return cluster_->breakers(priority); }
  ClusterStats& stats() { return stats_; }
  // A request was refused instead of sent on.
  void CountDrop(bool for_overload) { cluster_->drops().Count(worker_.index(), for_overload); }
  event::Worker& worker() { return worker_; }
  net::Connector& connector() { return connector_; }
  // Null: none.
  const metadata::Value* metadata() const {
    return config().metadata == nullptr ? nullptr : &config().metadata->tree->value;
  }
  const net::ConnectOptions* connect_options() const { return connect_options_ ? &*connect_options_ : nullptr; }
  ClientCodecs& codecs() { return *codecs_; }
  base::Random& random() { return random_; }

  // Pools of hosts that are gone drain: streams finish, idle connections close.
  void SetHosts(std::shared_ptr<const HostSet> hosts);
  const HostSet& hosts() const { return *hosts_; }
  // `watch` is told until it leaves the list, as it does in the end.
  void Watch(HostWatch& watch) { watches_.PushBack(watch); }

  // A host, of this cluster or, where it is an aggregate, of one of its clusters. Null, and counted, when there is none.
  // The reference is good until the end of the turn; a PoolWaiter that asked for the host's pool keeps the host.
  struct Choice {
    ClusterShard& cluster;
    const std::shared_ptr<Host>& host;
    uint32_t level;  // the host's priority among all that there are
    LaneOutcome lane = {};
  };
  Choice Choose(const PickContext& context);
  // Where a request that has a colour would go now; nothing: the cluster has no lanes of its own.
  std::optional<LaneOutcome> LaneOutcomeOf(const PickContext& context) const;

  // Of an ORIGINAL_DST cluster only: the host there, as the configuration changes the port. Null, and counted, where there
  // is no such address. The reference is good until the next call.
  const std::shared_ptr<Host>& HostAt(const std::optional<net::Address>& meant);

  // The pool of connections to `host` that speak `protocol`; made when first asked for, which counts against the
  // breaker of `priority`. Null, and counted, when there are as many as may be and all are in use. Good until the end of
  // the turn; a PoolWaiter keeps it.
  // Null also when there are too many pools with names of their own.
  Pool* PoolOf(const std::shared_ptr<Host>& host, Protocol protocol, config::Priority priority,
               const ConnectionNeeds& needs = {});

  // A stream is about to be opened, as with PoolOf(): opens connections to hosts that are next in turn, as far as the
  // cluster's predictive ratio asks for it.
  void PreconnectAhead(Protocol protocol, config::Priority priority, const ConnectionNeeds& needs) {
    if (config().preconnect.predictive > 1) [[unlikely]] PreconnectNext(protocol, priority, needs);
  }

  // A connection to `host` has begun. `protocol`: what is to be spoken; none: bytes, which TLS does not know.
  std::unique_ptr<net::Transport> Connect(const Host& host, const ConnectionNeeds& needs, std::optional<Protocol> protocol);

  // Whether `host` may have one connection more by the bound on each host; workers that ask at the same time may pass
  // it by one each.
  bool HasRoom(const Host& host, config::Priority priority) const {
    const std::optional<uint32_t>& most = config().max_connections_per_host[static_cast<size_t>(priority)];
    return !most || host.Sum(HostFigures::kCxActive) < *most;
  }

  // Idle connections close at once, others when their last stream ends.
  void Drain();

  // Certificates may have been renewed, withdrawn, or have expired: connections that may not go on take no more streams,
  // and end after `drain_time` at the latest.
  void CheckIdentities(tls::IdentityChecks& checks, base::Duration drain_time);

  // Called by a draining pool that has become empty. It may be destroyed at the end of this turn.
  void OnPoolEmpty() { worker_.Step(sweep_); }

 private:
  friend class ClusterNames;
  struct Key {
    const Host* host;
    Protocol protocol;
    ConnectionNeeds needs;  // the pool's own; mostly empty
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const Key& key) {
      state = H::combine(std::move(state), key.host, key.protocol);
      if (key.needs.empty()) [[likely]] return state;
      return H::combine(std::move(state), key.needs.server_name, key.needs.proxy_head, key.needs.expected_names,
                        key.needs.alpn, key.needs.passed, key.needs.source);
    }
  };

  const std::shared_ptr<Host>& Pick(const PickContext& context) {
    return subsets_ ? subsets_->Pick(context) : balancer_.Pick(context);
  }
  const std::shared_ptr<Host>& PickHost(const PickContext& context);
  // The first one that is here, and as healthy as it has to be; null: none.
  const std::shared_ptr<Host>* NamedHost(HostNames& names) const;
  // The one with that address, if it is as healthy as that of a session has to be; null: it is not there.
  const std::shared_ptr<Host>* SessionHost(std::string_view address);
  void PreconnectNext(Protocol protocol, config::Priority priority, const ConnectionNeeds& needs);
  // The host that a choice to come will have; null: none can be told.
  const std::shared_ptr<Host>* Foresee();
  // The one that was foreseen for this choice; null: none was.
  const std::shared_ptr<Host>* TakeForeseen(const PickContext& context);
  // What an internal listener is told of a connection to `host`; `objects`: ConnectionNeeds::passed.
  std::shared_ptr<const net::Passed> PassedTo(const Host& host, std::string_view objects);
  Choice ChooseInAggregate(const PickContext& context);
  void SetBalancers(const HostSet& hosts);
  // Calls visit(name) for each cluster that this one depends on.
  template <typename Visit>
  void ForEachNeeded(const Visit& visit) const {
    if (aggregate_) {
      for (const std::string& name : config().members) visit(name);
    }
    if (config().load_balancing.zone_aware) visit(config().load_balancing.zone_aware->proxies);
  }
  // Finds them; there are others than before. The last cluster of the proxies is remembered when there is none any more.
  void Link();
  // Of one of them.
  void OnHostsChanged();
  void GiveUpPools();
  // Ends what goes to hosts that were well in `before`, and are not any more.
  void LeaveFailedHosts(const HostSet& before);
  void Sweep();
  bool GiveUpIdlePool(config::Priority priority);
  bool GiveUpSpecialPool();
  void GiveUp(std::unique_ptr<Pool> pool);
  void CheckSome();
  bool Check(Pool& pool);
  void OnHostGone(const Host& host) override;

  const std::shared_ptr<Cluster> cluster_;
  event::Worker& worker_;
  net::Connector& connector_;
  base::Random& random_;
  const std::optional<net::ConnectOptions> connect_options_;
  const std::unique_ptr<ClientCodecs> codecs_;
  ClusterStats stats_;
  std::shared_ptr<const HostSet> hosts_;
  std::shared_ptr<const HostSet> proxies_;  // hosts like this one, where zones matter; null: not known
  event::Kept<ClusterShard> proxies_of_;    // whose these are
  ClusterNames* names_ = nullptr;           // null: it has never had its name, or the worker ends
  std::optional<Aggregate> aggregate_;      // instead of hosts of its own
  Balancer balancer_;
  std::optional<SubsetBalancer> subsets_;  // instead of it, where the cluster has some
  std::optional<LaneBalancer> lanes_;      // the same
  std::vector<const std::shared_ptr<Host>*> foreseen_;  // of hosts_; the next one in front
  absl::flat_hash_map<Key, std::unique_ptr<Pool>> pools_;
  std::vector<std::unique_ptr<Pool>> given_up_;  // drain; another pool may have their place already
  base::IntrusiveList<HostWatch, HostWatchTag> watches_;
  std::unique_ptr<OriginalDst> original_dst_;  // null: of another type
  std::vector<std::unique_ptr<TlsConnector>> tls_;  // of each of the cluster's transports; null: plain bytes
  stats::Counter* no_metadata_ = nullptr;      // null: no transport passes any on
  // Where hosts_ has no index of its own: made when a session asks first, and gone with hosts_.
  absl::flat_hash_map<std::string_view, const std::shared_ptr<Host>*> by_address_;
  size_t special_pools_ = 0;                   // for requests with needs of their own
  event::Task sweep_;
  event::Task check_;
  tls::IdentityChecks* identity_checks_ = nullptr;  // of the worker; null: not needed yet
  uint32_t checks_ = 0;                             // how often connections were to be looked at
  base::Duration drain_time_{};
  bool draining_ = false;
};

}  // namespace pillion::upstream
