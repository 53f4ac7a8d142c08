#pragma once

#include "source/listener/accepted.h"
#include "source/match/connection_matcher.h"

namespace pillion::listener {

// What the choice of a filter chain goes by; refers to `facts`, which may be null.
match::ConnectionTraits TraitsOf(net::Transport& transport, const SocketFacts* facts);

}  // namespace pillion::listener
