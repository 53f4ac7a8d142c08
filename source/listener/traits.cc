#include "source/listener/traits.h"

#include <netinet/in.h>

#include <cstring>

namespace pillion::listener {
namespace {

std::optional<match::IpAddress> IpOf(const net::Address& address) {
  if (address.family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address.data(), sizeof v4);
    std::array<uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return match::IpAddress::FromV4(bytes);
  }
  if (address.family() == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address.data(), sizeof v6);
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return match::IpAddress::FromV6(bytes);
  }
  return std::nullopt;
}

}  // namespace

match::ConnectionTraits TraitsOf(net::Transport& transport, const SocketFacts* facts) {
  const net::Address& local = transport.local_address();
  const net::Address& remote = transport.remote_address();
  match::ConnectionTraits traits;
  traits.destination = IpOf(local);
  traits.source = IpOf(remote);
  if (traits.destination) traits.destination_port = local.port();
  if (traits.source) traits.source_port = remote.port();
  traits.local = remote.is_loopback() || (traits.source && traits.source == traits.destination);
  traits.transport_protocol = SocketFacts().transport_protocol;
  traits.direct_source = traits.source;
  if (facts != nullptr) {
    traits.server_name = facts->server_name;
    traits.transport_protocol = facts->transport_protocol;
    traits.application_protocols = facts->application_protocols;
    traits.direct_source = IpOf(facts->direct_remote);
  }
  return traits;
}

}  // namespace pillion::listener
