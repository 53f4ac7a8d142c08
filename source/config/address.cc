#include "source/config/address.h"

#include "absl/strings/str_cat.h"

namespace pillion::config {

std::string AddressText(const Address& address) {
  if (const auto* unix_path = std::get_if<UnixPath>(&address)) return unix_path->path;
  if (const auto* internal = std::get_if<InternalAddress>(&address)) {
    return absl::StrCat("envoy://", internal->listener, "/", internal->endpoint_id);
  }
  const auto& socket = std::get<SocketAddress>(address);
  if (socket.is_ipv6) return absl::StrCat("[", socket.ip, "]:", socket.port);
  return absl::StrCat(socket.ip, ":", socket.port);
}

std::string DnsTargetText(const DnsTarget& target) { return absl::StrCat(target.host, ":", target.port); }

}  // namespace pillion::config
