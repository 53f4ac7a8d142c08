#pragma once

// What the configuration calls an address, as the system calls take it.

#include "source/config/address.h"
#include "source/net/address.h"

namespace pillion::upstream {

// `address` was checked when it was loaded.
net::Address SystemAddress(const config::Address& address);

}  // namespace pillion::upstream
