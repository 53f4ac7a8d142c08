#pragma once

// Network filters before the one that ends the chain, as configured.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/config/filter_config.h"
#include "source/config/filter_state.h"
#include "source/runtime/key.h"

namespace pillion::access {
class Engine;
}

namespace pillion::limit {
class SharedBucket;
}

namespace pillion::config {

// Whether a filter is on (runtime_enabled), which may change while the process runs.
struct Switch {
  bool otherwise = true;
  std::shared_ptr<const runtime::Key> key;  // null: it stays as it is

  bool Now() const { return key == nullptr ? otherwise : key->Flag(otherwise); }
  bool Ever() const { return key != nullptr || otherwise; }
};

struct ConnectionLimit {
  std::string stat_prefix;
  uint64_t max_connections = 0;  // of this filter, in the whole process
  base::Duration delay{0};       // before one too many is closed
  Switch on;                     // off: it counts, where it may be switched on, and refuses nobody
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

// How fast connections may come (local_ratelimit).
struct ConnectionRate {
  std::string stat_prefix;
  std::shared_ptr<limit::SharedBucket> bucket;  // shared by all workers, and by other versions of the configuration
  Switch on;
};

// Objects of the connection, which all of its streams have.
struct ConnectionState {
  std::vector<FilterStateObject> on_new_connection;
  std::vector<FilterStateObject> on_handshake;  // of its TLS
};

using NetworkFilter =
    std::variant<ConnectionLimit, ConnectionRate, ConnectionState, NetworkRbac, SniCluster, MissingFilter>;

}  // namespace pillion::config
