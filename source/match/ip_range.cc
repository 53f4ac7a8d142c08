#include "source/match/ip_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace pillion::match {

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated) return std::nullopt;
  terminated[text.copy(terminated, sizeof terminated - 1)] = '\0';
  std::array<uint8_t, 16> bytes;
  if (inet_pton(AF_INET, terminated, bytes.data()) == 1) return FromV4(std::span(bytes).first<4>());
  if (inet_pton(AF_INET6, terminated, bytes.data()) != 1) return std::nullopt;
  return FromV6(bytes);
}

IpAddress IpAddress::FromV4(std::span<const uint8_t, 4> bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::FromV6(std::span<const uint8_t, 16> bytes) {
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return FromV4(bytes.last<4>());
  IpAddress address;
  address.v6_ = true;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

std::string_view IpAddress::Bits(BitText& buffer) const {
  buffer[0] = v6_ ? 's' : 'f';
  const auto count = static_cast<size_t>(bits());
  for (size_t i = 0; i < count; ++i) buffer[1 + i] = (bytes_[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0';
  return {buffer.data(), 1 + count};
}

bool IpAddress::HasCommonPrefix(const IpAddress& other, int bits) const {
  if (v6_ != other.v6_) return false;
  const auto whole = static_cast<size_t>(bits / 8);
  if (std::memcmp(bytes_.data(), other.bytes_.data(), whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((bytes_[whole] ^ other.bytes_[whole]) >> (8 - rest)) == 0;
}

}  // namespace pillion::match
