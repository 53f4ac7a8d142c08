#pragma once

// Gives each connection that a worker of a listener accepts to the worker that has the fewest of that listener
// (exact_balance). Owned by the listener's part for the whole process; outlives the workers' acceptors. Any worker's
// thread; a lock for each connection.

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "source/event/epoll_loop.h"
#include "source/net/listener.h"

namespace pillion::net {

class ConnectionBalance;

// One worker's part in it.
struct BalanceMember {
  ConnectionBalance& balance;
  event::EpollLoop& loop;
  AcceptEvents& events;
  // That it has, and those on their way to it. Place() counts; whoever took a connection over takes it off when it ends.
  std::atomic<uint64_t> connections = 0;
  bool left = false;   // guarded by the balance's mutex
  bool ended = false;  // its worker's
};

class ConnectionBalance {
 public:
  // A worker joins once for each listener, before it accepts; any thread. The rest is the worker's thread's, but for
  // Place() of another's connection.
  BalanceMember& Join(event::EpollLoop& loop, AcceptEvents& events);
  // It is chosen no more; what is on its way to it comes.
  void Leave(BalanceMember& member);
  // The same, but what is on its way is closed.
  void End(BalanceMember& member);

  // Takes over `descriptor`, which `by` has accepted.
  void Place(BalanceMember& by, int descriptor, const Address& remote);

 private:
  BalanceMember& Choose(BalanceMember& by);
  void Arrive(BalanceMember& member, int descriptor, const Address& remote);

  std::mutex mutex_;
  std::vector<std::unique_ptr<BalanceMember>> members_;
};

}  // namespace pillion::net
