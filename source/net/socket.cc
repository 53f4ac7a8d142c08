#include "source/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace pillion::net {
namespace {

constexpr int kOriginalDst = 80;  // SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST: their headers exclude netinet/in.h

void SetOption(int descriptor, int level, int option, int value) {
  // A socket that refuses an option of this kind (a unix socket refuses TCP's) works without it.
  setsockopt(descriptor, level, option, &value, sizeof value);
}

void SetKeepalive(int descriptor, const TcpKeepaliveOptions& options) {
  SetOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (options.probes) SetOption(descriptor, IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(*options.probes));
  if (options.time_s) SetOption(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(*options.time_s));
  if (options.interval_s) SetOption(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(*options.interval_s));
}

// All are 0 or errno.
int Apply(int descriptor, const std::vector<SocketOption>& options, SocketOption::When when) {
  return ApplySocketOptions(descriptor, options, when) == nullptr ? 0 : errno;
}

int BindSource(int descriptor, int family, const ConnectOptions& options) {
  const Address* source = nullptr;
  if (options.foreign_source && options.foreign_source->family() == family) [[unlikely]] {
    source = &*options.foreign_source;
  } else {
    for (const Address& address : options.sources) {
      if (source == nullptr || (address.family() == family && source->family() != family)) source = &address;
    }
  }
  if (source == nullptr) return 0;
  // Without a port of its own the system shall choose it with the destination known: as many connections for each
  // destination as there are ports. The constant is of Linux 4.2, not of all libraries.
  constexpr int kBindAddressNoPort = 24;
  if (source->port() == 0) SetOption(descriptor, IPPROTO_IP, kBindAddressNoPort, 1);
  return bind(descriptor, source->data(), source->size()) == 0 ? 0 : errno;
}

int MakeTransparent(int descriptor, int family, const ConnectOptions& options) {
  const int on = 1;
  const bool v6 = family == AF_INET6;
  if (options.foreign_source && options.foreign_source->family() == family &&
      setsockopt(descriptor, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof on) != 0) {
    return errno;
  }
  if (options.mark == 0) return 0;
  return setsockopt(descriptor, SOL_SOCKET, SO_MARK, &options.mark, sizeof options.mark) == 0 ? 0 : errno;
}

int Prepare(int descriptor, int family, const ConnectOptions& options) {
  if (int error = Apply(descriptor, options.socket_options, SocketOption::When::kPrebind); error != 0) return error;
  if (family != AF_UNIX) {
    if (options.keepalive) SetKeepalive(descriptor, *options.keepalive);
    if (options.freebind) {
      const int on = 1;
      const bool v6 = family == AF_INET6;
      if (setsockopt(descriptor, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof on) != 0) {
        return errno;
      }
    }
    if (options.foreign_source || options.mark != 0) {
      if (int error = MakeTransparent(descriptor, family, options); error != 0) return error;
    }
    if (int error = BindSource(descriptor, family, options); error != 0) return error;
  }
  return Apply(descriptor, options.socket_options, SocketOption::When::kBound);
}

IoResult Failed() {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {.status = IoStatus::kWouldBlock};
  return {.status = IoStatus::kError, .error = errno};
}

}  // namespace

int ForeignSourceError(uint32_t mark) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
  const int error = MakeTransparent(descriptor, AF_INET, {.foreign_source = Address::Ip("127.0.0.1", 0), .mark = mark});
  close(descriptor);
  return error;
}

const SocketOption* ApplySocketOptions(int descriptor, const std::vector<SocketOption>& options,
                                       SocketOption::When when) {
  for (const SocketOption& option : options) {
    if (option.when != when) continue;
    if (setsockopt(descriptor, option.level, option.name, option.value.data(),
                   static_cast<socklen_t>(option.value.size())) != 0) {
      return &option;
    }
  }
  return nullptr;
}

SocketTransport::SocketTransport(event::EpollLoop& loop, int descriptor, const Address& remote, int connect_error)
    : loop_(loop), descriptor_(descriptor), connect_error_(connect_error), remote_(remote) {}

SocketTransport::~SocketTransport() {
  if (descriptor_ >= 0) close(descriptor_);
}

int SocketTransport::Start(TransportEvents& events) {
  const bool again = std::exchange(events_, &events) != nullptr;
  if (descriptor_ < 0) return connect_error_;
  return again ? 0 : loop_.Add(descriptor_, *this);
}

int SocketTransport::connect_error() {
  if (connect_error_ == 0) {
    socklen_t size = sizeof connect_error_;
    if (getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &connect_error_, &size) != 0) connect_error_ = errno;
  }
  return connect_error_;
}

IoResult SocketTransport::Read(std::span<char> into) {
  ssize_t bytes;
  do {
    bytes = recv(descriptor_, into.data(), into.size(), 0);
  } while (bytes < 0 && errno == EINTR);
  if (bytes > 0) return {.status = IoStatus::kOk, .bytes = static_cast<size_t>(bytes)};
  if (bytes == 0) return {.status = IoStatus::kEnd};
  return Failed();
}

IoResult SocketTransport::Write(std::span<const iovec> from) {
  ssize_t bytes;
  do {
    if (from.size() == 1) {
      bytes = send(descriptor_, from[0].iov_base, from[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(from.data());
      message.msg_iovlen = from.size();
      bytes = sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    }
  } while (bytes < 0 && errno == EINTR);
  if (bytes >= 0) return {.status = IoStatus::kOk, .bytes = static_cast<size_t>(bytes)};
  return Failed();
}

void SocketTransport::ShutdownWrite() { shutdown(descriptor_, SHUT_WR); }

void SocketTransport::Abort() {
  // No wait, no FIN: close() sends a reset.
  const linger none{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

const Address& SocketTransport::local_address() {
  if (local_.family() == AF_UNSPEC && descriptor_ >= 0) {
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (getsockname(descriptor_, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
      local_ = Address::FromSystem(reinterpret_cast<const sockaddr*>(&storage), size);
    }
  }
  return local_;
}

std::optional<Address> SocketTransport::OriginalDestination() {
  // Netfilter knows it. An IPv4 connection to an IPv6 socket is asked for as what it is.
  const Address& local = local_address();
  const bool v4 = local.family() == AF_INET || local.is_v4_mapped();
  if (!v4 && local.family() != AF_INET6) return std::nullopt;
  sockaddr_storage storage;
  socklen_t size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (getsockopt(descriptor_, v4 ? IPPROTO_IP : IPPROTO_IPV6, kOriginalDst, &storage, &size) != 0) return std::nullopt;
  return Address::FromSystem(reinterpret_cast<const sockaddr*>(&storage), size);
}

std::unique_ptr<Transport> SocketConnector::Connect(const Address& address, const ConnectOptions* options) {
  const int descriptor = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::make_unique<SocketTransport>(loop_, -1, address, errno);
  if (address.family() != AF_UNIX) SetOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  int error = options == nullptr ? 0 : Prepare(descriptor, address.family(), *options);
  if (error == 0 && connect(descriptor, address.data(), address.size()) != 0 && errno != EINPROGRESS) error = errno;
  if (error != 0) {
    close(descriptor);
    return std::make_unique<SocketTransport>(loop_, -1, address, error);
  }
  return std::make_unique<SocketTransport>(loop_, descriptor, address);
}

}  // namespace pillion::net
