#pragma once

// IP addresses and ranges of them (CIDR). An IPv4 address is the same when it is written as an IPv6 one
// (::ffff:192.0.2.1, RFC 4291, 2.5.5.2). Immutable.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace pillion::match {

class IpAddress {
 public:
  // Without a port or brackets. Nothing for what is none.
  static std::optional<IpAddress> Parse(std::string_view text);
  // Of bytes in the order of the network.
  static IpAddress FromV4(std::span<const uint8_t, 4> bytes);
  static IpAddress FromV6(std::span<const uint8_t, 16> bytes);

  int bits() const { return v6_ ? 128 : 32; }
  // The first `bits` are the same; never for addresses of two kinds.
  bool HasCommonPrefix(const IpAddress& other, int bits) const;
  // As a text: a letter for its kind, and a "0" or "1" for each bit. Of an address in a range it begins with that of the
  // range. Lives as long as `buffer`.
  using BitText = std::array<char, 1 + 128>;
  std::string_view Bits(BitText& buffer) const;
  bool operator==(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
  bool v6_ = false;
};

class IpRange {
 public:
  // `bits` is what the addresses in it have in common, at most address.bits().
  IpRange(const IpAddress& address, int bits) : address_(address), bits_(bits) {}

  bool Contains(const IpAddress& address) const { return address_.HasCommonPrefix(address, bits_); }
  int bits() const { return bits_; }
  std::string_view Bits(IpAddress::BitText& buffer) const {
    return address_.Bits(buffer).substr(0, 1 + static_cast<size_t>(bits_));
  }
  // The same addresses are in both.
  bool operator==(const IpRange& other) const { return bits_ == other.bits_ && Contains(other.address_); }

 private:
  IpAddress address_;
  int bits_;
};

}  // namespace pillion::match
