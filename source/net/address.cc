#include "source/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace pillion::net {
namespace {

constexpr sa_family_t kInternalFamily = UINT16_MAX;

template <typename T>
T As(const sockaddr_storage& storage) {
  T address;
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

}  // namespace

std::optional<Address> Address::Ip(std::string_view ip, uint16_t port) {
  char text[INET6_ADDRSTRLEN + 1] = {};
  if (ip.size() > INET6_ADDRSTRLEN || ip.find('\0') != ip.npos) return std::nullopt;
  std::copy(ip.begin(), ip.end(), text);
  sockaddr_in v4{};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return FromSystem(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return FromSystem(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return std::nullopt;
}

std::optional<Address> Address::IpAndPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  std::string_view ip = text.substr(0, colon);
  const bool bracketed = ip.starts_with('[') && ip.ends_with(']');
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  std::optional<Address> address = Ip(ip, port);
  if (address && (address->family() == AF_INET6) != bracketed) return std::nullopt;
  return address;
}

std::optional<Address> Address::Unix(std::string_view path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  size_t size = offsetof(sockaddr_un, sun_path) + path.size() + 1;
  if (path.front() == '@') {
    address.sun_path[0] = '\0';
    --size;  // an abstract name has no end byte
  }
  return FromSystem(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
}

Address Address::Internal(std::string_view listener, std::string_view endpoint_id) {
  Address result;
  result.storage_.ss_family = kInternalFamily;
  result.size_ = sizeof result.storage_.ss_family;
  result.internal_ = std::make_shared<const InternalName>(InternalName{std::string(listener), std::string(endpoint_id)});
  return result;
}

std::string_view Address::internal_listener() const {
  return internal_ == nullptr ? std::string_view() : internal_->listener;
}

std::string_view Address::internal_endpoint() const {
  return internal_ == nullptr ? std::string_view() : internal_->endpoint_id;
}

Address Address::FromV4(std::span<const uint8_t, 4> ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  std::memcpy(&address.sin_addr, ip.data(), ip.size());
  return FromSystem(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Address Address::FromV6(std::span<const uint8_t, 16> ip, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  std::memcpy(&address.sin6_addr, ip.data(), ip.size());
  return FromSystem(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Address Address::FromSystem(const sockaddr* address, socklen_t size) {
  Address result;
  result.size_ = std::min<socklen_t>(size, sizeof result.storage_);
  std::memcpy(&result.storage_, address, result.size_);
  return result;
}

uint16_t Address::port() const {
  switch (family()) {
    case AF_INET:
      return ntohs(As<sockaddr_in>(storage_).sin_port);
    case AF_INET6:
      return ntohs(As<sockaddr_in6>(storage_).sin6_port);
  }
  return 0;
}

bool Address::is_v4_mapped() const {
  if (family() != AF_INET6) return false;
  const sockaddr_in6 address = As<sockaddr_in6>(storage_);
  return IN6_IS_ADDR_V4MAPPED(&address.sin6_addr) != 0;
}

bool Address::is_loopback() const {
  switch (family()) {
    case AF_INET:
      return (ntohl(As<sockaddr_in>(storage_).sin_addr.s_addr) >> 24) == 127;
    case AF_INET6: {
      const sockaddr_in6 address = As<sockaddr_in6>(storage_);
      if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) return address.sin6_addr.s6_addr[12] == 127;
      return IN6_IS_ADDR_LOOPBACK(&address.sin6_addr) != 0;
    }
    case AF_UNIX:
      return true;
  }
  return false;
}

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = {};
  switch (family()) {
    case AF_INET: {
      const sockaddr_in address = As<sockaddr_in>(storage_);
      inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
      break;
    }
    case AF_INET6: {
      const sockaddr_in6 address = As<sockaddr_in6>(storage_);
      inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
      break;
    }
  }
  return text;
}

std::string Address::text() const {
  if (internal_ != nullptr) return "envoy://" + internal_->listener + "/" + internal_->endpoint_id;
  switch (family()) {
    case AF_INET:
      return ip() + ":" + std::to_string(port());
    case AF_INET6:
      return "[" + ip() + "]:" + std::to_string(port());
    case AF_UNIX: {
      const sockaddr_un address = As<sockaddr_un>(storage_);
      const size_t length = size_ - offsetof(sockaddr_un, sun_path);
      if (length == 0) return "";  // an unnamed socket: the connecting side
      std::string path(address.sun_path, strnlen(address.sun_path, length));
      if (path.empty()) path = "@" + std::string(address.sun_path + 1, length - 1);
      return path;
    }
  }
  return "";
}

bool Address::operator==(const Address& other) const {
  if (size_ != other.size_ || std::memcmp(&storage_, &other.storage_, size_) != 0) return false;
  return internal_ == nullptr || *internal_ == *other.internal_;
}

}  // namespace pillion::net
