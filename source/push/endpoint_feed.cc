#include "source/push/endpoint_feed.h"

#include <utility>

#include "source/config/text.h"
#include "source/push/errors.h"

namespace pillion::push {

EndpointFeed::EndpointFeed(upstream::Cluster& cluster, xds::Planes& planes, const config::Resources& resources,
                           const Feed::Surroundings& surroundings)
    : cluster_(cluster),
      assignments_(planes.Named(std::get<config::ApiSource>(cluster.config().eds.source), xds::Kind::kEndpoints)),
      resources_(resources),
      with_(surroundings),
      endpoints_(cluster, with_.timers, with_.registry),
      stats_(with_.registry, with_.clock, stats::Prefix("cluster").Add(stats::kClusterName, cluster.config().stat_name)),
      notes_(with_.clock, with_.warn),
      initial_fetch_(with_.timers) {}

EndpointFeed::~EndpointFeed() {
  if (watching_) assignments_.Unwatch(name(), *this);
}

const std::string& EndpointFeed::name() const { return cluster_.config().service_name; }

absl::Status EndpointFeed::Start(std::function<void()> first) {
  initial_fetch_.Start(cluster_.config().eds.initial_fetch_timeout, [this, first = std::move(first)](bool late) {
    if (late) {
      stats_.InitialFetchTimeout();
      with_.warn(config::Concat("cluster ", cluster_.config().name, ": its hosts have not come in time; it has none"));
    }
    first();
  });
  watching_ = true;
  assignments_.Watch(name(), *this);
  return absl::OkStatus();
}

std::vector<std::string> EndpointFeed::OnResource(const xds::Resource& resource) {
  if (resource.same && assignment_ != nullptr) return {};
  const base::MonotonicTime begun = with_.clock.MonotonicNow();
  config::Judged<config::Assignment> judged =
      resources_.BuildAssignment(*resource.body, {.resource = body_.get(), .part = assignment_});
  for (const config::ConfigError& note : judged.notes) {
    notes_.Say(config::Concat("endpoints ", name(), ": ", config::ErrorText("", note)));
  }
  if (judged.part == nullptr) {
    stats_.Rejected();
    return LinesOf(judged.errors);
  }
  endpoints_.Take(*judged.part);
  body_ = resource.body;
  assignment_ = std::move(judged.part);
  stats_.Success(resource.version, begun);
  initial_fetch_.Done();
  return {};
}

void EndpointFeed::OnRemoved() {
  endpoints_.OnEmpty();
  initial_fetch_.Done();
}

}  // namespace pillion::push
