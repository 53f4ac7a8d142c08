#pragma once

// Who waits for what a limit has refused him, over all workers: a limit::FairQueue behind a lock, and a desk on each worker
// of which somebody waits.
//
// | a waiter is | since | until |
// |---|---|---|
// | waiting | Enter() | a run of any worker grants it, its time is over, or a worthier one takes its place; or Leave() |
// | called | then | its worker has read what was posted: OnWaitEnded(). Who has left meanwhile gives the grant back |
//
// A waiter is {worker, number}: what is posted names it, and nothing holds a pointer across threads. Whichever worker
// changes the queue keeps time for it, until that, or another one, runs it again; a desk that goes hands that on. So
// a worker that stands still holds up only those who wait there.
//
// Any thread, but Enter() and Leave(): the waiter's worker.

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "source/event/worker.h"
#include "source/filters/limit/state.h"
#include "source/limit/fair_queue.h"

namespace pillion::filters::limit_rules {

enum class WaitEnd : uint8_t {
  kGranted,
  kTimedOut,
  kFull,     // there is no room, or a worthier one has taken it
  kTooLate,  // it would have to wait longer than it may
};

class Desk;

// Somebody who may wait. His worker's; leaves when he is destroyed.
class Waiting {
 public:
  // In a step of its own, never inside Enter(). What was decided: of a grant charged.
  virtual void OnWaitEnded(WaitEnd end, const limit::Decision& decision) = 0;

 protected:
  ~Waiting();

 private:
  friend class Desk;
  friend class WaitingRoom;

  std::shared_ptr<Desk> desk_;  // null: he does not wait
  uint64_t number_ = 0;
  limit::FairQueue::Ticket ticket_ = 0;
};

class WaitingRoom : public std::enable_shared_from_this<WaitingRoom> {
 public:
  struct Request {
    limit::Key key;       // what is limited
    limit::Key fair_key;  // between whom it is fair; with Limits::kEachKey the same
    uint64_t cost = 1;
    uint8_t priority = 0;
    base::MonotonicTime deadline = limit::FairQueue::kNever;
  };
  struct Entered {
    enum class How : uint8_t { kAdmitted, kWaits, kRefused } how;
    WaitEnd why = WaitEnd::kGranted;  // he was refused
    limit::Decision decision;
  };

  WaitingRoom(std::shared_ptr<State> state, const limit::FairQueue::Options& options);

  // Somebody waits: who comes now may have to, too. Else the limit may be asked without the room.
  bool busy() const { return size_.load(std::memory_order_relaxed) > 0; }
  size_t size() const { return size_.load(std::memory_order_relaxed); }
  const State& state() const { return *state_; }

  // Asks the limit, unless others wait before him; and has him wait, if need be.
  Entered Enter(event::Worker& worker, Waiting& waiting, const Request& request);
  void Leave(Waiting& waiting);

 private:
  friend class Desk;
  // Of somebody who waits no more.
  struct Ended {
    uint64_t number;
    limit::Key key;
    uint64_t cost;
    WaitEnd end;
    limit::Decision decision;
  };

  limit::Key LimitKeyOf(const limit::Key& key) const { return shared_key_ ? *shared_key_ : key; }
  // All with the lock.
  base::MonotonicTime Now(const event::Worker& worker) { return now_ = std::max(now_, worker.now()); }
  // What is said to somebody who is not admitted, though the limit may have something. `wait`: until it has, at least.
  limit::Decision Refusal(const limit::Key& key, uint64_t cost, base::MonotonicTime now,
                          base::Duration* wait = nullptr) const;
  // How long it will be, at least, for those who wait before him and will have had theirs by then; zero: that keeps nobody
  // from his turn.
  base::Duration LeastWait(const Request& request, base::MonotonicTime now);
  bool IsNever(uint64_t cost) const;
  void Run(base::MonotonicTime now);
  void Call(const limit::FairQueue::Waiter& waiter, WaitEnd end, const limit::Decision& decision);
  void PostCalls();
  std::shared_ptr<Desk> DeskOf(event::Worker& worker);

  // A desk's timer; it says when to come again.
  base::MonotonicTime RunFor(const event::Worker& worker);
  void GiveBack(const Ended& ended, base::MonotonicTime now);
  void Forget(Desk& desk);

  const std::shared_ptr<State> state_;
  const limit::FairQueue::Options options_;
  std::optional<limit::Key> shared_key_;  // of the one limit that all share
  std::atomic<size_t> size_ = 0;

  std::mutex mutex_;
  limit::FairQueue queue_;
  base::MonotonicTime now_;
  uint64_t next_number_ = 1;
  std::vector<Desk*> desks_;
  std::vector<std::pair<uint32_t, Ended>> calls_;  // by worker, that are to be posted
};

// The one of that state with these options, made where there is none. Control side.
std::shared_ptr<WaitingRoom> RoomOf(std::shared_ptr<State> state, const limit::FairQueue::Options& options);
// How many wait: for rules of that name, or for that one. Any thread.
size_t WaitingFor(std::string_view rule);
size_t WaitingFor(const State& state);

}  // namespace pillion::filters::limit_rules
