#pragma once

// The choice of a filter chain, by the chains' matches or by the listener's matcher.

#include <cstdint>
#include <optional>

#include "source/access/request.h"
#include "source/config/listener.h"
#include "source/listener/accepted.h"

namespace pillion::listener {

// What is known of a connection when it is chosen: nothing of TLS but what listener filters saw. `facts` may be null.
access::ConnectionFacts FactsOf(net::Transport& transport, const SocketFacts* facts);

// An index of the listener's chains; nothing: none is for it. Any thread.
std::optional<uint32_t> FindChain(const config::Listener& listener, net::Transport& transport, const SocketFacts* facts);

// The chain that a client gets who asks for `name`, in lower case, where that is because of this name: with another one,
// or none, it might be another chain. `known` is what FactsOf() has said of the connection, or said more.
std::optional<uint32_t> FindChainByName(const config::Listener& listener, net::Transport& transport,
                                        const SocketFacts* facts, const access::ConnectionFacts& known,
                                        std::string_view name);

}  // namespace pillion::listener
