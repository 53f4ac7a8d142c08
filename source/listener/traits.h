#pragma once

#include "source/listener/accepted.h"
#include "source/match/connection_matcher.h"

namespace pillion::listener {

// What the choice of a filter chain goes by; refers to `accepted`.
match::ConnectionTraits TraitsOf(Accepted& accepted);

}  // namespace pillion::listener
