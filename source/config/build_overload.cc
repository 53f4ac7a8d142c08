#include "source/config/build_overload.h"

#include <algorithm>
#include <set>

#include "envoy/config/overload/v3/overload.pb.h"
#include "envoy/extensions/resource_monitors/cgroup_memory/v3/cgroup_memory.pb.h"
#include "envoy/extensions/resource_monitors/cpu_utilization/v3/cpu_utilization.pb.h"
#include "envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.pb.h"
#include "envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.pb.h"
#include "envoy/extensions/resource_monitors/injected_resource/v3/injected_resource.pb.h"
#include "source/config/nearest.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::overload::v3;
namespace monitors = envoy::extensions::resource_monitors;
using Triggers = google::protobuf::RepeatedPtrField<v3::Trigger>;
using ScaleTimers = v3::ScaleTimersOverloadActionConfig;

void BuildMonitor(BuildContext& context, const v3::ResourceMonitor& from, const std::string& path, Overload& to) {
  OverloadResource resource{.name = from.name(), .monitor = InjectedResource{}};
  const google::protobuf::Any& config = from.typed_config();
  const std::string config_path = FieldPath(path, "typed_config");
  monitors::fixed_heap::v3::FixedHeapConfig heap;
  monitors::cgroup_memory::v3::CgroupMemoryConfig cgroup;
  monitors::cpu_utilization::v3::CpuUtilizationConfig cpu;
  monitors::injected_resource::v3::InjectedResourceConfig injected;
  monitors::downstream_connections::v3::DownstreamConnectionsConfig connections;
  if (config.UnpackTo(&heap)) {
    resource.monitor = FixedHeap{heap.max_heap_size_bytes()};
  } else if (config.UnpackTo(&cgroup)) {
    resource.monitor = cgroup.has_max_memory_bytes() ? CgroupMemory{cgroup.max_memory_bytes()} : CgroupMemory{};
  } else if (config.UnpackTo(&cpu)) {
    resource.monitor = CpuUtilization();
  } else if (config.UnpackTo(&injected)) {
    resource.monitor = InjectedResource{injected.filename()};
  } else if (config.UnpackTo(&connections)) {
    const int64_t most = connections.max_active_downstream_connections();
    if (most <= 0) {
      context.errors.AddMissing(path, FieldPath(config_path, "max_active_downstream_connections"),
                                Concat(most, ", expected more than 0"));
    }
    if (to.max_connections()) {
      context.errors.Add(config_path, "a second limit of the connections of all listeners, expected one");
    }
    resource.monitor = DownstreamConnections{static_cast<uint64_t>(most)};
  } else {
    context.errors.AddMissing(path, config_path,
                              WrongType(config, "FixedHeapConfig, CgroupMemoryConfig, CpuUtilizationConfig, "
                                                "InjectedResourceConfig or DownstreamConnectionsConfig"));
  }
  to.resources.push_back(std::move(resource));
}

void BuildMonitors(BuildContext& context, const v3::OverloadManager& from, const std::string& path, Overload& to) {
  std::set<std::string> names;
  for (int i = 0; i < from.resource_monitors_size(); ++i) {
    const std::string at = ElementPath(FieldPath(path, "resource_monitors"), i);
    const std::string& name = from.resource_monitors(i).name();
    if (!name.empty() && !names.insert(name).second) {
      context.errors.Add(FieldPath(at, "name"), Concat("duplicate name ", Quote(name)));
    }
    BuildMonitor(context, from.resource_monitors(i), at, to);
  }
}

std::vector<OverloadTrigger> BuildTriggers(BuildContext& context, const Triggers& from, const std::string& path,
                                           const Overload& overload) {
  std::vector<std::string_view> known;
  for (const OverloadResource& resource : overload.resources) known.push_back(resource.name);
  std::vector<OverloadTrigger> triggers;
  for (int i = 0; i < from.size(); ++i) {
    const std::string at = ElementPath(path, i);
    OverloadTrigger trigger{};
    const auto found = std::find(known.begin(), known.end(), from[i].name());
    trigger.resource = static_cast<uint32_t>(found - known.begin());
    if (found == known.end()) {
      if (!from[i].name().empty()) {
        context.errors.Add(FieldPath(at, "name"), Concat("there is no resource monitor ", Quote(from[i].name()),
                                                         DidYouMean(from[i].name(), known)));
      }
    } else if (std::any_of(triggers.begin(), triggers.end(),
                           [&](const OverloadTrigger& other) { return other.resource == trigger.resource; })) {
      context.errors.Add(FieldPath(at, "name"), Concat("a second trigger of ", Quote(from[i].name())));
    }
    if (from[i].has_scaled()) {
      trigger.none = from[i].scaled().scaling_threshold();
      trigger.all = from[i].scaled().saturation_threshold();
      if (trigger.none >= trigger.all) {
        context.errors.Add(FieldPath(at, "scaled"), Concat("scaling_threshold ", trigger.none,
                                                           ", expected less than saturation_threshold, ", trigger.all));
      }
    } else {
      trigger.none = trigger.all = from[i].threshold().value();
    }
    triggers.push_back(trigger);
  }
  return triggers;
}

