#pragma once

// Which lane a request goes to that has a colour: its own, one that a fallback names, or the baseline.

#include "absl/functional/function_ref.h"
#include "source/config/lanes.h"
#include "source/upstream/lanes.h"

namespace pillion::upstream {

// `lack_of` a set: why it can take no request, as Lanes::LackOf() says or beyond that; it is not asked of the baseline.
LaneChoice ChooseLane(const Lanes& lanes, const config::Lanes& config, const LaneWish& wish,
                      absl::FunctionRef<LaneLack(size_t set)> lack_of);

}  // namespace pillion::upstream
