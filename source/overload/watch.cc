#include "source/overload/watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "source/base/check.h"

namespace pillion::overload {
namespace {

std::string StatName(std::string_view of, std::string_view name) {
  std::string result = "overload.";
  result.append(of).append(".").append(name);
  return result;
}

}  // namespace

Watch::Watch(std::shared_ptr<const config::Overload> config, std::vector<std::unique_ptr<Monitor>> monitors,
             State& state, stats::Registry& registry, event::ControlTimers& timers, WatchEvents& events)
    : config_(std::move(config)),
      state_(state),
      registry_(registry),
      events_(events),
      refresh_timer_(timers.New()),
      shrink_timer_(timers.New()) {
  PILLION_CHECK(monitors.size() == config_->resources.size());
  for (size_t i = 0; i < monitors.size(); ++i) AddResource(config_->resources[i], std::move(monitors[i]));
  for (const config::OverloadAction& action : config_->actions) AddAction(action);
}

void Watch::AddResource(const config::OverloadResource& config, std::unique_ptr<Monitor> monitor) {
  stats::Shard& shard = registry_.control();
  const stats::GaugeId pressure = registry_.AddGauge(StatName(config.name, "pressure"));
  const stats::CounterId failed = registry_.AddCounter(StatName(config.name, "failed_updates"));
  resources_.push_back({.name = config.name,
                        .monitor = std::move(monitor),
                        .pressure_gauge = shard.gauge(pressure),
                        .failed_updates = shard.counter(failed)});
  // A monitor answers at once, so none is ever asked again before it did: there for the dashboards that look at it.
  registry_.AddCounterCallback(StatName(config.name, "skipped_updates"), [] { return uint64_t{0}; });
}

void Watch::AddAction(const config::OverloadAction& config) {
  stats::Shard& shard = registry_.control();
  const std::string_view name = config::OverloadEffectName(config.effect);
  Action action{.config = &config,
                .active = nullptr,
                .scale_percent = shard.gauge(registry_.AddGauge(StatName(name, "scale_percent")))};
  if (config::IsShedPoint(config.effect)) {
    registry_.AddCounterCallback(StatName(name, "shed_load_count"),
                                 [&state = state_, effect = config.effect] { return state.shed(effect); });
  } else {
    action.active = shard.gauge(registry_.AddGauge(StatName(name, "active")));
  }
  if (config.effect == Effect::kShrinkHeap) {
    shrink_count_ = shard.counter(registry_.AddCounter(StatName(name, "shrink_count")));
  }
  actions_.push_back(action);
}

void Watch::Start() {
  refresh_timer_->Set(config_->refresh_interval, [this] {
    Refresh();
    Start();
  });
}

void Watch::Refresh() {
  for (Resource& resource : resources_) {
    const absl::StatusOr<double> pressure = resource.monitor->Pressure();
    if (!pressure.ok()) {
      resource.failed_updates->Increment();
      events_.OnMonitorFailed(resource.name, pressure.status());
      continue;
    }
    resource.pressure = *pressure;
    resource.pressure_gauge->Set(std::lround(*pressure * 100));
  }
  for (Action& action : actions_) Apply(action, DegreeOf(*action.config));
}

double Watch::DegreeOf(const config::OverloadAction& action) const {
  double most = 0;
  for (const config::OverloadTrigger& trigger : action.triggers) {
    const double pressure = resources_[trigger.resource].pressure;
    if (pressure >= trigger.all) return 1;
    if (pressure > trigger.none) most = std::max(most, (pressure - trigger.none) / (trigger.all - trigger.none));
  }
  return most;
}

void Watch::Apply(Action& action, double degree) {
  const Effect effect = action.config->effect;
  const double before = state_.degree(effect);
  if (degree == before) return;
  state_.set_degree(effect, degree);
  action.scale_percent->Set(std::lround(degree * 100));
  if (action.active != nullptr) action.active->Set(degree >= 1 ? 1 : 0);
  events_.OnDegree(effect, before, degree);
  if (effect != Effect::kShrinkHeap) return;
  if (degree >= 1) {
    Shrink();
  } else {
    shrink_timer_->Cancel();
  }
}

void Watch::Shrink() {
  shrink_count_->Increment();
  events_.OnShrinkHeap();
  shrink_timer_->Set(kShrinkInterval, [this] { Shrink(); });
}

}  // namespace pillion::overload
