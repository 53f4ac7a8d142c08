#pragma once

// The lanes of a cluster's hosts: the hosts that have some labels in common are a host set of their own, and so is the
// baseline. Immutable, made by the main thread, shared by the workers.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/config/load_balancing.h"
#include "source/upstream/host_set.h"
#include "source/upstream/lane.h"

namespace pillion::upstream {

// Which of the sets a request goes to.
struct LaneChoice {
  size_t set;  // Lanes::kNone: none
  LaneOutcome outcome;
};

struct Lanes {
  static constexpr size_t kNone = SIZE_MAX;

  Lanes(const Hosts& hosts, const config::LoadBalancing& config, const config::AssignmentPolicy& policy);

  // The hosts that have all of `labels`, sorted by key. None: no host has, or there are no labels.
  size_t Find(std::span<const Label> labels) const;
  // Why a lane can take no request, as far as the health of its hosts goes; kNone: it can.
  LaneLack LackOf(size_t set) const {
    if (set == kNone) return LaneLack::kNoHosts;
    return healthy[set] ? LaneLack::kNone : LaneLack::kUnhealthy;
  }

  std::vector<HostSet> sets;
  std::vector<bool> healthy;  // by set: enough of its hosts are
  absl::flat_hash_map<std::string, size_t> by_labels;
  std::vector<size_t> fallbacks;  // of the configured ones that name labels: their sets; else none
  LaneChoice plain;               // of requests without a colour; a set in any case
  std::vector<std::string> names;  // of all lanes, as LaneOf() says; sorted
};

// The labels of a host, "env=gray,version=v2"; empty: it is of the baseline.
std::string LaneOf(const Host& host, const config::Lanes& config);

}  // namespace pillion::upstream
