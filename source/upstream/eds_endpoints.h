#pragma once

// The hosts of an EDS cluster, as the last assignment has them, from wherever it comes. One that says so is forgotten after
// a while without another. Owned by the server, on the main thread; ends before the cluster.

#include <memory>

#include "source/config/assignment.h"
#include "source/event/control_timer.h"
#include "source/stats/registry.h"
#include "source/upstream/cluster.h"

namespace pillion::upstream {

class EdsEndpoints {
 public:
  EdsEndpoints(Cluster& cluster, event::ControlTimers& timers, stats::Registry& registry);

  void Take(const config::Assignment& assignment);
  // What was taken last has come once more.
  void TakeAgain(const config::Assignment& assignment);
  // An answer without an assignment: the hosts stay.
  void OnEmpty() { cluster_.membership_stats().update_empty.Increment(); }

 private:
  void AwaitStale(const config::Assignment& assignment);
  void OnStale();

  Cluster& cluster_;
  const std::unique_ptr<event::ControlTimer> timer_;
  bool stale_ = false;  // it was forgotten
  stats::Scope scope_;
  stats::Counter* const assignment_stale_;
  stats::Counter* const assignment_timeout_received_;
};

}  // namespace pillion::upstream
