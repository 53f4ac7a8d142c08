#pragma once

// A byte stream to a peer, below everything else. One of the test seams. Implementations: SocketTransport here, the
// loopback transport in test/support, and tls/transport.h, which wraps another.
//
// Other implementations: proxy_head_transport.h and happy_eyeballs.h here, which wrap others; internal_transport.h, to a
// listener of this process.
//
// Readiness is edge-triggered: OnTransportReady() comes once, and again only after a call has answered kWouldBlock,
// took or gave less than it was offered, or the state changed.

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "source/base/buffer.h"
#include "source/event/epoll_loop.h"
#include "source/net/address.h"

namespace pillion::tls {
class Facts;
}

namespace pillion::net {

enum class IoStatus : uint8_t {
  kOk,
  kWouldBlock,
  kEnd,    // reading: the peer half-closed
  kError,  // the stream is dead; IoResult::error says why
};

struct IoResult {
  IoStatus status;
  size_t bytes = 0;
  int error = 0;  // errno
};

struct ConnectOptions;
struct Passed;

class TransportEvents {
 public:
  // Until a connect has ended: `writable` is its end; connect_error() says how it went.
  virtual void OnTransportReady(event::Readiness readiness) = 0;

 protected:
  ~TransportEvents() = default;
};

// Owned by a connection, on one worker. Destroying it closes it.
class Transport {
 public:
  virtual ~Transport() = default;

  // Events go to `events` from now on; may be called again, for somebody else. Returns errno, 0 when it is done.
  [[nodiscard]] virtual int Start(TransportEvents& events) = 0;

  // errno of the connect that has ended; 0: connected.
  virtual int connect_error() = 0;

  virtual IoResult Read(std::span<char> into) = 0;
  virtual IoResult Write(std::span<const iovec> from) = 0;
  // Bytes lie in blocks of this worker, and go from here to there as they are: TakeBlock() and GiveBlocks() may be called in
  // place of Read() and Write(). Does not change.
  virtual bool hands_over() const { return false; }
  // The next piece, of any size; as Read() otherwise, but that there may be more behind a short one.
  virtual IoResult TakeBlock(base::Slice& into) {
    (void)into;
    return {.status = IoStatus::kWouldBlock};
  }
  // Takes out of `from` what there is room for.
  virtual IoResult GiveBlocks(base::Buffer& from) {
    (void)from;
    return {.status = IoStatus::kWouldBlock};
  }
  virtual void ShutdownWrite() = 0;
  // Closes so that the peer sees a reset instead of an end.
  virtual void Abort() = 0;

  virtual const Address& local_address() = 0;
  virtual const Address& remote_address() const = 0;

  // Where a connection that the system redirected was meant to go; nothing where it was not, or can't be.
  virtual std::optional<Address> OriginalDestination() = 0;
  // What local_address() and remote_address() say from now on: who is behind a proxy in front, and was meant.
  virtual void SetLocalAddress(const Address& address) = 0;
  virtual void SetRemoteAddress(const Address& address) = 0;

  // Also one that was accepted has a connect, which ends as others do: its handshake.
  virtual bool connects() const { return false; }
  // What is known of the peer by TLS, also when this is gone; null: there is none.
  virtual std::shared_ptr<tls::Facts> tls() { return nullptr; }
  // What an internal listener is told of the connection beside its bytes. Right behind Connect(); others are told nothing.
  virtual void Pass(std::shared_ptr<const Passed> passed) { (void)passed; }
  // The other end of that; null: nothing.
  virtual std::shared_ptr<const Passed> passed() const { return nullptr; }
  // Why it failed, where errno does not tell all; empty: it does.
  virtual std::string_view failure() const { return {}; }
};

// Makes transports to upstream hosts. Implementations: SocketConnector, and the tests' loopback network.
class Connector {
 public:
  virtual ~Connector() = default;

  // A transport whose connect has begun. Never null: what fails at once fails by connect_error().
  // `options` may be null.
  virtual std::unique_ptr<Transport> Connect(const Address& address, const ConnectOptions* options) = 0;
};

}  // namespace pillion::net
