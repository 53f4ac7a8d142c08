#pragma once

// Where a listener listens, and how its sockets are opened.

#include <vector>

#include "absl/status/statusor.h"
#include "source/config/listener.h"
#include "source/net/address.h"
#include "source/net/listener.h"

namespace pillion::server {

absl::StatusOr<net::Address> ToNetAddress(const config::Address& address);

// Of a socket at `address`, one of the listener's, which listens later.
net::ListenOptions ListenOptionsOf(const config::Listener& listener, const config::Address& address, bool reuse_port);

std::vector<config::Address> AddressesOf(const config::Listener& listener);

// Of two that bind. Null: they share none.
const config::Address* SharedAddress(const config::Listener& a, const config::Listener& b);

// Its sockets serve the other one as well.
bool SameSockets(const config::Listener& a, const config::Listener& b);

// It can be updated on the workers; else another one takes its place there.
bool SameShards(const config::Listener& a, const config::Listener& b);

// Chain by chain.
bool HaveSameChains(const config::Listener& a, const config::Listener& b);

}  // namespace pillion::server
