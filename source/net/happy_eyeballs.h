#pragma once

// A connection to a host that has several addresses: to whichever of them answers first (RFC 8305, 5, "happy eyeballs").
// The attempts begin one by one, in the order of the addresses; the next one when the last has failed or has not ended
// within kNextAttempt. The first that connects is the connection, and the others are closed. It fails when all have failed,
// with the error of the last that did; for how long all that may take, the owner says.
//
// Only the connect of the socket counts: TLS and a head of the PROXY protocol lie above, and go by the one that was first.
//
// | state     | meaning                        | left by                                                              |
// |-----------|--------------------------------|----------------------------------------------------------------------|
// | racing    | at least one attempt is open   | the first that connects: connected; the end of the last one: failed  |
// | connected | one attempt is the connection  | -                                                                    |
// | failed    | connect_error() says why       | -                                                                    |
//
// Owned as every transport; on one worker. A host with one address has none of this.

#include <chrono>
#include <memory>
#include <vector>

#include "source/base/timer_wheel.h"
#include "source/event/worker.h"
#include "source/net/connect_options.h"
#include "source/net/transport.h"

namespace pillion::net {

using Addresses = std::vector<Address>;

// How many of the first family come before one of the other.
struct FamilyOrder {
  int first = AF_UNSPEC;  // or AF_INET, AF_INET6; AF_UNSPEC: that of the first address
  uint32_t count = 1;     // >= 1
};

// `addresses`, in the order in which they were given within their family: `count` of the first family, one of the other, and
// so on (RFC 8305, 4). What is left when one family is used up stands at the end.
Addresses Interleaved(const Addresses& addresses, const FamilyOrder& order);

class HappyEyeballsTransport final : public Transport {
 public:
  // How long an attempt has for itself (RFC 8305, 8; Envoy's figure).
  static constexpr base::Duration kNextAttempt = std::chrono::milliseconds(300);

  // `addresses`: at least one, shared with the host. `connector` and `options`, which may be null, outlive the connect.
  HappyEyeballsTransport(event::Worker& worker, Connector& connector, std::shared_ptr<const Addresses> addresses,
                         const ConnectOptions* options);
  ~HappyEyeballsTransport() override;

  int Start(TransportEvents& events) override;
  int connect_error() override;
  IoResult Read(std::span<char> into) override { return chosen().Read(into); }
  IoResult Write(std::span<const iovec> from) override { return chosen().Write(from); }
  void ShutdownWrite() override { chosen().ShutdownWrite(); }
  void Abort() override;
  // Of the connection; before there is one, of the attempt that began first of those that are open.
  const Address& local_address() override { return chosen().local_address(); }
  const Address& remote_address() const override;
  std::optional<Address> OriginalDestination() override { return std::nullopt; }
  void SetLocalAddress(const Address& address) override { chosen().SetLocalAddress(address); }
  void SetRemoteAddress(const Address& address) override { chosen().SetRemoteAddress(address); }

 private:
  class Attempt;
  enum class State : uint8_t { kRacing, kConnected, kFailed };

  Transport& chosen();
  void OnAttemptReady(Attempt& attempt, event::Readiness readiness);
  void OnTimer();
  // Makes the next attempt; it is not started yet.
  Attempt& Make();
  // Starts `attempt`, and others in its place as long as they fail at once. False: none is open, and all were tried.
  bool Begin(Attempt* attempt);
  // `attempt` has failed: it ends, unless it is the only one.
  void Fail(Attempt& attempt, int error);
  // Closes `attempt` at the end of the turn: events of the turn may still name it.
  void Leave(std::unique_ptr<Attempt> attempt);

  event::Worker& worker_;
  Connector& connector_;
  const std::shared_ptr<const Addresses> addresses_;
  const ConnectOptions* const options_;
  TransportEvents* events_ = nullptr;
  std::vector<std::unique_ptr<Attempt>> attempts_;  // never empty: the last one stays when it has failed
  size_t next_ = 0;                                 // of addresses_
  base::Timer timer_;
  State state_ = State::kRacing;
  int error_ = 0;
};

// A connect to a host at `addresses`, or, where that is null, at `address` alone.
std::unique_ptr<Transport> ConnectToHost(event::Worker& worker, Connector& connector, const Address& address,
                                         const std::shared_ptr<const Addresses>& addresses, const ConnectOptions* options);

}  // namespace pillion::net
