#pragma once

// Listeners without sockets, of one worker, by name, and connecting to them.

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "source/event/worker.h"
#include "source/net/internal_transport.h"
#include "source/net/listener.h"
#include "source/net/socket.h"
#include "source/net/transport.h"

namespace pillion::net {

// On its worker. Outlives whoever connects.
class InternalListeners {
 public:
  static constexpr size_t kPipeBytes = 1024 * 1024;  // where nobody says

  explicit InternalListeners(event::Worker& worker);

  // Of connections that are made from now on; > 0.
  void set_pipe_bytes(size_t bytes) { pipe_bytes_ = bytes; }

  // `listener` gets from now on the connections to `name`, whoever had them before.
  void Add(std::string_view name, AcceptEvents& listener);
  // It gets none any more.
  void Remove(const AcceptEvents& listener);

  // An end of a connection to the listener that `address` names, which is internal; ECONNREFUSED where there is none. The
  // listener gets the other end in a later step: who connects to itself is bounded by its breakers, and not by the stack.
  std::unique_ptr<Transport> Connect(const Address& address);

 private:
  void AcceptWaiting();

  event::Worker& worker_;
  size_t pipe_bytes_ = kPipeBytes;
  std::map<std::string, AcceptEvents*, std::less<>> by_name_;
  std::deque<std::unique_ptr<InternalTransport>> waiting_;
  event::Task accept_;
};

// Connects from one worker, wherever addresses lead.
class WorkerConnector final : public Connector {
 public:
  // Both outlive it.
  WorkerConnector(event::EpollLoop& loop, InternalListeners& internal) : sockets_(loop), internal_(internal) {}

  std::unique_ptr<Transport> Connect(const Address& address, const ConnectOptions* options) override {
    return address.is_internal() ? internal_.Connect(address) : sockets_.Connect(address, options);
  }

 private:
  SocketConnector sockets_;
  InternalListeners& internal_;
};

}  // namespace pillion::net
