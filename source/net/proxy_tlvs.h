#pragma once

// What a head of the PROXY protocol, version 2, says besides the addresses: values with a type (TLVs), one behind the other.

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

namespace pillion::net {

using TlvTypes = std::bitset<256>;

inline constexpr size_t kTlvHead = 3;  // type and length

// In a head to a host: what its length can say, but for two addresses of IPv6 with their ports. Part of it is for those that
// the configuration adds, the rest for what came: enough for each head, and the bound of all of a connection's together.
inline constexpr size_t kMostTlvBytes = 65535 - 36;
inline constexpr size_t kMostAddedTlvBytes = 32 * 1024;
inline constexpr size_t kMostReceivedTlvBytes = kMostTlvBytes - kMostAddedTlvBytes;

// `value` has at most 65535 bytes.
void AppendTlv(std::string& to, uint8_t type, std::string_view value);

// Those of the head to a host.
struct ProxyTlvs {
  TlvTypes passes;       // of what the client's head had
  TlvTypes added_types;  // what is of these types is not passed
  std::string added;     // in front of those that are

  // `received`: whole ones, at most kMostReceivedTlvBytes. What comes of it: at most kMostTlvBytes.
  std::string Of(std::string_view received) const;
};

}  // namespace pillion::net
