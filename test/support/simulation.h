#pragma once

// A small world for a test: a clock, workers, and a loopback network between them, all on the test's thread.

#include <memory>
#include <vector>

#include "source/base/intrusive_list.h"
#include "source/event/worker.h"
#include "test/support/simulated_clock.h"

namespace pillion::test {

class LoopbackNetwork;

struct ReadyTag {};

// Something that has an event for a worker.
class Ready : public base::ListNode<ReadyTag> {
 public:
  virtual void Deliver() = 0;

 protected:
  ~Ready() = default;
};

// A worker with a poller made of lists: it does in a turn what EpollLoop does.
class SimulatedLoop {
 public:
  SimulatedLoop(uint32_t index, const base::Clock& clock) : clock_(clock), worker_(index, clock) {
    worker_.set_waker([this] { posted_ = true; });
  }

  event::Worker& worker() { return worker_; }

  // Delivers `ready` in the next turn; once, however often it is asked.
  void Notify(Ready& ready) {
    if (!ready.linked()) ready_.PushBack(ready);
  }

  // A turn now would do something.
  bool has_work() const;
  void RunTurn();

 private:
  const base::Clock& clock_;
  base::IntrusiveList<Ready, ReadyTag> ready_;
  bool posted_ = false;
  event::Worker worker_;
};

class Simulation {
 public:
  explicit Simulation(uint32_t workers = 1);
  ~Simulation();

  SimulatedClock& clock() { return clock_; }
  LoopbackNetwork& network() { return *network_; }
  SimulatedLoop& loop(uint32_t index = 0) { return *loops_[index]; }
  event::Worker& worker(uint32_t index = 0) { return loops_[index]->worker(); }

  // Runs turns of all workers until nothing is left to do at this time. Fails the test when that does not happen.
  void RunUntilIdle();

  // Lets time pass: stops at every timer and arrival on the way and runs until idle there.
  void AdvanceTime(base::Duration by);

 private:
  SimulatedClock clock_;
  std::vector<std::unique_ptr<SimulatedLoop>> loops_;
  std::unique_ptr<LoopbackNetwork> network_;
};

}  // namespace pillion::test
