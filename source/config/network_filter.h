#pragma once

// Network filters before the one that ends the chain, as configured.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "source/base/clock.h"

namespace pillion::access {
class Engine;
}

namespace pillion::config {

struct ConnectionLimit {
  std::string stat_prefix;
  uint64_t max_connections = 0;  // of this filter, in the whole process
  base::Duration delay{0};       // before one too many is closed
  bool enabled = true;
};

// The server name that the client asked for is the cluster's name.
struct SniCluster {};

// Who may send bytes.
struct NetworkRbac {
  std::string stat_prefix;
  std::string shadow_prefix;  // of counters and notes
  // Null: there is none.
  std::shared_ptr<const access::Engine> engine;
  std::shared_ptr<const access::Engine> shadow;
  bool continuous = false;  // asked each time that bytes come, not only the first time
  base::Duration delay{0};  // before who is denied is closed
};

using NetworkFilter = std::variant<ConnectionLimit, NetworkRbac, SniCluster>;

}  // namespace pillion::config
