#include "source/upstream/address.h"

#include "source/base/check.h"

namespace pillion::upstream {

net::Address SystemAddress(const config::Address& address) {
  const auto* socket = std::get_if<config::SocketAddress>(&address);
  const std::optional<net::Address> result =
      socket != nullptr ? net::Address::Ip(socket->ip, socket->port)
                        : net::Address::Unix(std::get<config::UnixPath>(address).path);
  PILLION_CHECK(result.has_value());
  return *result;
}

}  // namespace pillion::upstream
