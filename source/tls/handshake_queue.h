#pragma once

// Bounds what handshakes take of a worker: so many steps of them in a turn, and so many under way at a time. Without that a
// crowd of new clients would hold up those who are there, and who begins handshakes and stops in the middle would take the
// memory. Those under way go first, as they end soonest; the others wait in the order of their coming. Of one worker, used
// on it; outlives who waits.

#include <cstdint>

#include "source/base/intrusive_list.h"
#include "source/event/worker.h"

namespace pillion::tls {

struct HandshakeTag {};
struct UnderWayTag {};

class HandshakeQueue {
 public:
  // A step is the work of one signature, up to some tenths of a millisecond.
  static constexpr uint32_t kPerTurn = 8;

  // Each takes some 40 KB. Who is asked for 500 ms by its peer still leaves room for 1,000 handshakes a second.
  static constexpr uint32_t kUnderWay = 512;

  class Waiter : public base::ListNode<HandshakeTag>, public base::ListNode<UnderWayTag> {
   public:
    virtual void OnTurn() = 0;
    // It has been under way for longest, and another needs its place. Leaves.
    virtual void OnGivenUp() = 0;

   protected:
    ~Waiter() = default;
  };

  explicit HandshakeQueue(event::Worker& worker)
      : worker_(worker), next_(this, [](void* self) { static_cast<HandshakeQueue*>(self)->Next(); }) {}
  HandshakeQueue(const HandshakeQueue&) = delete;
  HandshakeQueue& operator=(const HandshakeQueue&) = delete;

  // True: `waiter` may take a step now. False: it is called for that in a later turn.
  bool Enter(Waiter& waiter) {
    if (Waits(waiter)) return false;
    worker_.Step(next_);
    if (taken_ < kPerTurn && going_on_.empty() && waiting_.empty()) {
      ++taken_;
      Begin(waiter);
      return true;
    }
    (IsUnderWay(waiter) ? going_on_ : waiting_).PushBack(waiter);
    return false;
  }

  // Its handshake has ended, or `waiter` does: whoever entered has to.
  void Leave(Waiter& waiter) {
    if (Waits(waiter)) static_cast<base::ListNode<HandshakeTag>&>(waiter).Unlink();
    if (!IsUnderWay(waiter)) return;
    static_cast<base::ListNode<UnderWayTag>&>(waiter).Unlink();
    --count_;
  }

 private:
  static bool Waits(const Waiter& waiter) { return static_cast<const base::ListNode<HandshakeTag>&>(waiter).linked(); }
  static bool IsUnderWay(const Waiter& waiter) { return static_cast<const base::ListNode<UnderWayTag>&>(waiter).linked(); }

  void Begin(Waiter& waiter) {
    if (IsUnderWay(waiter)) return;
    if (count_ == kUnderWay) under_way_.front().OnGivenUp();
    under_way_.PushBack(waiter);
    ++count_;
  }

  // Once a turn, as long as there is something to do.
  void Next() {
    const bool again = !going_on_.empty() || !waiting_.empty();
    for (taken_ = 0; taken_ < kPerTurn && !(going_on_.empty() && waiting_.empty()); ++taken_) {
      Waiter& waiter = going_on_.empty() ? waiting_.front() : going_on_.front();
      static_cast<base::ListNode<HandshakeTag>&>(waiter).Unlink();
      Begin(waiter);
      waiter.OnTurn();
    }
    if (again) worker_.Step(next_);
  }

  event::Worker& worker_;
  event::Task next_;
  base::IntrusiveList<Waiter, HandshakeTag> waiting_;   // to begin
  base::IntrusiveList<Waiter, HandshakeTag> going_on_;  // under way, to take a step
  base::IntrusiveList<Waiter, UnderWayTag> under_way_;  // the oldest first
  uint32_t count_ = 0;                                  // of these
  uint32_t taken_ = 0;                                  // steps of this turn
};

}  // namespace pillion::tls
