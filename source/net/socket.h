#pragma once

// Streams of the system under the transport seam.

#include <memory>

#include "source/event/epoll_loop.h"
#include "source/net/address.h"
#include "source/net/connect_options.h"
#include "source/net/transport.h"

namespace pillion::net {

// A non-blocking stream socket. Reads and writes go straight to the system. Destroyed at the end of a turn only
// (Worker::Dispose, by way of its owner): events of the turn may still name it.
class SocketTransport final : public Transport, private event::ReadinessEvents {
 public:
  // Takes over `descriptor`, which is connected, or connecting, or -1 when `connect_error` says why there is none.
  SocketTransport(event::EpollLoop& loop, int descriptor, const Address& remote, int connect_error = 0);
  ~SocketTransport() override;

  int Start(TransportEvents& events) override;
  int connect_error() override;
  IoResult Read(std::span<char> into) override;
  IoResult Write(std::span<const iovec> from) override;
  void ShutdownWrite() override;
  void Abort() override;
  const Address& local_address() override;
  const Address& remote_address() const override { return remote_; }
  std::optional<Address> OriginalDestination() override;
  void SetLocalAddress(const Address& address) override { local_ = address; }
  void SetRemoteAddress(const Address& address) override { remote_ = address; }

 private:
  void OnReady(event::Readiness readiness) override { events_->OnTransportReady(readiness); }

  event::EpollLoop& loop_;
  int descriptor_;
  int connect_error_;
  TransportEvents* events_ = nullptr;
  Address remote_;
  Address local_;  // read when first asked for
};

// Connects to upstream hosts from one worker.
class SocketConnector final : public Connector {
 public:
  explicit SocketConnector(event::EpollLoop& loop) : loop_(loop) {}
  std::unique_ptr<Transport> Connect(const Address& address, const ConnectOptions* options) override;

 private:
  event::EpollLoop& loop_;
};

}  // namespace pillion::net
