#pragma once

// Which lane a request goes to that has a colour: its own, one that a fallback names, or the baseline.

#include <cstddef>
#include <optional>

#include "absl/functional/function_ref.h"
#include "source/config/lanes.h"
#include "source/upstream/lanes.h"

namespace pillion::upstream {

// `lack_of` a set: why it can take no request, as Lanes::LackOf() says or beyond that; it is not asked of the baseline.
LaneChoice ChooseLane(const Lanes& lanes, const config::Lanes& config, const LaneWish& wish,
                      absl::FunctionRef<LaneLack(size_t set)> lack_of);

// A host that has as many requests in flight as it may have. Workers that ask at one time may pass the bound by one each.
bool IsFull(const Host& host, const config::Lanes& config);

// Why a set can take no request now: as Lanes::LackOf() says; or each host that requests may go to is `refused`, then it is
// unhealthy; or is that or full.
LaneLack LackNow(const Lanes& lanes, const config::Lanes& config, size_t set,
                 absl::FunctionRef<bool(const Host& host)> refused);

// Which of an aggregate's clusters a request goes to that has a colour, whatever the health of the others: the first whose
// lane can take it, else the first of which a fallback can. `outcome_of` a cluster: where the request would go there;
// nothing: it has no lanes. Where all have lanes and all refuse, that which says most of why. Nothing: health decides.
std::optional<size_t> ChooseMember(size_t count, absl::FunctionRef<std::optional<LaneOutcome>(size_t cluster)> outcome_of);

}  // namespace pillion::upstream
