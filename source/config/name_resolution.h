#pragma once

// Who is asked for the addresses of names.

#include <cstdint>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/config/address.h"

namespace pillion::config {

struct NameResolution {
  bool system = false;  // the C library, by nsswitch.conf; else DNS, by what follows

  std::vector<SocketAddress> servers;  // instead of those of resolv.conf; empty: those
  bool servers_as_fallback = false;    // `servers` only where resolv.conf has none
  bool tcp = false;
  bool search_domains = true;      // those of resolv.conf
  bool rotate = false;             // each question begins with the next server
  bool leaves_unroutable = false;  // addresses of an IP version that this machine has no address of
  uint32_t questions_per_port = 0;     // 0: no bound
  base::Duration timeout{0};           // of the first try; zero: the resolver's own
  uint32_t tries = 0;                  // at each server; 0: the resolver's own

  uint32_t retries = 0;  // of `system`: where nobody knows just now (net/system_resolver.h)

  bool operator==(const NameResolution&) const = default;
};

}  // namespace pillion::config
