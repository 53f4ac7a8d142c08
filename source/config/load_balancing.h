#pragma once

// How the host of a request is chosen within its cluster.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/config/host_override.h"
#include "source/config/lanes.h"
#include "source/config/lb_criteria.h"
#include "source/config/locality.h"
#include "source/match/fraction.h"

namespace pillion::config {

// A host that is new to a cluster gets its weight little by little, over `window`.
struct SlowStart {
  base::Duration window{0};  // zero: all of it at once
  double aggression = 1.0;   // > 0; its share is (time / window) ^ (1 / aggression)
  double min_weight_percent = 10;
};

// Parts of a cluster's hosts, by their metadata of the namespace envoy.lb.
struct SubsetConfig {
  enum class Fallback : uint8_t { kClusters, kNone, kAnyHost, kDefaultSubset, kFewerKeys };

  // Hosts that have all of `keys` are in the subset of their values.
  struct Selector {
    std::vector<std::string> keys;                // sorted
    std::string keys_text;                        // LbCriteria::KeysText() of them
    Fallback fallback = Fallback::kClusters;      // where no host has the values
    std::vector<std::string> fallback_keys;       // kFewerKeys: the values of these are asked for instead
    bool single_host = false;                     // the first one only
  };

  std::vector<Selector> selectors;      // no set of keys twice; fewer keys are those of another one, without a circle
  Fallback fallback = Fallback::kNone;  // kNone, kAnyHost or kDefaultSubset
  LbCriteria default_subset;
  bool locality_weight_aware = false;
  bool scale_locality_weight = false;  // by the part of a locality's hosts that are in the subset
  bool allow_redundant_keys = false;   // criteria may have more keys than a selector
  bool panic_mode_any = false;  // any host, where the fallback has none
  bool list_as_any = false;     // a list is each of its elements
  bool fallback_list = false;   // criteria may say what else to ask for: LbCriteriaView::alternatives
};

// Hosts make their weights themselves, by what they report of their load.
struct ReportedWeighting {
  base::Duration blackout = std::chrono::seconds(10);     // from the first report on, before a weight is used
  base::Duration expiration = std::chrono::seconds(180);  // after the last one
  base::Duration update = std::chrono::seconds(1);        // how often all weights are set
  double error_penalty = 1;                               // times errors for each request, added to the utilization
  std::vector<std::string> metrics;                       // whose most is the utilization, before that of processors
};

// As many requests as possible stay in this proxy's own zone.
struct ZoneAware {
  std::string proxies;            // the cluster of the hosts like this one
  Locality own;                   // of this one
  double percent = 100;           // of the requests that this holds for
  uint64_t min_cluster_size = 6;  // healthy hosts that there must be
};

struct LoadBalancing {
  enum class Policy : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev, kClusterProvided };

  Policy policy = Policy::kRoundRobin;

  uint32_t least_request_choices = 2;
  double active_request_bias = 1.0;  // exponent of the requests in flight, with unequal weights
  SlowStart slow_start;              // of the policies that take turns
  std::shared_ptr<const ReportedWeighting> reported_weights;  // of round robin; null: weights are as configured

  uint64_t min_ring_size = 1024;
  uint64_t max_ring_size = 8 * 1024 * 1024;
  bool murmur = false;                  // the hash of a ring's points is MurmurHash2, not xxHash64
  uint32_t maglev_table_size = 65537;   // a prime
  bool hash_hostname = false;           // instead of the address
  uint32_t hash_balance_percent = 0;    // of the mean load, that a host gets at most; 0: no bound

  double panic_threshold = 50;          // percent; below it a priority's health is not heeded
  bool fail_traffic_on_panic = false;
  bool locality_weighted = false;
  std::optional<ZoneAware> zone_aware;
  std::shared_ptr<const SubsetConfig> subsets;  // null: there are none
  std::shared_ptr<const Lanes> lanes;           // null: there are none; never with subsets
  std::shared_ptr<const HostOverride> host_override;  // before all of these; null: requests name no hosts
  uint8_t session_health = HostOverride::kHealthy | HostOverride::kDegraded;  // what the host of a session may be

  bool hashes() const { return policy == Policy::kRingHash || policy == Policy::kMaglev; }
};

// What comes with a list of endpoints.
struct AssignmentPolicy {
  uint32_t overprovisioning_percent = 140;  // a priority of which 100 / 1.4 percent are healthy counts as healthy
  bool weighted_priority_health = false;    // healthy by weight, not by number
  match::Fraction drop{.numerator = 0};     // of the requests that are answered at once
  std::string drop_category;                // why, as load reports name it; empty: nothing is dropped

  bool operator==(const AssignmentPolicy&) const = default;
};

}  // namespace pillion::config
