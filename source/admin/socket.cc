#include "source/admin/socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>

namespace pillion::admin {

namespace asio = boost::asio;

config::Address ToAddress(const Protocol::endpoint& endpoint) {
  if (endpoint.protocol().family() != AF_UNIX) {
    asio::ip::tcp::endpoint tcp;
    std::memcpy(tcp.data(), endpoint.data(), std::min(endpoint.size(), tcp.capacity()));
    return config::SocketAddress{tcp.address().to_string(), tcp.address().is_v6(), tcp.port()};
  }
  asio::local::stream_protocol::endpoint local;
  std::memcpy(local.data(), endpoint.data(), std::min(endpoint.size(), local.capacity()));
  local.resize(endpoint.size());
  std::string path = local.path();
  if (path.starts_with('\0')) path[0] = '@';
  return config::UnixPath{std::move(path), std::nullopt};
}

Protocol::endpoint ToEndpoint(const config::Address& address) {
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    return asio::ip::tcp::endpoint(asio::ip::make_address(socket->ip), socket->port);
  }
  std::string path = std::get<config::UnixPath>(address).path;
  if (path.starts_with('@')) path[0] = '\0';
  return asio::local::stream_protocol::endpoint(path);
}

Client ClientOf(Stream::socket_type& socket, const config::Address& peer) {
  Client client;
  client.local = IsLocal(peer);
  ucred who;
  socklen_t size = sizeof who;
  if (std::holds_alternative<config::UnixPath>(peer) &&
      getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) {
    client.uid = who.uid;
    if (who.pid > 0) client.pid = who.pid;
  }
  return client;
}

}  // namespace pillion::admin
