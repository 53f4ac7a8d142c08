#pragma once

// IP addresses and ranges of them (CIDR). An IPv4 address is the same when it is written as an IPv6 one
// (::ffff:192.0.2.1, RFC 4291, 2.5.5.2). Immutable.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pillion::match {

class IpAddress {
 public:
  // Without a port or brackets. Nothing for what is none.
  static std::optional<IpAddress> Parse(std::string_view text);

  int bits() const { return v6_ ? 128 : 32; }
  // The first `bits` are the same; never for addresses of two kinds.
  bool HasCommonPrefix(const IpAddress& other, int bits) const;

 private:
  std::array<uint8_t, 16> bytes_{};
  bool v6_ = false;
};

class IpRange {
 public:
  // `bits` is what the addresses in it have in common, at most address.bits().
  IpRange(const IpAddress& address, int bits) : address_(address), bits_(bits) {}

  bool Contains(const IpAddress& address) const { return address_.HasCommonPrefix(address, bits_); }

 private:
  IpAddress address_;
  int bits_;
};

}  // namespace pillion::match
