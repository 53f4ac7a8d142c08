#pragma once

// A socket address as the system calls take it; or the name of a listener of this process that has no socket, which they
// refuse.

#include <sys/socket.h>

#include <cstdint>
#include <memory>
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
  // Of a listener without a socket; `endpoint_id` tells hosts apart that lead to it, and may be empty.
  static Address Internal(std::string_view listener, std::string_view endpoint_id);
  // Of bytes in the order of the network.
  static Address FromV4(std::span<const uint8_t, 4> ip, uint16_t port);
  static Address FromV6(std::span<const uint8_t, 16> ip, uint16_t port);
  static Address FromSystem(const sockaddr* address, socklen_t size);

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return size_ == 0 ? AF_UNSPEC : storage_.ss_family; }
  bool is_internal() const { return internal_ != nullptr; }
  std::string_view internal_listener() const;  // empty where it is not internal; views live as long as the address
  std::string_view internal_endpoint() const;
  uint16_t port() const;     // 0 where there is none
  bool is_v4_mapped() const;  // ::ffff:192.0.2.1
  bool is_loopback() const;  // 127.0.0.0/8, ::1, or a unix socket

  std::string ip() const;    // without the port; empty where there is none
  std::string text() const;  // "127.0.0.1:80", "[::1]:80", "/run/app.sock", "envoy://listener/endpoint"

  bool operator==(const Address& other) const;

 private:
  struct InternalName {
    std::string listener;
    std::string endpoint_id;

    bool operator==(const InternalName&) const = default;
  };

  sockaddr_storage storage_{};  // of an internal one a family that the system does not have
  socklen_t size_ = 0;
  std::shared_ptr<const InternalName> internal_;  // null: it is none
};

}  // namespace pillion::net
