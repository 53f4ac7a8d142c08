#pragma once

// Listening sockets, and accepting from them on a worker.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "source/event/epoll_loop.h"
#include "source/net/address.h"
#include "source/net/connect_options.h"
#include "source/net/transport.h"

namespace pillion::net {

struct ListenOptions {
  bool reuse_port = true;
  bool ipv4_compat = false;  // an IPv6 wildcard takes IPv4 as well
  bool transparent = false;  // IP_TRANSPARENT: takes what was meant for other addresses
  bool freebind = false;     // IP_FREEBIND: binds to an address that this machine does not have
  int fast_open_queue = 0;   // TCP_FASTOPEN; 0: none
  int backlog = 0;           // 0: the system's limit
  bool listens = true;       // false: when Listen() is called
  std::optional<uint32_t> unix_mode;
  std::vector<SocketOption> socket_options;
};

// A bound socket, which listens. Owned by the server, by address: it outlives what accepts from it.
class ListenSocket {
 public:
  // Binds and listens. An error names the address and what the system said.
  static absl::StatusOr<std::unique_ptr<ListenSocket>> Open(const Address& address, const ListenOptions& options);
  // Before anybody of this process listens there: that nobody else does, with whom SO_REUSEPORT would share what comes.
  static absl::Status CheckUnshared(const Address& address, const ListenOptions& options);
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  ~ListenSocket();

  // Of one that was opened not to listen, or does already. An error is as that of Open().
  absl::Status Listen();
  // From now on no connection begins. Those in the queue, and those that are just being set up, can still be accepted:
  // so a socket can be closed without losing any.
  void RefuseNew() const;

  int descriptor() const { return descriptor_; }
  const Address& address() const { return address_; }  // as bound: with the port that the kernel chose

 private:
  ListenSocket(int descriptor, const Address& address, const ListenOptions& options)
      : descriptor_(descriptor), address_(address), options_(options) {}

  // Null: it is set up to be bound to an IP address. Else what could not be.
  const char* Prepare() const;
  absl::Status Failed(const std::string& what) const;
  absl::Status Apply(SocketOption::When when) const;

  int descriptor_;
  Address address_;
  const ListenOptions options_;
  bool listening_ = false;
};

class AcceptEvents {
 public:
  virtual void OnAccept(std::unique_ptr<Transport> transport) = 0;
  // So many were taken in one turn, those for other workers with them; none, where others were faster.
  virtual void OnAccepted(uint32_t count) = 0;
  // accept(2) failed for want of descriptors or memory; accepting pauses for a moment.
  virtual void OnAcceptFailed(int error) = 0;

 protected:
  ~AcceptEvents() = default;
};

struct BalanceMember;

// Accepts from a socket on one worker. Destroyed on that worker, outside of a turn or by Worker::Dispose.
class Acceptor final : private event::ReadinessEvents {
 public:
  // `per_event` bounds how many connections are taken in one turn, so that new ones don't starve the others.
  // `member`: of whoever decides which worker gets them; null: this one does.
  Acceptor(event::EpollLoop& loop, const ListenSocket& socket, AcceptEvents& events, uint32_t per_event,
           BalanceMember* member = nullptr);
  ~Acceptor();

  void Start();
  // Connections in the queue stay there.
  void Stop();
  // Takes all that is in the queue, and stops.
  void AcceptRest();

 private:
  void OnReady(event::Readiness readiness) override;
  // False: nothing more can be taken now.
  bool AcceptOne();

  event::EpollLoop& loop_;
  const int descriptor_;
  const bool is_unix_;
  AcceptEvents& events_;
  const uint32_t per_event_;
  BalanceMember* const member_;
  bool accepting_ = false;
  base::Timer resume_;
};

}  // namespace pillion::net
