#pragma once

// Which subset of a cluster's hosts a request goes to: the one that its criteria name, or what the fallback says. Nothing is
// allocated.

#include <cstddef>

#include "source/config/load_balancing.h"
#include "source/upstream/subsets.h"

namespace pillion::upstream {

struct SubsetChoice {
  size_t subset = Subsets::kNone;  // kNone: no host
  bool selected = false;           // by the criteria; else by a fallback
  bool of_selector = false;        // by its fallback, not the cluster's: Envoy does not count it
  bool may_panic = false;          // where it has no host to give, any host of the cluster will do: Subsets::any
};

SubsetChoice ChooseSubset(const Subsets& subsets, const config::SubsetConfig& config,
                          const config::LbCriteriaView& criteria);

}  // namespace pillion::upstream
