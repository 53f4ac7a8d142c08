#pragma once

// The header that a load balancer puts in front of a connection to tell whose it is: HAProxy's PROXY protocol, version 1
// (a line) and 2 (binary). Reads what is there and keeps nothing.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "source/codec/sniff/found.h"

namespace pillion::codec::sniff {

struct ProxyHeader {
  // One end, as bytes in the order of the network.
  struct End {
    std::array<uint8_t, 16> ip{};
    uint16_t port = 0;
  };

  int version = 0;        // 1 or 2: as soon as it is known, also of a header that is malformed
  size_t bytes = 0;       // how long it is
  bool has_ends = false;  // else the connection is the sender's own (LOCAL, UNKNOWN)
  bool v6 = false;
  End source;
  End destination;
  std::string_view tlvs;  // of version 2, behind the ends; not looked at
};

// Calls `visit(type, value)` with each TLV. False: a length runs over the end.
template <typename F>
bool ForEachTlv(std::string_view tlvs, F&& visit) {
  constexpr size_t kHead = 3;  // type and length
  while (!tlvs.empty()) {
    if (tlvs.size() < kHead) return false;
    const size_t length = (size_t{static_cast<uint8_t>(tlvs[1])} << 8) | static_cast<uint8_t>(tlvs[2]);
    if (tlvs.size() - kHead < length) return false;
    visit(static_cast<uint8_t>(tlvs[0]), tlvs.substr(kHead, length));
    tlvs.remove_prefix(kHead + length);
  }
  return true;
}

// The longest that is read: of version 2, with its TLVs.
inline constexpr size_t kLongestProxyHeader = 16000;

// kNo: it begins with something else, and never kYes for that.
[[nodiscard]] Found ReadProxyHeader(std::string_view bytes, ProxyHeader& header);

}  // namespace pillion::codec::sniff
