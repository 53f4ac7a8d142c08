#pragma once

// What a cluster says in place of the routes that lead to it, where it says something.

#include <optional>
#include <vector>

#include "source/config/hash_policy.h"
#include "source/config/route.h"

namespace pillion::config {

struct RouteOverrides {
  std::vector<MirrorPolicy> mirrors;
  std::vector<HashPolicy> hash_policies;
  std::optional<RetryPolicy> retry_policy;
};

}  // namespace pillion::config
