#pragma once

// The colour that rules, or its context, give a request, as an answer shows it.

#include <optional>

#include "source/config/filter_config.h"
#include "source/explain/answer.h"
#include "source/explain/asked.h"
#include "source/upstream/lane.h"

namespace pillion::explain {

// `of_route`: what the route has for the filter, or null. `forced`: the lane that a toggle asks for; empty: none does.
// `random`: the request's own number, by which chance decides.
// Nothing: it is another filter. Labels lie in the arena, or in the configuration; none: the baseline.
std::optional<upstream::LaneWish> DescribeGrey(const config::FilterConfig& filter, const config::FilterConfig* of_route,
                                               const Asked& asked, const upstream::LaneWish& forced, uint64_t random,
                                               Answer& answer);

}  // namespace pillion::explain
