#pragma once

// What the configuration calls an address, as the system calls take it.

#include <memory>

#include "source/config/address.h"
#include "source/config/cluster.h"
#include "source/net/address.h"
#include "source/net/happy_eyeballs.h"

namespace pillion::upstream {

// `address` was checked when it was loaded.
net::Address SystemAddress(const config::Address& address);

// All addresses of a host, in the order in which they are tried; null: it has only the one.
std::shared_ptr<const net::Addresses> AddressesOf(const net::Address& first, const config::Endpoint& endpoint,
                                                  const config::HappyEyeballs& order);
// The same of those that a name has, the first of which is the host's own; null: there is only that.
std::shared_ptr<const net::Addresses> AddressesOf(const net::Addresses& given, const config::HappyEyeballs& order);

}  // namespace pillion::upstream
