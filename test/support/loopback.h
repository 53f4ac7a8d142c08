#pragma once

// Byte streams inside the process that behave as TCP sockets under edge-triggered epoll do: bounded pipes, short reads
// and writes, half-close, a reset when an end is closed with bytes unread or is written to after it was closed, and an
// edge only when something has changed. An edge tells the whole state, as epoll does.
//
// All on one thread; the two ends may belong to different workers.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/net/address.h"
#include "source/net/listener.h"
#include "source/net/transport.h"
#include "test/support/simulation.h"

namespace pillion::test {

inline constexpr uint64_t kNever = UINT64_MAX;

// How the network treats connections to one address, from the next connect on.
struct LoopbackFaults {
  int connect_error = 0;             // errno of every connect; 0: none
  bool connect_error_at_once = false;  // as when the system has no descriptor left
  bool connect_hangs = false;
  base::Duration delay{0};           // of everything, one way
  size_t pipe_bytes = 256 * 1024;    // that may be under way in each direction
  size_t most_read = SIZE_MAX;       // bytes given by one read
  size_t most_written = SIZE_MAX;    // bytes taken by one write
  uint64_t reset_to_server = kNever;  // the connection is reset behind so many bytes in that direction
  uint64_t reset_to_client = kNever;
  // As if the system had redirected connections that were meant for it.
  std::optional<net::Address> original_destination = std::nullopt;
};

class LoopbackNetwork;
class LoopbackTransport;

// Takes the connections of one address for one worker. Connections wait while it is paused. Destroyed by the test.
class LoopbackListener final : private Ready {
 public:
  LoopbackListener(LoopbackNetwork& network, SimulatedLoop& loop, const net::Address& address,
                   net::AcceptEvents& events);
  ~LoopbackListener();

  void Pause() { paused_ = true; }
  void Resume();

 private:
  friend class LoopbackNetwork;
  void Deliver() override;

  LoopbackNetwork& network_;
  SimulatedLoop& loop_;
  const net::Address address_;
  net::AcceptEvents& events_;
  std::deque<std::unique_ptr<net::Transport>> waiting_;
  bool paused_ = false;
};

class LoopbackNetwork {
 public:
  explicit LoopbackNetwork(const base::Clock& clock) : clock_(clock) {}
  LoopbackNetwork(const LoopbackNetwork&) = delete;
  LoopbackNetwork& operator=(const LoopbackNetwork&) = delete;

  LoopbackFaults& faults(const net::Address& address) { return faults_[address.text()]; }

  // A stream whose connect has begun; its events come on `loop`.
  std::unique_ptr<net::Transport> Connect(SimulatedLoop& loop, const net::Address& address);

  // Two connected streams.
  std::pair<std::unique_ptr<net::Transport>, std::unique_ptr<net::Transport>> Pair(SimulatedLoop& client,
                                                                                   SimulatedLoop& server,
                                                                                   const LoopbackFaults& faults = {});

  // Connects begun so far.
  uint64_t connects() const { return connects_; }

  // For the simulation: lets arrive what is due.
  void Arrive();
  std::optional<base::MonotonicTime> NextArrival() const;

 private:
  friend class LoopbackListener;
  friend class LoopbackTransport;

  // Runs `arrival` now, or when `delay` has passed; in order for equal delays.
  void After(base::Duration delay, std::function<void()> arrival);
  void FinishConnect(LoopbackTransport& client, const LoopbackFaults& faults);

  const base::Clock& clock_;
  std::map<std::string, LoopbackFaults> faults_;
  std::map<std::string, std::deque<LoopbackListener*>> listeners_;  // the next one in front
  std::multimap<base::MonotonicTime, std::function<void()>> arrivals_;
  uint64_t connects_ = 0;
  uint16_t next_port_ = 40000;
};

// The network as one worker's connector.
class LoopbackConnector final : public net::Connector {
 public:
  LoopbackConnector(LoopbackNetwork& network, SimulatedLoop& loop) : network_(network), loop_(loop) {}
  std::unique_ptr<net::Transport> Connect(const net::Address& address, const net::ConnectOptions*) override {
    return network_.Connect(loop_, address);
  }

 private:
  LoopbackNetwork& network_;
  SimulatedLoop& loop_;
};

}  // namespace pillion::test
