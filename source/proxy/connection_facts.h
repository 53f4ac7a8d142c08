#pragma once

// What rules about access ask of a connection.

#include "source/access/request.h"
#include "source/listener/accepted.h"
#include "source/net/transport.h"

namespace pillion::proxy {

// After the handshake, where there is one. `facts` may be null.
access::ConnectionFacts FactsOf(net::Transport& transport, const listener::SocketFacts* facts);

// By its URIs: an SVID has one, which is its ID.
bool HasSpiffeId(const access::Peer& peer);

}  // namespace pillion::proxy
