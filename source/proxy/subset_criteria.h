#pragma once

// Which subset of a cluster's hosts a request goes to, where filters have a say: what they noted under envoy.lb, before what
// the route says.

#include "source/base/arena.h"
#include "source/config/lb_criteria.h"
#include "source/metadata/annotations.h"

namespace pillion::proxy {

// `route` itself where nothing is noted; else in the arena.
config::LbCriteriaView MergeCriteria(const config::LbCriteriaView& route, const metadata::DynamicMetadata& noted,
                                     base::Arena& arena);

}  // namespace pillion::proxy
