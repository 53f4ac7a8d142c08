#include "source/net/connection_balance.h"

#include <unistd.h>

#include <utility>

#include "source/net/socket.h"

namespace pillion::net {
namespace {

// Closed with the last copy, if nobody takes it.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int descriptor) : descriptor_(descriptor) {}
  OwnedDescriptor(const OwnedDescriptor&) = delete;
  OwnedDescriptor& operator=(const OwnedDescriptor&) = delete;
  ~OwnedDescriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  int Take() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

}  // namespace

BalanceMember& ConnectionBalance::Join(event::EpollLoop& loop, AcceptEvents& events) {
  const std::lock_guard lock(mutex_);
  return *members_.emplace_back(new BalanceMember{*this, loop, events});
}

void ConnectionBalance::Leave(BalanceMember& member) {
  const std::lock_guard lock(mutex_);
  member.left = true;
}

void ConnectionBalance::End(BalanceMember& member) {
  Leave(member);
  member.ended = true;
}

BalanceMember& ConnectionBalance::Choose(BalanceMember& by) {
  const std::lock_guard lock(mutex_);
  const auto load = [](const BalanceMember& member) { return member.connections.load(std::memory_order_relaxed); };
  BalanceMember* chosen = &by;  // of equals, the one that needs no handing over
  for (const std::unique_ptr<BalanceMember>& member : members_) {
    if (!member->left && load(*member) < load(*chosen)) chosen = member.get();
  }
  chosen->connections.fetch_add(1, std::memory_order_relaxed);
  return *chosen;
}

void ConnectionBalance::Place(BalanceMember& by, int descriptor, const Address& remote) {
  BalanceMember& chosen = Choose(by);
  if (&chosen == &by) return Arrive(chosen, descriptor, remote);
  chosen.loop.worker().Post(
      [this, &chosen, remote, owned = std::make_shared<OwnedDescriptor>(descriptor)] {
        if (!chosen.ended) Arrive(chosen, owned->Take(), remote);
      });
}

void ConnectionBalance::Arrive(BalanceMember& member, int descriptor, const Address& remote) {
  member.events.OnAccept(std::make_unique<SocketTransport>(member.loop, descriptor, remote));
}

}  // namespace pillion::net
