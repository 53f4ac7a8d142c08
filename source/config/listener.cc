#include "source/config/listener.h"

#include <algorithm>

namespace pillion::config {

bool PortPredicate::Matches(uint16_t port) const {
  const auto matches = [port](const PortPredicate& part) { return part.Matches(port); };
  switch (kind) {
    case Kind::kAny:
      return true;
    case Kind::kRange:
      return port >= start && port < end;
    case Kind::kNot:
      return std::none_of(parts.begin(), parts.end(), matches);
    case Kind::kAnd:
      return std::all_of(parts.begin(), parts.end(), matches);
    case Kind::kOr:
      return std::any_of(parts.begin(), parts.end(), matches);
  }
  return false;
}

const std::vector<AccessLog>& FilterChain::access_logs() const {
  static const std::vector<AccessLog> none;
  if (const auto* http = std::get_if<HttpConnectionManager>(&terminal)) return http->access_logs;
  if (const auto* tcp = std::get_if<TcpProxy>(&terminal)) return tcp->access_logs;
  return none;
}

uint64_t FilterChain::came(size_t index) const {
  const auto found = std::ranges::find(discovered, index, &Discovered::index);
  return found == discovered.end() ? 0 : found->came;
}

bool FilterChain::IsGivenAs(const FilterChain& other) const {
  const auto given = [](const FilterChain& chain) { return chain.given_digest != 0 ? chain.given_digest : chain.digest; };
  return given(*this) != 0 && given(*this) == given(other);
}

}  // namespace pillion::config
