#include "source/upstream/address.h"

#include "source/base/check.h"

namespace pillion::upstream {
namespace {

std::shared_ptr<const net::Addresses> InOrder(const net::Addresses& given, const config::HappyEyeballs& order) {
  using Family = config::HappyEyeballs::Family;
  const int family = order.first == Family::kV4 ? AF_INET : order.first == Family::kV6 ? AF_INET6 : AF_UNSPEC;
  return std::make_shared<const net::Addresses>(net::Interleaved(given, {.first = family, .count = order.count}));
}

}  // namespace

net::Address SystemAddress(const config::Address& address) {
  if (const auto* internal = std::get_if<config::InternalAddress>(&address)) {
    return net::Address::Internal(internal->listener, internal->endpoint_id);
  }
  const auto* socket = std::get_if<config::SocketAddress>(&address);
  const std::optional<net::Address> result =
      socket != nullptr ? net::Address::Ip(socket->ip, socket->port)
                        : net::Address::Unix(std::get<config::UnixPath>(address).path);
  PILLION_CHECK(result.has_value());
  return *result;
}

std::shared_ptr<const net::Addresses> AddressesOf(const net::Address& first, const config::Endpoint& endpoint,
                                                  const config::HappyEyeballs& order) {
  if (endpoint.additional_addresses == nullptr) [[likely]] return nullptr;
  net::Addresses given{first};
  for (const config::Address& address : *endpoint.additional_addresses) given.push_back(SystemAddress(address));
  return InOrder(given, order);
}

std::shared_ptr<const net::Addresses> AddressesOf(const net::Addresses& given, const config::HappyEyeballs& order) {
  return given.size() > 1 ? InOrder(given, order) : nullptr;
}

}  // namespace pillion::upstream
