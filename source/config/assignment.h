#pragma once

// Which hosts a cluster has, as a file or a control plane says it (EDS).

#include <vector>

#include "source/base/clock.h"
#include "source/config/cluster.h"

namespace pillion::config {

struct Assignment {
  std::vector<Endpoint> endpoints;
  AssignmentPolicy policy;
  base::Duration stale_after{0};  // it is forgotten when no other has come by then; zero: never
};

}  // namespace pillion::config
