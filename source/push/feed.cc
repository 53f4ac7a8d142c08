#include "source/push/feed.h"

#include <utility>

#include "source/config/text.h"

namespace pillion::push {

Feed::Feed(xds::Kind kind, const stats::Prefix& prefix, Target target, Surroundings surroundings)
    : kind_(kind),
      target_(std::move(target)),
      with_(std::move(surroundings)),
      stats_(with_.registry, with_.clock, prefix),
      initial_fetch_(with_.timers) {}

void Feed::Start(xds::Planes& planes, const config::Feed& feed, std::function<void()> ready) {
  initial_fetch_.Start(feed.initial_fetch_timeout, [this, ready = std::move(ready)](bool late) {
    if (late) {
      stats_.InitialFetchTimeout();
      with_.warn(config::Concat(xds::NamesOf(kind_).service, ": nothing has come in time; the start goes on without"));
    }
    ready();
  });
  subscription_ = &planes.All(feed.source, kind_, stats_, *this);
  // A file has been read by now; if it is broken, nothing says when it will be whole.
  if (std::holds_alternative<config::PathSource>(feed.source)) initial_fetch_.Done();
}

std::vector<xds::Refusal> Feed::OnUpdate(const xds::Update& update) {
  std::vector<xds::Refusal> refusals;
  // An address is free before another listener takes it; but a cluster is there before that which it replaces goes.
  if (kind_ == xds::Kind::kListeners) Remove(update.removed);
  for (const xds::Resource& resource : update.resources) {
    const auto found = taken_.find(resource.name);
    if (resource.same && found != taken_.end()) {
      found->second.version = resource.version;
      continue;
    }
    if (target_.configured(resource.name)) {
      with_.warn(config::Concat(xds::NamesOf(kind_).service, ": ", resource.name,
                              " is passed over: it is one of the static resources"));
      continue;
    }
    std::vector<std::string> errors = target_.set(*resource.body);
    if (errors.empty()) {
      taken_[resource.name] = {.version = resource.version, .updated = with_.clock.WallNow(), .body = resource.body};
    } else {
      refusals.push_back({resource.name, std::move(errors)});
    }
  }
  if (kind_ != xds::Kind::kListeners) Remove(update.removed);
  target_.done();
  initial_fetch_.Done();
  return refusals;
}

void Feed::Remove(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (taken_.erase(name) > 0) target_.remove(name);
  }
}

}  // namespace pillion::push
