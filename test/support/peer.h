#pragma once

// The other end of a connection, in the hands of a test: what it sends, what it got, and how it ended. Acts between
// turns; reads in the turns of its loop, as long as it is not told to stop.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/net/listener.h"
#include "source/net/transport.h"
#include "test/support/loopback.h"

namespace pillion::test {

class Peer final : private net::TransportEvents {
 public:
  explicit Peer(std::unique_ptr<net::Transport> transport);

  // What does not fit goes out when there is room.
  void Send(std::string_view bytes);
  // Half-closes behind what was sent.
  void EndSending();
  void Close() { transport_.reset(); }
  void Reset();

  void StopReading() { reading_ = false; }
  void ReadAgain();

  // All that came and was not taken.
  const std::string& received() const { return received_; }
  std::string Take() { return std::exchange(received_, {}); }

  bool ended() const { return ended_; }  // the other end half-closed
  int error() const { return error_; }   // errno that ended the connection; 0: none
  bool sent_all() const { return to_send_.empty(); }
  net::Transport& transport() { return *transport_; }

 private:
  void OnTransportReady(event::Readiness readiness) override;
  void Read();
  void Write();

  std::unique_ptr<net::Transport> transport_;
  std::string to_send_;
  std::string received_;
  bool reading_ = true;
  bool end_sending_ = false;
  bool ended_ = false;
  int error_ = 0;
};

// Accepts everything at one address.
class PeerListener final : private net::AcceptEvents {
 public:
  PeerListener(LoopbackNetwork& network, SimulatedLoop& loop, const net::Address& address)
      : listener_(network, loop, address, *this) {}

  // In the order in which they came; closed ones too.
  std::vector<std::unique_ptr<Peer>>& peers() { return peers_; }
  Peer& peer(size_t index) { return *peers_.at(index); }
  size_t size() const { return peers_.size(); }
  LoopbackListener& listener() { return listener_; }

 private:
  void OnAccept(std::unique_ptr<net::Transport> transport) override {
    peers_.push_back(std::make_unique<Peer>(std::move(transport)));
  }
  void OnAccepted(uint32_t) override {}
  void OnAcceptFailed(int) override {}

  std::vector<std::unique_ptr<Peer>> peers_;
  LoopbackListener listener_;
};

}  // namespace pillion::test
