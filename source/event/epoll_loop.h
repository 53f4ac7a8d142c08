#pragma once

// The thread of a worker: waits for readiness with edge-triggered epoll, and runs the worker's turns.

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "source/event/worker.h"
#include "source/stats/cell.h"

namespace pillion::event {

struct Readiness {
  bool readable;
  bool writable;
  bool hangup;  // the peer will send no more: after what can be read there is an end
  bool failed;  // reset by the peer, or a connect that failed
};

// Told when a descriptor became ready; not told again until it was used up (edge-triggered). Its destruction is put
// off to the end of a turn (Worker::Dispose), since events of the same turn may name it.
class ReadinessEvents {
 public:
  virtual void OnReady(Readiness readiness) = 0;

 protected:
  ~ReadinessEvents() = default;
};

// What is counted of turns, in microseconds; as Envoy's dispatchers have it.
struct TurnStats {
  stats::Histogram* duration;  // of a turn, without the wait in front
  stats::Histogram* delay;     // how much longer a wait for timers took than it should
};

class EpollLoop {
 public:
  explicit EpollLoop(Worker& worker);
  EpollLoop(const EpollLoop&) = delete;
  EpollLoop& operator=(const EpollLoop&) = delete;
  ~EpollLoop();

  Worker& worker() { return worker_; }

  // Reports `events` about `descriptor` until it is closed. Closing takes it out. Returns errno, 0 when it is done.
  [[nodiscard]] int Add(int descriptor, ReadinessEvents& events);
  // The same for a listening socket, level-triggered and reading only.
  [[nodiscard]] int AddListening(int descriptor, ReadinessEvents& events);
  void Remove(int descriptor);

  // From the next turn on; the cells are this thread's. Before Run().
  void set_stats(TurnStats stats) { stats_ = stats; }

  // Runs turns on the calling thread until Stop().
  void Run();
  // Waits until there is something to do, and runs one turn.
  void Turn();
  // Any thread. Run() returns after the turn in which this is seen.
  void Stop();

 private:
  void Wake();
  int Timeout() const;  // of epoll_wait, in ms
  void CountWait(base::MonotonicTime begun, int timeout, int events);

  static constexpr int kEventsPerTurn = 256;

  Worker& worker_;
  int epoll_ = -1;
  int wakeup_ = -1;  // an eventfd
  std::optional<TurnStats> stats_;  // nothing: nothing is counted
  std::atomic<bool> stopped_ = false;
};

}  // namespace pillion::event
