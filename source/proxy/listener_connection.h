#pragma once

// What a listener keeps of a connection that it accepted, whatever its terminal filter is.

#include "source/base/intrusive_list.h"
#include "source/event/worker.h"

namespace pillion::proxy {

struct ListenerConnectionTag {};

// Disposes of itself when it has closed, after telling its owner.
class ListenerConnection : public base::ListNode<ListenerConnectionTag>, public event::Deferred {
 public:
  virtual void Start() = 0;
  // Ends when its last stream does; at once when there is none.
  virtual void StartDrain() = 0;
  // In this turn, whatever is in flight.
  virtual void CloseNow() = 0;

 protected:
  ~ListenerConnection() = default;
};

class ListenerConnectionOwner {
 public:
  // The connection has closed and goes at the end of this turn.
  virtual void OnConnectionGone(ListenerConnection& connection) = 0;

 protected:
  ~ListenerConnectionOwner() = default;
};

}  // namespace pillion::proxy
