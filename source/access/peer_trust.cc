#include "source/access/peer_trust.h"

#include <algorithm>

namespace pillion::access {

bool PeerTrust::Takes(const ConnectionFacts& connection) const {
  if (principals.empty() && addresses.empty()) return everybody || (connection.peer && connection.peer->has_spiffe_id);
  const auto known = [&](const std::string& uri) {
    return std::ranges::any_of(principals, [&](const match::StringMatcher& each) { return each.Matches(uri); });
  };
  if (connection.peer && std::ranges::any_of(connection.peer->uris, known)) return true;
  const std::optional<match::IpAddress>& address = connection.direct_remote.address;
  return address && std::ranges::any_of(addresses, [&](const match::IpRange& range) { return range.Contains(*address); });
}

}  // namespace pillion::access
