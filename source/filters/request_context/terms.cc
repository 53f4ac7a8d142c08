#include "source/filters/request_context/terms.h"

#include <algorithm>

namespace pillion::filters::request_context {

bool Trusts(const Settings& settings, const access::ConnectionFacts& connection) {
  const Trust& trust = settings.trust;
  if (trust.empty()) return settings.outbound || (connection.peer && connection.peer->has_spiffe_id);
  const auto known = [&](const std::string& uri) {
    return std::ranges::any_of(trust.principals, [&](const match::StringMatcher& each) { return each.Matches(uri); });
  };
  if (connection.peer && std::ranges::any_of(connection.peer->uris, known)) return true;
  const std::optional<match::IpAddress>& address = connection.direct_remote.address;
  return address &&
         std::ranges::any_of(trust.addresses, [&](const match::IpRange& range) { return range.Contains(*address); });
}

}  // namespace pillion::filters::request_context
