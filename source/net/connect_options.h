#pragma once

// What a socket is told before it connects.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source/net/address.h"

namespace pillion::net {

// Keepalive of the system's TCP; what is not set stays as the system has it.
struct TcpKeepaliveOptions {
  std::optional<uint32_t> probes;
  std::optional<uint32_t> time_s;
  std::optional<uint32_t> interval_s;
};

// As for setsockopt(2).
struct SocketOption {
  enum class When : uint8_t { kPrebind, kBound, kListening };

  int level = 0;
  int name = 0;
  std::string value;
  When when = When::kPrebind;
};

// Sets those of `when`. Null, or the first that the system refuses; errno says why.
const SocketOption* ApplySocketOptions(int descriptor, const std::vector<SocketOption>& options, SocketOption::When when);

// What the system refuses of these fails the connect, but for keepalive. Of unix sockets only socket_options count.
struct ConnectOptions {
  std::optional<TcpKeepaliveOptions> keepalive;
  std::vector<Address> sources;  // the first of the peer's family is bound to; when none is, the first
  bool freebind = false;
  // In place of `sources`, for peers of its family: an IP that need not be this machine's; takes CAP_NET_ADMIN.
  std::optional<Address> foreign_source;
  uint32_t mark = 0;         // SO_MARK; 0: none
  std::vector<SocketOption> socket_options;
};

// What the system says to a socket with a foreign_source, and with `mark` unless that is 0: an errno; 0: it may be.
int ForeignSourceError(uint32_t mark);

}  // namespace pillion::net
