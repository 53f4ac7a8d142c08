#include "source/server/listener_addresses.h"

#include <algorithm>
#include <optional>
#include <variant>

namespace pillion::server {

absl::StatusOr<net::Address> ToNetAddress(const config::Address& address) {
  if (const auto* internal = std::get_if<config::InternalAddress>(&address)) {
    return net::Address::Internal(internal->listener, internal->endpoint_id);
  }
  std::optional<net::Address> result;
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    result = net::Address::Ip(socket->ip, socket->port);
  } else {
    result = net::Address::Unix(std::get<config::UnixPath>(address).path);
  }
  if (!result) return absl::InvalidArgumentError("not an address: " + config::AddressText(address));
  return *result;
}

net::ListenOptions ListenOptionsOf(const config::Listener& listener, const config::Address& address, bool reuse_port) {
  net::ListenOptions options;
  options.listens = false;
  options.reuse_port = reuse_port;
  options.transparent = listener.transparent;
  options.freebind = listener.freebind;
  for (const config::SocketOption& option : listener.socket_options) {
    using From = config::SocketOption::State;
    using When = net::SocketOption::When;
    options.socket_options.push_back({.level = option.level,
                                      .name = option.name,
                                      .value = option.value,
                                      .when = option.state == From::kPrebind ? When::kPrebind
                                              : option.state == From::kBound ? When::kBound
                                                                             : When::kListening});
  }
  options.fast_open_queue = static_cast<int>(listener.fast_open_queue);
  options.backlog = static_cast<int>(listener.tcp_backlog.value_or(0));
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    options.ipv4_compat = socket->ipv4_compat;
  } else if (const auto* path = std::get_if<config::UnixPath>(&address)) {
    options.unix_mode = path->mode;
  }
  return options;
}

std::vector<config::Address> AddressesOf(const config::Listener& listener) {
  std::vector<config::Address> addresses = {listener.address};
  addresses.insert(addresses.end(), listener.additional_addresses.begin(), listener.additional_addresses.end());
  return addresses;
}

const config::Address* SharedAddress(const config::Listener& a, const config::Listener& b) {
  if (a.name == b.name || !a.bind_to_port || !b.bind_to_port) return nullptr;
  const auto in_b = [&b](const config::Address& address) {
    if (const auto* ip = std::get_if<config::SocketAddress>(&address); ip != nullptr && ip->port == 0) return false;
    return b.address == address || std::ranges::find(b.additional_addresses, address) != b.additional_addresses.end();
  };
  if (in_b(a.address)) return &a.address;
  const auto found = std::ranges::find_if(a.additional_addresses, in_b);
  return found == a.additional_addresses.end() ? nullptr : &*found;
}

bool SameSockets(const config::Listener& a, const config::Listener& b) {
  return AddressesOf(a) == AddressesOf(b) && a.bind_to_port == b.bind_to_port &&
         a.enable_reuse_port == b.enable_reuse_port && a.transparent == b.transparent && a.freebind == b.freebind &&
         a.fast_open_queue == b.fast_open_queue && a.tcp_backlog == b.tcp_backlog &&
         a.socket_options == b.socket_options;
}

bool SameShards(const config::Listener& a, const config::Listener& b) {
  return SameSockets(a, b) && a.stat_prefix == b.stat_prefix && a.exact_balance == b.exact_balance &&
         a.max_accepts_per_event == b.max_accepts_per_event && a.direction == b.direction;
}

bool HaveSameChains(const config::Listener& a, const config::Listener& b) {
  return std::ranges::equal(a.filter_chains, b.filter_chains, {}, &config::FilterChain::digest,
                            &config::FilterChain::digest);
}

}  // namespace pillion::server
