#pragma once

// The rules of limits that a request is asked about, as an answer shows them: which of them apply, and by which key. What
// they have left is not asked here: it would cost.

#include "source/config/filter_config.h"
#include "source/explain/answer.h"
#include "source/explain/asked.h"

namespace pillion::explain {

// `filter`: the one of the chain; `override_config`: what the route has for it, or null. False: it is another filter.
bool DescribeLimits(const config::FilterConfig& filter, const config::FilterConfig* override_config, const Asked& asked,
                    Answer& answer);

}  // namespace pillion::explain
