#include "source/match/ip_range.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace pillion::match {

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated) return std::nullopt;
  terminated[text.copy(terminated, sizeof terminated - 1)] = '\0';
  IpAddress address;
  if (inet_pton(AF_INET, terminated, address.bytes_.data()) == 1) return address;
  if (inet_pton(AF_INET6, terminated, address.bytes_.data()) != 1) return std::nullopt;
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  address.v6_ = !std::equal(kMapped.begin(), kMapped.end(), address.bytes_.begin());
  if (!address.v6_) std::copy(address.bytes_.begin() + 12, address.bytes_.end(), address.bytes_.begin());
  return address;
}

bool IpAddress::HasCommonPrefix(const IpAddress& other, int bits) const {
  if (v6_ != other.v6_) return false;
  const auto whole = static_cast<size_t>(bits / 8);
  if (std::memcmp(bytes_.data(), other.bytes_.data(), whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((bytes_[whole] ^ other.bytes_[whole]) >> (8 - rest)) == 0;
}

}  // namespace pillion::match
