#pragma once

// What is configured of a cluster's connections, as the sockets take it.

#include <optional>
#include <string_view>

#include "source/config/cluster.h"
#include "source/net/connect_options.h"

namespace pillion::upstream {

// Nothing where nothing is configured.
std::optional<net::ConnectOptions> ConnectOptionsOf(const config::Cluster& cluster);

// The same for connections that come from `source` (net/own_source.h). Of a host's addresses, those of another family see
// what `options` has, the cluster's, which may be null.
net::ConnectOptions ConnectOptionsFrom(std::string_view source, const net::ConnectOptions* options);

}  // namespace pillion::upstream
