#pragma once

// Chooses the next host of a cluster, on one worker: first the priority and whether its healthy or its degraded hosts,
// as the set's load says; then, where localities are weighted, the locality; then by the cluster's policy.
//
// By a hash, with a bound on the load: the host that the hash means, if it has no more than hash_balance_percent of its
// part of all requests in flight; else the first one within its bound in an order that the hash says; else, the one
// with the least load.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "source/base/random.h"
#include "source/config/load_balancing.h"
#include "source/event/worker.h"
#include "source/upstream/breaker.h"
#include "source/upstream/cluster_stats.h"
#include "source/upstream/host_set.h"
#include "source/upstream/lane.h"
#include "source/upstream/rotation.h"
#include "source/upstream/zone_routing.h"

namespace pillion::upstream {

// Says of hosts that another one would be better, such as those that an earlier attempt went to.
class HostFilter {
 public:
  virtual bool Refuses(const Host& host) const = 0;

 protected:
  ~HostFilter() = default;
};

// The hosts that a request names, each once.
class HostNames {
 public:
  // The next one, as an address and a port; empty: there is none left. `named`: how the cluster that asks has it.
  virtual std::string_view Next(const config::HostOverride& named) = 0;
  // True once, after Next() has left out what is beyond its bound.
  virtual bool TakeOverflow() = 0;

 protected:
  ~HostNames() = default;
};

// What a choice depends on beside the hosts. Made for each choice, on the stack.
struct PickContext {
  std::optional<uint64_t> hash;     // of the request, by the route's hash policies
  config::LbCriteriaView criteria;  // which subset; empty: no one in particular
  const LaneWish* lane = nullptr;   // null: the baseline
  // Priorities that it shall not be, by number, as long as there are others; null: any.
  const std::vector<bool>* left_out = nullptr;
  std::optional<PriorityChoice> priority;  // the one that was chosen already
  // As many more hosts are looked at while this refuses them; the last one is taken.
  const HostFilter* filter = nullptr;
  uint32_t more_hosts = 0;
  uint32_t attempt = 0;  // of those
  HostNames* names = nullptr;  // null: none
  // The address of the host that the request's session is with, before all others; empty: any. `only`: no other will do.
  std::string_view session_host = {};
  bool only_session_host = false;
  const HostFilter* tried = nullptr;  // refuses hosts where earlier attempts failed; null: there was none
};

// The first host that the context's filter does not refuse, of as many as are looked at; else the last of those.
// `pick` gives one, or null.
template <typename Pick>
const std::shared_ptr<Host>& PickUnrefused(const PickContext& context, const Pick& pick) {
  const std::shared_ptr<Host>* host = &pick(context);
  if (context.filter == nullptr) [[likely]] return *host;
  PickContext next = context;
  while (*host != nullptr && next.attempt < next.more_hosts && next.filter->Refuses(**host)) {
    ++next.attempt;
    host = &pick(next);
  }
  return *host;
}

// What a worker's balancers of a cluster have in common; all outlive them.
struct BalancerParts {
  const event::Worker& worker;
  base::Random& random;
  ClusterStats& stats;
  const std::array<Breakers, 2>& breakers;  // of the cluster
  // The hosts like this one, where requests are to stay in their zone; the pointer is null while they are not known.
  const std::shared_ptr<const HostSet>& proxies;
};

class Balancer {
 public:
  Balancer(const config::LoadBalancing& config, const BalancerParts& parts) : config_(config), parts_(parts) {}

  // The hosts to choose from now. The caller keeps the set until the next call.
  void SetHosts(const HostSet& set);

  // Null when there is none. The pointer is one of the set's.
  const std::shared_ptr<Host>& Pick(const PickContext& context) {
    if (only_ != nullptr && !context.priority) [[likely]] return only_->Pick();
    return PickAmongSources(context);
  }

 private:
  // A part of the hosts that gets a part of the requests.
  struct Source {
    uint32_t up_to = 0;  // of 100: it gets what is above the one before
    bool panic = false;
    std::vector<Rotation> rotations;  // one, or one for each locality
    Turns localities;                 // empty: the first rotation
    std::vector<double> locality_costs;
    const HashTable* table = nullptr;  // instead of rotations
    std::vector<Rotation> zones;       // of each locality of zones_; empty: any zone will do
  };

  Source MakeSource(uint32_t priority, bool degraded) const;
  void AddSource(uint32_t priority, uint32_t share, bool degraded);
  const std::shared_ptr<Host>& PickAmongSources(const PickContext& context);
  const std::shared_ptr<Host>& PickFrom(Source& source, uint64_t hash, const PickContext& context);
  Source* SourceOf(const PriorityChoice& choice);
  bool StaysInZone() const;

  const std::shared_ptr<Host>& PickByHash(const HashTable& table, uint64_t hash, uint32_t attempt);
  double LoadOf(const HashTable::Member& member, uint64_t all_requests) const;

  const config::LoadBalancing& config_;
  const BalancerParts parts_;
  const HostSet* set_ = nullptr;
  std::unique_ptr<const ZoneRouting> zones_;  // null: any zone will do
  std::vector<Source> sources_;
  std::vector<std::unique_ptr<Source>> asked_for_;  // by priority, healthy and degraded; made when first asked for
  Rotation* only_ = nullptr;  // of the only source, where that is all
};

}  // namespace pillion::upstream
