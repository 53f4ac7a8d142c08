#pragma once

// The rules of breakers that a request is asked about, as an answer shows them. None is asked here: it would count.

#include "source/config/filter_config.h"
#include "source/explain/answer.h"

namespace pillion::explain {

// `filter`: the one of the chain; `override_config`: what the route has for it, or null. False: it is another filter.
bool DescribeBreakers(const config::FilterConfig& filter, const config::FilterConfig* override_config, Answer& answer);

}  // namespace pillion::explain
