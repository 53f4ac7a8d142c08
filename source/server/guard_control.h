#pragma once

// The guard of the process, with what it sees and what it acts on: what becomes of the workers' requests, and the control
// planes' resources. Made before the workers, who count into it, and before the planes, who tell it what changes; outlives
// both. Main thread.

#include <memory>
#include <vector>

#include "source/config/model.h"
#include "source/config/resources.h"
#include "source/event/control_timer.h"
#include "source/guard/guard.h"
#include "source/guard/pushed_guard.h"
#include "source/push/feed.h"
#include "source/stats/traffic.h"
#include "source/xds/planes.h"

namespace pillion::server {

class GuardControl {
 public:
  // All that is given outlives it.
  GuardControl(const config::Bootstrap& bootstrap, event::ControlTimers& timers, const base::Clock& clock,
               stats::Registry& registry);

  // That `worker` counts into.
  stats::Traffic* traffic(size_t worker) { return traffic_[worker].get(); }

  // What it goes back by. Before they start.
  void Attach(xds::Planes& planes, const config::Resources& resources, const push::Feed::Surroundings& surroundings);
  // Nothing comes any more: before the planes go.
  void Detach();

  guard::Guard& guard() { return guard_; }

 private:
  guard::Figures Totals() const;

  const config::Bootstrap& bootstrap_;
  std::vector<std::unique_ptr<stats::Traffic>> traffic_;
  xds::Planes* planes_ = nullptr;  // null: they are not there yet, or not any more
  guard::Guard guard_;
  std::unique_ptr<guard::PushedGuard> pushed_;  // null: the guard is the configured one
};

}  // namespace pillion::server
