#pragma once

// What is configured of sockets.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source/config/address.h"

namespace pillion::config {

// Socket keepalive; what is not set stays as the system has it.
struct TcpKeepalive {
  std::optional<uint32_t> probes;
  std::optional<uint32_t> time_s;
  std::optional<uint32_t> interval_s;
};

// For setsockopt(2).
struct SocketOption {
  enum class State : uint8_t { kPrebind, kBound, kListening };

  int level = 0;
  int name = 0;
  std::string value;  // the bytes; of an int as the system has them
  State state = State::kPrebind;

  bool operator==(const SocketOption&) const = default;
};

// What a connection is bound to before it connects; for the version of IP that it has.
struct BindOptions {
  std::vector<SocketAddress> source_addresses;  // at most one of each version of IP
  bool freebind = false;
  std::vector<SocketOption> socket_options;
};

}  // namespace pillion::config
