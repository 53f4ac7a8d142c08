#pragma once

// Where to listen or connect, as configuration says it: checked text, not yet a sockaddr (net/ makes that of it).

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace pillion::config {

// An IP address and port. `ip` is canonical, as inet_ntop writes it: equal addresses have equal text.
struct SocketAddress {
  std::string ip;
  bool is_ipv6 = false;
  uint16_t port = 0;         // 0: for a listener, the kernel chooses
  bool ipv4_compat = false;  // listening on "::" takes IPv4 as well

  bool operator==(const SocketAddress&) const = default;
};

// A unix domain socket. A leading '@' stands for the abstract namespace.
struct UnixPath {
  std::string path;
  std::optional<uint32_t> mode;  // permission bits of the socket file; none: as the umask leaves them

  bool operator==(const UnixPath&) const = default;
};

// A listener of this process that has no socket, by its name. `endpoint_id` tells hosts apart that lead to it.
struct InternalAddress {
  std::string listener;
  std::string endpoint_id;

  bool operator==(const InternalAddress&) const = default;
};

using Address = std::variant<SocketAddress, UnixPath, InternalAddress>;

// A name that DNS resolves, in a STRICT_DNS cluster only. An IP address there is a SocketAddress.
struct DnsTarget {
  std::string host;
  uint16_t port = 0;

  bool operator==(const DnsTarget&) const = default;
};

// "127.0.0.1:80", "[::1]:80", "/run/app.sock", "envoy://listener/endpoint".
std::string AddressText(const Address& address);

// "name:80".
std::string DnsTargetText(const DnsTarget& target);

}  // namespace pillion::config
