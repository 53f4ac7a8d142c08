#pragma once

// A worker: one thread, its timers, its memory and its turns. Shares nothing with other workers on the hot path.
//
// One turn, in this order:
//   1. wait for readiness (a poller), read the clocks, run due timers
//   2. readiness events, then what other threads posted
//   3. steps: work that was put off within the last turn (continuing a paused read)
//   4. flushes: each connection with output writes it, once
//   5. objects that ended in this turn are destroyed
// So within a turn every object that was alive at its start can still be called, and no write happens twice.
//
// The worker itself does not wait: EpollLoop drives it with a thread and a poller, tests call RunTurn() with a
// simulated clock.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "source/base/block.h"
#include "source/base/clock.h"
#include "source/base/intrusive_list.h"
#include "source/base/timer_wheel.h"
#include "source/event/heartbeat.h"

namespace pillion::event {

struct TaskTag {};

// Work for a phase of a turn. Owned by whoever it calls; may be destroyed while queued; queued at most once.
class Task : public base::ListNode<TaskTag> {
 public:
  using Callback = void (*)(void* owner);
  Task(void* owner, Callback callback) : callback_(callback), owner_(owner) {}
  void Run() { callback_(owner_); }

 private:
  Callback callback_;
  void* owner_;
};

struct DeferredTag {};

// An object that ends at the end of a turn.
class Deferred : public base::ListNode<DeferredTag> {
 public:
  // Frees the object, by whatever way it was allocated. Called once.
  virtual void Dispose() = 0;

 protected:
  ~Deferred() = default;
};

class Worker {
 public:
  // `clock` outlives the worker. `index` counts from 0.
  Worker(uint32_t index, const base::Clock& clock);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  uint32_t index() const { return index_; }

  // As read at the start of this turn.
  base::MonotonicTime now() const { return now_; }
  base::WallTime wall_now() const { return wall_now_; }

  const base::Clock& clock() const { return clock_; }
  // Begins and ends with each turn.
  Heartbeat& heartbeat() { return heartbeat_; }

  base::TimerWheel& timers() { return timers_; }
  base::BlockPool& blocks() { return blocks_; }

  void SetTimer(base::Timer& timer, base::Duration after) { timers_.Set(timer, now_ + after); }

  // Runs `task` in the steps of this turn, or of the next when those have begun.
  void Step(Task& task) {
    if (!task.linked()) steps_.PushBack(task);
  }
  // Runs `task` among the flushes of this turn.
  void Flush(Task& task) {
    if (!task.linked()) flushes_.PushBack(task);
  }
  // Ends `object` at the end of this turn. Nobody refers to it from the next turn on.
  void Dispose(Deferred& object) {
    if (!object.linked()) ended_.PushBack(object);
  }

  // Any thread: runs `work` on this worker, in one of its next turns: a turn begins no more of it after kMostPosted, so
  // that many thousands of changes at once don't keep requests waiting. All of it in the order in which it came, and never
  // dropped while the worker lives.
  static constexpr base::Duration kMostPosted = std::chrono::milliseconds(1);
  void Post(std::function<void()> work);

  // The parts of a turn, for the loop that drives it.
  void BeginTurn();
  void EndTurn();

  // A turn without waiting: true when it may have left work for the next.
  bool RunTurn(const std::function<void()>& events = nullptr) {
    BeginTurn();
    if (events) events();
    EndTurn();
    return has_work();
  }

  // Steps or posted work are due: the next turn must not wait.
  bool has_work() const {
    return !steps_.empty() || !flushes_.empty() || !ended_.empty() || next_ < running_.size() ||
           has_posted_.load(std::memory_order_acquire);
  }

  // Called, on any thread, when the first work was posted: wakes the loop. It must not call the worker.
  void set_waker(std::function<void()> waker);

  // A block to read into, with one reference of the worker's; AddReference() for each slice of it that is kept.
  base::Block* read_block();

 private:
  void RunPosted();

  const uint32_t index_;
  const base::Clock& clock_;
  Heartbeat heartbeat_;
  base::MonotonicTime now_;
  base::WallTime wall_now_;
  base::BlockPool blocks_;  // first of what is destroyed last
  base::TimerWheel timers_;
  base::Block* read_block_ = nullptr;

  base::IntrusiveList<Task, TaskTag> steps_;
  base::IntrusiveList<Task, TaskTag> flushes_;
  base::IntrusiveList<Deferred, DeferredTag> ended_;

  std::atomic<bool> has_posted_ = false;  // spares a turn without posts the lock
  std::mutex posted_mutex_;               // guards waker_ and posted_
  std::function<void()> waker_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::function<void()>> running_;  // what was posted, as it was taken
  size_t next_ = 0;                             // of it
};

}  // namespace pillion::event
