#pragma once

// Where connections to hosts come from that are made in a client's name: its address, any port, and a mark for the kernel's
// rules. As a text it is what pools tell connections apart by.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "source/net/address.h"

namespace pillion::net {

struct OwnSource {
  Address address;    // an IP; its port does not count
  uint32_t mark = 0;  // 0: none

  // "7 192.0.2.1"
  std::string text() const;
  // Nothing: it is none.
  static std::optional<OwnSource> Parse(std::string_view text);
};

}  // namespace pillion::net
