#include "source/xds/planes.h"

#include <algorithm>
#include <utility>

namespace pillion::xds {
namespace {

std::string MethodOf(const config::ApiSource& source, Kind kind) {
  const bool delta = source.protocol == config::ApiSource::Protocol::kDelta;
  if (source.aggregated) {
    return delta ? "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
                 : "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
  }
  return std::string(delta ? NamesOf(kind).delta : NamesOf(kind).state);
}

}  // namespace

Planes::Planes(Surroundings surroundings) : with_(std::move(surroundings)), random_(with_.seed) {}

Planes::~Planes() = default;

Planes::Plane& Planes::PlaneOf(const config::ApiSource& source, Kind kind) {
  const auto found = std::ranges::find_if(planes_, [&](const std::unique_ptr<Plane>& plane) {
    return plane->source == source && (!plane->only || *plane->only == kind);
  });
  if (found != planes_.end()) return **found;
  if (!stats_) stats_.emplace(with_.registry);
  Plane& plane = *planes_.emplace_back(std::make_unique<Plane>());
  plane.source = source;
  if (!source.aggregated) plane.only = kind;
  const std::string service(source.aggregated ? "ads" : NamesOf(kind).service);
  plane.stream = std::make_unique<Stream>(
      Stream::Options{.method = MethodOf(source, kind),
                      .form = source.protocol == config::ApiSource::Protocol::kDelta ? Form::kDelta : Form::kState,
                      .aggregated = source.aggregated,
                      .metadata = source.metadata,
                      .max_message = source.max_message,
                      .node_once = source.node_once,
                      .name = service + ":" + source.cluster},
      Stream::Surroundings{.caller = with_.caller,
                           .timers = with_.timers,
                           .clock = with_.clock,
                           .random = random_,
                           .stats = *stats_,
                           .node = with_.node,
                           .target =
                               [this, source] {
                                 std::optional<client::Target> target = with_.host_of(source.cluster);
                                 if (target) target->authority = source.authority;
                                 return target;
                               },
                           .warn = with_.warn});
  if (started_) plane.stream->Start();
  return plane;
}

NamedResources& Planes::Named(const config::ApiSource& source, Kind kind) {
  Plane& plane = PlaneOf(source, kind);
  const auto found = std::ranges::find(plane.named, kind, [](const auto& each) { return each.first; });
  if (found != plane.named.end()) return *found->second;
  return *plane.named
              .emplace_back(kind, std::make_unique<NamedResources>(*plane.stream, std::string(NamesOf(kind).type)))
              .second;
}

Subscription& Planes::All(const config::ApiSource& source, Kind kind, SubscriptionStats& stats, TypeWatcher& watcher) {
  return PlaneOf(source, kind)
      .stream->Add({.type_name = std::string(NamesOf(kind).type), .all = true, .stats = &stats}, watcher);
}

std::vector<Resource> Planes::TakenOf(Kind kind) const {
  std::vector<Resource> all;
  for (const std::unique_ptr<Plane>& plane : planes_) {
    for (const auto& [each, named] : plane->named) {
      if (each == kind) named->AppendTaken(all);
    }
  }
  return all;
}

void Planes::ForEachRefused(
    Kind kind, const std::function<void(const std::string& name, const Refused::Entry& entry)>& visit) const {
  for (const std::unique_ptr<Plane>& plane : planes_) {
    for (const auto& [each, named] : plane->named) {
      if (each != kind) continue;
      for (const auto& [name, entry] : named->subscription().protocol().refused().all()) visit(name, entry);
    }
  }
}

void Planes::Start() {
  started_ = true;
  for (const std::unique_ptr<Plane>& plane : planes_) plane->stream->Start();
}

}  // namespace pillion::xds
