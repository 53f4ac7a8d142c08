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
};

// The longest that is read: of version 2, with its TLVs, which are skipped.
inline constexpr size_t kLongestProxyHeader = 16000;

// kNo: it begins with something else, and never kYes for that.
[[nodiscard]] Found ReadProxyHeader(std::string_view bytes, ProxyHeader& header);

}  // namespace pillion::codec::sniff
