#pragma once

// What is counted of one attempt of a tcp_proxy to reach a host: of the cluster and of the host, as pools count it of a
// request that has a connection for itself. Owned by the side of the pair that it stands for, on its worker; OnClosed()
// gives back what it took, and is called once.
//
// | state    | counted as              | left by                                                     |
// |----------|-------------------------|-------------------------------------------------------------|
// | kWaiting | pending, a connection   | OnConnected(): kOpen; OnFailed(): kFailed; OnClosed()        |
// | kFailed  | a connection            | OnClosed()                                                  |
// | kOpen    | a request, a connection | OnClosed()                                                  |

#include <cstdint>
#include <memory>

#include "source/base/clock.h"
#include "source/event/shared.h"
#include "source/upstream/cluster.h"

namespace pillion::proxy {

class ConnectAttempt {
 public:
  // The breaker has counted its connection already.
  ConnectAttempt(upstream::ClusterShard& cluster, std::shared_ptr<upstream::Host> host);

  void OnConnected();
  void OnFailed(bool timeout);
  void OnClosed(bool by_peer);
  // All that the connection has read and written so far.
  void CountBytes(uint64_t read, uint64_t written);

  const std::shared_ptr<upstream::Host>& host() const { return host_; }
  uint64_t id() const { return id_; }  // of its connection
  base::MonotonicTime begun() const { return begun_; }
  bool failed() const { return state_ == State::kFailed; }
  uint64_t bytes_read() const { return read_; }
  uint64_t bytes_written() const { return written_; }

 private:
  enum class State : uint8_t { kWaiting, kFailed, kOpen };

  upstream::HostFigures& figures();
  void LeaveQueue();

  const event::Kept<upstream::ClusterShard> cluster_;
  const std::shared_ptr<upstream::Host> host_;
  const uint64_t id_;
  const base::MonotonicTime begun_;
  uint64_t read_ = 0;
  uint64_t written_ = 0;
  State state_ = State::kWaiting;
};

}  // namespace pillion::proxy
