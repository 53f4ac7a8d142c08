#pragma once

// The subsets of a cluster's hosts: each is a host set of its own. Immutable, made by the main thread, shared by the
// workers.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/config/load_balancing.h"
#include "source/upstream/host_set.h"

namespace pillion::upstream {

// How hosts are chosen within a subset.
config::LoadBalancing Within(const config::LoadBalancing& config);

struct Subsets {
  static constexpr size_t kNone = SIZE_MAX;

  // `whole`: all hosts, by priority.
  Subsets(const Hosts& hosts, const config::LoadBalancing& config, const config::AssignmentPolicy& policy,
          const std::vector<PriorityHosts>* whole);

  // The subset whose hosts have all of `criteria` (LbCriteria::text()), by the keys of one selector; or kNone.
  size_t Find(std::string_view criteria) const;

  std::vector<HostSet> sets;                          // none is empty
  absl::flat_hash_map<std::string, size_t> by_criteria;
  size_t default_set = kNone;  // of the default subset
  size_t any = kNone;          // of all hosts
};

}  // namespace pillion::upstream
