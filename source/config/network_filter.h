#pragma once

// Network filters before the one that ends the chain, as configured.

#include <cstdint>
#include <string>
#include <variant>

#include "source/base/clock.h"

namespace pillion::config {

struct ConnectionLimit {
  std::string stat_prefix;
  uint64_t max_connections = 0;  // of this filter, in the whole process
  base::Duration delay{0};       // before one too many is closed
  bool enabled = true;
};

// The server name that the client asked for is the cluster's name.
struct SniCluster {};

using NetworkFilter = std::variant<ConnectionLimit, SniCluster>;

}  // namespace pillion::config
