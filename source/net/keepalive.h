#pragma once

// Asks the peer of an HTTP/2 connection for a sign of life (PING), and says when none has come. Any byte from the peer
// is one. Part of the connection's owner; on its worker; ends with it.
//
// | state   | meaning                                  | left by                                               |
// |---------|------------------------------------------|-------------------------------------------------------|
// | resting | until the interval is over               | that: asked; OnUse() after a long idle time: asked     |
// | asked   | a PING was sent                          | the timeout: a byte came: resting; none: `dead` is called |

#include <functional>

#include "source/base/random.h"
#include "source/base/timer_wheel.h"
#include "source/event/worker.h"
#include "source/net/connection.h"

namespace pillion::net {

struct KeepaliveTimes {
  base::Duration interval{0};       // between two questions; zero: only after idle time
  base::Duration timeout{0};        // for an answer
  double jitter_percent = 0;        // of the interval, added at random
  base::Duration idle_interval{0};  // a connection idle this long is asked when it is used again; zero: not
};

class Keepalive {
 public:
  // All outlive it. `dead` ends the connection; it is called once.
  Keepalive(event::Worker& worker, Connection& connection, codec::Connection& codec, base::Random& random,
            const KeepaliveTimes& times, std::function<void()> dead);

  // The connection is used again, and was idle since then.
  void OnUse(base::MonotonicTime idle_since);

 private:
  void Rest();
  void Ask();
  void OnTimer();

  event::Worker& worker_;
  Connection& connection_;
  codec::Connection& codec_;
  base::Random& random_;
  const KeepaliveTimes times_;
  const std::function<void()> dead_;
  base::Timer timer_;
  bool asked_ = false;
  uint64_t read_before_ = 0;  // bytes, when it asked
};

}  // namespace pillion::net
