#pragma once

// Asks the monitors every refresh interval, and finds out to what degree each action is to be done. Made by the server
// before the workers run; lives on the main thread.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "source/config/overload.h"
#include "source/event/control_timer.h"
#include "source/overload/monitor.h"
#include "source/overload/state.h"
#include "source/stats/registry.h"

namespace pillion::overload {

class WatchEvents {
 public:
  // The state says it already.
  virtual void OnDegree(config::OverloadEffect effect, double before, double now) = 0;
  // What could not be asked stays as it was.
  virtual void OnMonitorFailed(const std::string& resource, const absl::Status& why) = 0;
  // Give back what is free: when kShrinkHeap begins, and every kShrinkInterval as long as it lasts.
  virtual void OnShrinkHeap() = 0;

 protected:
  ~WatchEvents() = default;
};

class Watch {
 public:
  static constexpr base::Duration kShrinkInterval = std::chrono::seconds(10);

  // `monitors` are those of the configuration's resources, in their order. The state, the registry, the timers and the
  // events outlive the watch, and the state the registry's readers.
  Watch(std::shared_ptr<const config::Overload> config, std::vector<std::unique_ptr<Monitor>> monitors, State& state,
        stats::Registry& registry, event::ControlTimers& timers, WatchEvents& events);

  // The first time after one interval, as Envoy has it.
  void Start();

 private:
  using Effect = config::OverloadEffect;

  struct Resource {
    std::string name;
    std::unique_ptr<Monitor> monitor;
    stats::Gauge* pressure_gauge;
    stats::Counter* failed_updates;
    double pressure = 0;
  };
  struct Action {
    const config::OverloadAction* config;
    stats::Gauge* active;  // null: a load shed point has none
    stats::Gauge* scale_percent;
  };

  void AddResource(const config::OverloadResource& config, std::unique_ptr<Monitor> monitor);
  void AddAction(const config::OverloadAction& config);
  void Refresh();
  double DegreeOf(const config::OverloadAction& action) const;
  void Apply(Action& action, double degree);
  void Shrink();

  const std::shared_ptr<const config::Overload> config_;
  State& state_;
  stats::Registry& registry_;
  WatchEvents& events_;
  std::vector<Resource> resources_;
  std::vector<Action> actions_;
  stats::Counter* shrink_count_ = nullptr;
  const std::unique_ptr<event::ControlTimer> refresh_timer_;
  const std::unique_ptr<event::ControlTimer> shrink_timer_;
};

}  // namespace pillion::overload
