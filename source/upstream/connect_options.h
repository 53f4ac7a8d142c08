#pragma once

// What is configured of a cluster's connections, as the sockets take it.

#include <optional>

#include "source/config/cluster.h"
#include "source/net/connect_options.h"

namespace pillion::upstream {

// Nothing where nothing is configured.
std::optional<net::ConnectOptions> ConnectOptionsOf(const config::Cluster& cluster);

}  // namespace pillion::upstream
