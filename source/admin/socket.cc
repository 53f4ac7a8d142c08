#include "source/admin/socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>
#include <filesystem>

namespace pillion::admin {

namespace asio = boost::asio;

namespace {

// Throws what Asio throws: a path that is too long.
Protocol::endpoint ToEndpoint(const config::Address& address) {
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    return asio::ip::tcp::endpoint(asio::ip::make_address(socket->ip), socket->port);
  }
  std::string path = std::get<config::UnixPath>(address).path;
  if (path.starts_with('@')) path[0] = '\0';
  return asio::local::stream_protocol::endpoint(path);
}

// Of the socket file; also where so many wait that no more may.
bool SomebodyListens(const Protocol::endpoint& endpoint) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const bool listens =
      probe >= 0 && (connect(probe, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 || errno == EAGAIN);
  if (probe >= 0) close(probe);
  return listens;
}

void Open(Acceptor& acceptor, const config::Address& address, std::string& socket_file) {
  const Protocol::endpoint endpoint = ToEndpoint(address);
  acceptor.open(endpoint.protocol());
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    acceptor.set_option(asio::socket_base::reuse_address(true));
    if (socket->is_ipv6) acceptor.set_option(asio::ip::v6_only(!socket->ipv4_compat));
    acceptor.bind(endpoint);
  } else {
    const config::UnixPath& local = std::get<config::UnixPath>(address);
    const bool file = !local.path.starts_with('@');
    struct stat status;
    if (file && SomebodyListens(endpoint)) {
      throw boost::system::system_error(EADDRINUSE, boost::system::system_category());
    }
    // What an earlier process left behind.
    if (file && stat(local.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) unlink(local.path.c_str());
    acceptor.bind(endpoint);
    if (file) socket_file = local.path;
    if (file && local.mode && chmod(local.path.c_str(), *local.mode) != 0) {
      throw boost::system::system_error(errno, boost::system::system_category());
    }
  }
  acceptor.listen();
}

}  // namespace

absl::Status OpenListening(Acceptor& acceptor, const config::Address& address, std::string& file) {
  try {
    Open(acceptor, address, file);
    return absl::OkStatus();
  } catch (const boost::system::system_error& error) {
    const auto* const local = std::get_if<config::UnixPath>(&address);
    const std::string text = fmt::format("admin: cannot listen on {}: ", config::AddressText(address));
    std::error_code ignored;
    const std::filesystem::path folder = local == nullptr ? "" : std::filesystem::path(local->path).parent_path();
    if (!folder.empty() && !std::filesystem::is_directory(folder, ignored)) {
      return absl::UnavailableError(
          fmt::format("{}there is no folder {}, expected one that this user may write into", text, folder.string()));
    }
    return absl::UnavailableError(text + error.code().message());
  }
}

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