std::optional<ScaledTimeout> TimeoutOf(ScaleTimers::TimerType type) {
  switch (type) {
    case ScaleTimers::HTTP_DOWNSTREAM_CONNECTION_IDLE:
      return ScaledTimeout::kConnectionIdle;
    case ScaleTimers::HTTP_DOWNSTREAM_STREAM_IDLE:
      return ScaledTimeout::kStreamIdle;
    case ScaleTimers::TRANSPORT_SOCKET_CONNECT:
      return ScaledTimeout::kHandshake;
    case ScaleTimers::HTTP_DOWNSTREAM_CONNECTION_MAX:
      return ScaledTimeout::kConnectionDuration;
    case ScaleTimers::HTTP_DOWNSTREAM_STREAM_FLUSH:
      return ScaledTimeout::kStreamFlush;
    default:
      return std::nullopt;
  }
}

void BuildFloors(BuildContext& context, const v3::OverloadAction& from, const std::string& path, Overload& to) {
  ScaleTimers config;
  const std::string config_path = FieldPath(path, "typed_config");
  if (!from.typed_config().UnpackTo(&config)) {
    context.errors.AddMissing(path, config_path, WrongType(from.typed_config(), "ScaleTimersOverloadActionConfig"));
    return;
  }
  for (int i = 0; i < config.timer_scale_factors_size(); ++i) {
    const ScaleTimers::ScaleTimer& timer = config.timer_scale_factors(i);
    const std::string at = FieldPath(ElementPath(FieldPath(config_path, "timer_scale_factors"), i), "timer");
    const std::optional<ScaledTimeout> timeout = TimeoutOf(timer.timer());
    if (!timeout) {
      context.errors.AddMissing(config_path, at, "missing, but required");
      continue;
    }
    std::optional<TimeoutFloor>& floor = to.floors[static_cast<size_t>(*timeout)];
    if (floor) context.errors.Add(at, Concat("a second floor of ", ScaleTimers::TimerType_Name(timer.timer())));
    floor = timer.has_min_timeout() ? TimeoutFloor{.duration = ToDuration(timer.min_timeout())}
                                    : TimeoutFloor{.part = timer.min_scale().value() / 100};
  }
}

// Where `shed_point`, among the load shed points, else among the actions.
std::optional<OverloadEffect> FindEffect(BuildContext& context, const std::string& name, bool shed_point,
                                         const std::string& path, std::set<OverloadEffect>& seen) {
  std::string all;
  for (size_t i = 0; i < kOverloadEffects; ++i) {
    const auto effect = static_cast<OverloadEffect>(i);
    if (IsShedPoint(effect) != shed_point) continue;
    if (OverloadEffectName(effect) == name) {
      if (!seen.insert(effect).second) context.errors.Add(path, Concat("duplicate name ", Quote(name)));
      return effect;
    }
    all += Concat(all.empty() ? "" : ", ", OverloadEffectName(effect));
  }
  if (!name.empty()) context.errors.Add(path, Concat(Quote(name), ", expected one of ", all));
  return std::nullopt;
}

}  // namespace

std::shared_ptr<const Overload> BuildOverload(BuildContext& context, const v3::OverloadManager& from,
                                              const std::string& path) {
  auto to = std::make_shared<Overload>();
  if (from.has_refresh_interval()) to->refresh_interval = ToDuration(from.refresh_interval());
  BuildMonitors(context, from, path, *to);
  std::set<OverloadEffect> seen;
  for (int i = 0; i < from.actions_size(); ++i) {
    const v3::OverloadAction& action = from.actions(i);
    const std::string at = ElementPath(FieldPath(path, "actions"), i);
    const auto effect = FindEffect(context, action.name(), /*shed_point=*/false, FieldPath(at, "name"), seen);
    auto triggers = BuildTriggers(context, action.triggers(), FieldPath(at, "triggers"), *to);
    if (effect == OverloadEffect::kReduceTimeouts) {
      BuildFloors(context, action, at, *to);
    } else if (effect && action.has_typed_config()) {
      context.errors.Add(FieldPath(at, "typed_config"), Concat("expected none for ", action.name()));
    }
    if (effect) to->actions.push_back({*effect, std::move(triggers)});
  }
  for (int i = 0; i < from.loadshed_points_size(); ++i) {
    const std::string at = ElementPath(FieldPath(path, "loadshed_points"), i);
    const auto effect =
        FindEffect(context, from.loadshed_points(i).name(), /*shed_point=*/true, FieldPath(at, "name"), seen);
    auto triggers = BuildTriggers(context, from.loadshed_points(i).triggers(), FieldPath(at, "triggers"), *to);
    if (effect) to->actions.push_back({*effect, std::move(triggers)});
  }
  return to;
}

}  // namespace pillion::config
