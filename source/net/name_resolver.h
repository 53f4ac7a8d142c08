#pragma once

// Names to addresses, on the main thread. A test seam: DnsResolver, and the tests' scripted one.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "source/net/address.h"

namespace pillion::net {

enum class DnsFamily : uint8_t {
  kAuto,         // IPv6; IPv4 where the name has none
  kV4Only,
  kV6Only,
  kV4Preferred,  // IPv4; IPv6 where the name has none
  kAll,          // both
};

struct ResolvedName {
  std::vector<Address> addresses;  // at least one; as many as a DNS answer can hold
  uint32_t ttl_s = 0;              // the shortest of the answer; 0: none is known (a hosts file), or it is zero
};

class NameResolver {
 public:
  virtual ~NameResolver() = default;

  // NotFound: the name, or an address of that family, does not exist; other codes: nobody knows now. The message names
  // the name and the reason.
  using Done = std::function<void(absl::StatusOr<ResolvedName> result)>;

  // Never calls `done` at once. `port` goes into every address. Names that are addresses resolve to themselves.
  virtual void Resolve(const std::string& name, uint16_t port, DnsFamily family, Done done) = 0;
};

}  // namespace pillion::net
