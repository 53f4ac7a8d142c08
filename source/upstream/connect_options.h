#pragma once

// What is configured of a cluster's connections, as the sockets take it.

#include <optional>
#include <string_view>

#include "source/config/cluster.h"
#include "source/net/connect_options.h"

namespace pillion::upstream {

// Nothing where nothing is configured.
std::optional<net::ConnectOptions> ConnectOptionsOf(const config::Cluster& cluster);

// The same for connections that come from `source` (net/own_source.h), which hosts of another family do not see. `options`:
// those of the cluster, or null.
net::ConnectOptions ConnectOptionsFrom(std::string_view source, const net::Address& host,
                                       const net::ConnectOptions* options);

}  // namespace pillion::upstream
