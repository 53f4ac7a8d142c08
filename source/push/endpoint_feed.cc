#include "source/push/endpoint_feed.h"

#include <utility>

#include "source/config/text.h"
#include "source/push/errors.h"

namespace pillion::push {

EndpointFeed::EndpointFeed(upstream::Cluster& cluster, xds::Planes& planes, const config::Resources& resources,
                           const Feed::Surroundings& surroundings)
    : cluster_(cluster),
      assignments_(planes.Named(cluster.config().eds.source, xds::Kind::kEndpoints)),
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

void EndpointFeed::Start(std::function<void()> first) {
  initial_fetch_.Start(cluster_.config().eds.initial_fetch_timeout, [this, first = std::move(first)](bool late) {
    if (late) {
      stats_.InitialFetchTimeout();
      with_.warn(config::Concat("cluster ", cluster_.config().name, ": its hosts have not come in time; it has none"));
    }
    first();
  });
  watching_ = true;
  assignments_.Watch(name(), *this);
  // A file has been read by now; if it has none, nothing says when it will.
  if (std::holds_alternative<config::PathSource>(cluster_.config().eds.source)) initial_fetch_.Done();
}

std::vector<std::string> EndpointFeed::OnResource(const xds::Resource& resource) {
  const base::MonotonicTime begun = with_.clock.MonotonicNow();
  if (resource.same && assignment_ != nullptr) {
    endpoints_.TakeAgain(*assignment_);
    stats_.Success(resource.answer_version, begun);
    return {};
  }
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
  stats_.Success(resource.answer_version, begun);
  initial_fetch_.Done();
  return {};
}

void EndpointFeed::OnRemoved(const std::string& version) {
  endpoints_.OnEmpty();
  stats_.Success(version, with_.clock.MonotonicNow());
  initial_fetch_.Done();
}

}  // namespace pillion::push
