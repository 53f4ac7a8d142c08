#pragma once

// A socket address as the system calls take it.

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pillion::net {

class Address {
 public:
  Address() = default;  // unspecified

  // `ip` in the text form of inet_pton; nothing when it is none.
  static std::optional<Address> Ip(std::string_view ip, uint16_t port);
  // "192.0.2.1:80", "[::1]:80"; nothing when it is none.
  static std::optional<Address> IpAndPort(std::string_view text);
  // A path of at most 107 bytes; '@' first stands for the abstract namespace.
  static std::optional<Address> Unix(std::string_view path);
  // Of bytes in the order of the network.
  static Address FromV4(std::span<const uint8_t, 4> ip, uint16_t port);
  static Address FromV6(std::span<const uint8_t, 16> ip, uint16_t port);
  static Address FromSystem(const sockaddr* address, socklen_t size);

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return size_ == 0 ? AF_UNSPEC : storage_.ss_family; }
  uint16_t port() const;     // 0 where there is none
  bool is_v4_mapped() const;  // ::ffff:192.0.2.1
  bool is_loopback() const;  // 127.0.0.0/8, ::1, or a unix socket

  std::string ip() const;    // without the port; empty where there is none
  std::string text() const;  // "127.0.0.1:80", "[::1]:80", "/run/app.sock"

  bool operator==(const Address& other) const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace pillion::net
