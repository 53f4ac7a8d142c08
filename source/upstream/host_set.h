#pragma once

// The hosts of a cluster at one time, sorted out for the choice among them: immutable, made by the main thread, shared
// by the workers.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/config/load_balancing.h"
#include "source/upstream/hash_table.h"
#include "source/upstream/host.h"

namespace pillion::upstream {

using Hosts = std::vector<std::shared_ptr<Host>>;

// The hosts of one locality and priority.
struct LocalityHosts {
  config::Locality locality;
  uint32_t weight = 0;  // 0: gets nothing where localities are weighted
  Hosts hosts;          // all of them
  Hosts healthy;
  Hosts degraded;
  size_t excluded = 0;  // of all
  // weight, as far as enough of the hosts are healthy (degraded).
  double healthy_weight = 0;
  double degraded_weight = 0;
};

// The hosts of one priority.
struct PriorityHosts {
  Hosts hosts;  // all of them
  Hosts healthy;
  Hosts degraded;
  size_t excluded = 0;                     // of all
  std::vector<LocalityHosts> localities;  // in the order in which they first come
  uint32_t health = 0;                     // 0..100: how much of all requests it could take with healthy hosts
  uint32_t degraded_health = 0;            // and with degraded ones
  std::shared_ptr<const HashTable> table;  // where hosts are chosen by a hash; else null
};

// Which percent of the requests goes where. All add up to 100, even without any host.
struct PriorityLoad {
  struct Share {
    uint32_t healthy = 0;
    uint32_t degraded = 0;
    bool panic = false;  // all hosts are chosen from, whatever their health
  };
  std::vector<Share> shares;  // by priority
};

struct Lanes;
struct Subsets;

// By the text of their address, which is theirs.
using HostsByAddress = absl::flat_hash_map<std::string_view, std::shared_ptr<Host>>;

struct HostSet {
  match::Fraction drop{.numerator = 0};   // of the requests that are answered at once
  Hosts hosts;                            // by priority; no address twice
  std::vector<PriorityHosts> priorities;  // by number
  PriorityLoad load;
  std::shared_ptr<const Subsets> subsets;  // null where the cluster has none
  std::shared_ptr<const Lanes> lanes;      // the same
  std::shared_ptr<const HostsByAddress> by_address;  // null where requests name none
};

// `hosts`: no address twice, in any order. `whole`: all that these are a part of, by priority, where the weight of a
// locality is to be less as few of its hosts are among them; null: it is what it is.
HostSet MakeHostSet(Hosts hosts, const config::LoadBalancing& config, const config::AssignmentPolicy& policy,
                    const std::vector<PriorityHosts>* whole = nullptr);

using Priorities = std::vector<const PriorityHosts*>;
Priorities PrioritiesOf(const HostSet& set);

// The load over `priorities`, of which those in `left_out` (by number; may be shorter) count as empty.
PriorityLoad DistributeLoad(const Priorities& priorities, const std::vector<bool>& left_out, double panic_threshold);

// Whether the healthy hosts (and degraded ones) are so few that health is not heeded.
bool InPanic(const PriorityHosts& priority, double threshold);

// What of a load is meant by a number below 100.
struct PriorityChoice {
  uint32_t priority = 0;
  bool degraded = false;
};
PriorityChoice ChoosePriority(const PriorityLoad& load, uint64_t percent);

}  // namespace pillion::upstream
