#include "source/net/listener.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "source/net/connection_balance.h"
#include "source/net/socket.h"

namespace pillion::net {
namespace {

constexpr base::Duration kPauseAfterFailure = std::chrono::milliseconds(100);

bool SetOption(int descriptor, int level, int option, int value) {
  return setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListenSocket>> ListenSocket::Open(const Address& address,
                                                                 const ListenOptions& options) {
  const int descriptor = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  std::unique_ptr<ListenSocket> result(new ListenSocket(descriptor, address, options));
  const auto failed = [&](const char* what) { return result->Failed(what); };
  if (descriptor < 0) return failed("socket");
  const bool is_unix = address.family() == AF_UNIX;
  if (is_unix) {
    // A socket file that a process left behind is in the way; one that somebody listens on stays.
    const std::string path = address.text();
    if (path.front() != '@') {
      const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const bool alive = probe >= 0 && (connect(probe, address.data(), address.size()) == 0 ||
                                        errno == EAGAIN);  // its queue is full; who waits for room may wait for ever
      if (probe >= 0) close(probe);
      if (alive) {
        errno = EADDRINUSE;
        return failed("bind");
      }
      struct stat status;
      if (stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) unlink(path.c_str());
    }
  } else {
    if (options.reuse_port && !SetOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)) return failed("SO_REUSEPORT");
    if (const char* const what = result->Prepare()) return failed(what);
    if (options.fast_open_queue > 0 &&
        !SetOption(descriptor, IPPROTO_TCP, TCP_FASTOPEN, options.fast_open_queue)) {
      return failed("TCP_FASTOPEN");
    }
  }
  using When = SocketOption::When;
  if (absl::Status status = result->Apply(When::kPrebind); !status.ok()) return status;
  if (bind(descriptor, address.data(), address.size()) != 0) return failed("bind");
  if (is_unix && options.unix_mode && chmod(address.text().c_str(), *options.unix_mode) != 0) return failed("chmod");
  if (absl::Status status = result->Apply(When::kBound); !status.ok()) return status;
  if (options.listens) {
    if (absl::Status status = result->Listen(); !status.ok()) return status;
  }
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return failed("getsockname");
  result->address_ = Address::FromSystem(reinterpret_cast<const sockaddr*>(&storage), size);
  return result;
}

const char* ListenSocket::Prepare() const {
  SetOption(descriptor_, SOL_SOCKET, SO_REUSEADDR, 1);
  const bool v6 = address_.family() == AF_INET6;
  const int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (options_.transparent && !SetOption(descriptor_, level, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1)) {
    return "IP_TRANSPARENT";
  }
  if (options_.freebind && !SetOption(descriptor_, level, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1)) return "IP_FREEBIND";
  if (v6) SetOption(descriptor_, IPPROTO_IPV6, IPV6_V6ONLY, options_.ipv4_compat ? 0 : 1);
  return nullptr;
}

// Who says nothing of SO_REUSEPORT is refused an address that is listened on, and gets one of which connections only end.
absl::Status ListenSocket::CheckUnshared(const Address& address, const ListenOptions& options) {
  if (address.family() == AF_UNIX || address.port() == 0) return absl::OkStatus();
  const ListenSocket probe(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0), address, options);
  // All else that is wrong, Open() will say.
  if (probe.descriptor_ < 0 || probe.Prepare() != nullptr) return absl::OkStatus();
  if (bind(probe.descriptor_, address.data(), address.size()) == 0 || errno != EADDRINUSE) return absl::OkStatus();
  return probe.Failed("another process listens there");
}

absl::Status ListenSocket::Failed(const std::string& what) const {
  return absl::UnavailableError("cannot listen on " + address_.text() + ": " + what + ": " + std::strerror(errno));
}

absl::Status ListenSocket::Apply(SocketOption::When when) const {
  const SocketOption* const refused = ApplySocketOptions(descriptor_, options_.socket_options, when);
  if (refused == nullptr) return absl::OkStatus();
  return Failed("socket_options[" + std::to_string(refused - options_.socket_options.data()) + "]: level " +
                std::to_string(refused->level) + ", name " + std::to_string(refused->name));
}

absl::Status ListenSocket::Listen() {
  if (listening_) return absl::OkStatus();
  if (listen(descriptor_, options_.backlog > 0 ? options_.backlog : SOMAXCONN) != 0) return Failed("listen");
  listening_ = true;
  return Apply(SocketOption::When::kListening);
}

void ListenSocket::RefuseNew() const {
  if (address_.family() == AF_UNIX) {
    const std::string path = address_.text();
    if (path.front() != '@') unlink(path.c_str());
    return;
  }
  // A SYN alone is dropped: who sends it tries again, and finds the socket closed. Handshakes that have begun go on.
  // Accepted sockets inherit the filter, and never get such a packet.
  constexpr uint32_t kFlags = 13, kSyn = 0x02, kAck = 0x10, kAll = 0xffffffff;
  sock_filter program[] = {
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, kFlags},
      {BPF_ALU | BPF_AND | BPF_K, 0, 0, kSyn | kAck},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, kSyn},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, kAll},
  };
  const sock_fprog filter{std::size(program), program};
  // Without it, what comes between the last accept and close() is refused: as it was before there were filters.
  (void)setsockopt(descriptor_, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

ListenSocket::~ListenSocket() {
  if (descriptor_ >= 0) close(descriptor_);
}

Acceptor::Acceptor(event::EpollLoop& loop, const ListenSocket& socket, AcceptEvents& events, uint32_t per_event,
                   BalanceMember* member)
    : loop_(loop),
      descriptor_(socket.descriptor()),
      is_unix_(socket.address().family() == AF_UNIX),
      events_(events),
      per_event_(per_event),
      member_(member),
      resume_(this, [](void* self) { static_cast<Acceptor*>(self)->Start(); }) {}

Acceptor::~Acceptor() { Stop(); }

void Acceptor::Start() {
  if (accepting_) return;
  accepting_ = loop_.AddListening(descriptor_, *this) == 0;
}

void Acceptor::Stop() {
  resume_.Cancel();
  if (!accepting_) return;
  accepting_ = false;
  loop_.Remove(descriptor_);
}

void Acceptor::AcceptRest() {
  while (AcceptOne()) {
  }
  Stop();
}

void Acceptor::OnReady(event::Readiness) {
  uint32_t count = 0;
  while (accepting_ && count < per_event_ && AcceptOne()) ++count;
  events_.OnAccepted(count);
}

bool Acceptor::AcceptOne() {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  const int descriptor =
      accept4(descriptor_, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EINTR || errno == ECONNABORTED) return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    // EMFILE, ENFILE, ENOBUFS, ENOMEM: the connection stays in the queue, and would be reported again at once.
    const int error = errno;
    Stop();
    loop_.worker().SetTimer(resume_, kPauseAfterFailure);
    events_.OnAcceptFailed(error);
    return false;
  }
  if (!is_unix_) SetOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  const Address remote = Address::FromSystem(reinterpret_cast<const sockaddr*>(&storage), size);
  if (member_ != nullptr) [[unlikely]] {
    member_->balance.Place(*member_, descriptor, remote);
  } else {
    events_.OnAccept(std::make_unique<SocketTransport>(loop_, descriptor, remote));
  }
  return true;
}

}  // namespace pillion::net
