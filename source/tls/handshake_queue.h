#pragma once

// Bounds what handshakes take of a worker: so many steps of them in a turn; the others wait, in the order of their coming.
// Without that a crowd of new clients would hold up those who are there. Of one worker, used on it; outlives who waits.

#include <cstdint>

#include "source/base/intrusive_list.h"
#include "source/event/worker.h"

namespace pillion::tls {

struct HandshakeTag {};

class HandshakeQueue {
 public:
  // A step is the work of one signature, up to some tenths of a millisecond.
  static constexpr uint32_t kPerTurn = 8;

  class Waiter : public base::ListNode<HandshakeTag> {
   public:
    virtual void OnTurn() = 0;

   protected:
    ~Waiter() = default;
  };

  explicit HandshakeQueue(event::Worker& worker)
      : worker_(worker), next_(this, [](void* self) { static_cast<HandshakeQueue*>(self)->Next(); }) {}
  HandshakeQueue(const HandshakeQueue&) = delete;
  HandshakeQueue& operator=(const HandshakeQueue&) = delete;

  // True: `waiter` may take a step now. False: it is called for that in a later turn.
  bool Enter(Waiter& waiter) {
    if (waiter.linked()) return false;
    worker_.Step(next_);
    if (taken_ < kPerTurn && waiting_.empty()) {
      ++taken_;
      return true;
    }
    waiting_.PushBack(waiter);
    return false;
  }

 private:
  // Once a turn, as long as there is something to do.
  void Next() {
    const bool again = !waiting_.empty();
    for (taken_ = 0; taken_ < kPerTurn && !waiting_.empty(); ++taken_) {
      Waiter& waiter = waiting_.front();
      waiter.Unlink();
      waiter.OnTurn();
    }
    if (again) worker_.Step(next_);
  }

  event::Worker& worker_;
  event::Task next_;
  base::IntrusiveList<Waiter, HandshakeTag> waiting_;
  uint32_t taken_ = 0;  // steps of this turn
};

}  // namespace pillion::tls
