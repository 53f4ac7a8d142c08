#include "source/push/feed.h"

#include <set>
#include <string_view>
#include <utility>

#include "source/config/text.h"

namespace pillion::push {

Feed::Feed(xds::Kind kind, const stats::Prefix& prefix, Target target, Surroundings surroundings)
    : kind_(kind),
      target_(std::move(target)),
      with_(std::move(surroundings)),
      stats_(with_.registry, with_.clock, prefix),
      scope_(with_.registry, prefix),
      initial_fetch_(with_.timers) {
  if (kind_ != xds::Kind::kClusters) return;
  reloads_ = with_.registry.control().counter(scope_.AddCounter("config_reload"));
  reload_time_ = with_.registry.control().gauge(scope_.AddGauge("config_reload_time_ms"));
}

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
  std::vector<Given> given;
  // An address is free before another listener takes it; but a cluster is there before that which it replaces goes.
  if (kind_ == xds::Kind::kListeners) Remove(update.removed);
  for (const xds::Resource& resource : update.resources) {
    const auto found = taken_.find(resource.name);
    if (resource.same && found != taken_.end()) {
      found->second.version = resource.version;
      continue;
    }
    Taken now{.version = resource.version, .updated = with_.clock.WallNow(), .body = resource.body};
    if (!target_.configured(resource.name)) {
      given.emplace_back(resource.name, std::move(now));
      continue;
    }
    passed_over_[resource.name] = std::move(now);
    with_.warn(config::Concat(xds::NamesOf(kind_).service, ": ", resource.name,
                            " is passed over: it is one of the static resources"));
  }
  std::vector<std::vector<std::string>> errors = Take(given);
  for (size_t i = 0; i < given.size(); ++i) {
    if (!errors[i].empty()) refusals.push_back({given[i].first, std::move(errors[i])});
  }
  if (kind_ != xds::Kind::kListeners) Remove(update.removed);
  if (reloads_ != nullptr && !given.empty() && refusals.empty()) {
    reloads_->Increment();
    reload_time_->Set(
        std::chrono::duration_cast<std::chrono::milliseconds>(with_.clock.WallNow().time_since_epoch()).count());
  }
  target_.done();
  initial_fetch_.Done();
  return refusals;
}

std::vector<std::vector<std::string>> Feed::Take(const std::vector<Given>& given) {
  Bodies bodies;
  for (const auto& [name, now] : given) {
    passed_over_.erase(name);
    bodies.push_back(now.body);
  }
  std::set<std::string_view> serve;
  for (const auto& [name, now] : given) {
    if (taken_.contains(name) && !target_.warming(name)) serve.insert(name);
  }
  std::vector<std::vector<std::string>> errors = target_.set(bodies);
  for (size_t i = 0; i < given.size(); ++i) {
    const auto& [name, now] = given[i];
    if (!errors[i].empty()) continue;
    if (serve.contains(name)) former_[name] = std::move(taken_[name]);
    taken_[name] = now;
  }
  if (!former_.empty() && !std::exchange(forgets_, true)) {
    target_.when_warm([this] {
      forgets_ = false;
      former_.clear();
    });
  }
  return errors;
}

const Taken* Feed::FormerOf(const std::string& name) const {
  const auto found = former_.find(name);
  return found == former_.end() || !target_.warming(name) ? nullptr : &found->second;
}

void Feed::TakePassedOver(const std::string& name) {
  const auto found = passed_over_.find(name);
  if (found == passed_over_.end()) return;
  const std::vector<std::vector<std::string>> errors = Take({{name, found->second}});
  for (const std::string& error : errors.front()) {
    with_.warn(config::Concat(xds::NamesOf(kind_).service, ": ", name, ", which was passed over, can't be taken: ", error));
  }
  target_.done();
}

void Feed::Remove(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    passed_over_.erase(name);
    former_.erase(name);
    if (taken_.erase(name) > 0) target_.remove(name);
  }
}

}  // namespace pillion::push
