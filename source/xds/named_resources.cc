#include "source/xds/named_resources.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pillion::xds {

NamedResources::NamedResources(const std::function<TypeSubscription&(TypeWatcher& watcher)>& subscribe)
    : subscription_(subscribe(*this)) {}

NamedResources::NamedResources(Stream& stream, std::string type_name)
    : subscription_(stream.Add({.type_name = std::move(type_name)}, *this)) {}

void NamedResources::Watch(const std::string& name, NameWatcher& watcher) {
  Watched& watched = watched_[name];
  watched.watchers.push_back(&watcher);
  if (!watched.taken) return subscription_.Subscribe(name);
  watcher.OnResource(Resource(*watched.taken));  // a copy: it may drop out from within
}

void NamedResources::Unwatch(const std::string& name, NameWatcher& watcher) {
  const auto found = watched_.find(name);
  if (found == watched_.end()) return;
  std::erase(found->second.watchers, &watcher);
  if (!found->second.watchers.empty()) return;
  watched_.erase(found);
  subscription_.Unsubscribe(name);
}

void NamedResources::ForEach(const std::string& name, const std::function<void(NameWatcher& watcher)>& call) {
  const auto begun = watched_.find(name);
  if (begun == watched_.end()) return;
  for (NameWatcher* const watcher : std::vector<NameWatcher*>(begun->second.watchers)) {
    const auto now = watched_.find(name);
    if (now == watched_.end()) return;
    if (std::ranges::find(now->second.watchers, watcher) != now->second.watchers.end()) call(*watcher);
  }
}

std::vector<Refusal> NamedResources::OnUpdate(const Update& update) {
  std::vector<Refusal> refusals;
  for (const Resource& resource : update.resources) {
    std::vector<std::string> errors;
    ForEach(resource.name, [&](NameWatcher& watcher) {
      std::ranges::move(watcher.OnResource(resource), std::back_inserter(errors));
    });
    const auto found = watched_.find(resource.name);
    if (!errors.empty()) {
      refusals.push_back({resource.name, std::move(errors)});
    } else if (found != watched_.end()) {
      found->second.taken = resource;
    }
  }
  for (const std::string& name : update.removed) {
    if (const auto found = watched_.find(name); found != watched_.end()) found->second.taken.reset();
    ForEach(name, [&](NameWatcher& watcher) { watcher.OnRemoved(update.version); });
  }
  return refusals;
}

void NamedResources::OnRequest(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ForEach(name, [](NameWatcher& watcher) { watcher.OnRequest(); });
  }
}

void NamedResources::OnRefused(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ForEach(name, [](NameWatcher& watcher) { watcher.OnRefused(); });
  }
}

void NamedResources::OnFailure() {
  for (const std::string& name : Names()) {
    ForEach(name, [](NameWatcher& watcher) { watcher.OnFailure(); });
  }
}

void NamedResources::GiveUp(const std::function<bool(const std::string& name)>& which) {
  for (const std::string& name : Names()) {
    const auto found = watched_.find(name);
    if (found == watched_.end() || found->second.taken || !which(name)) continue;
    ForEach(name, [](NameWatcher& watcher) { watcher.OnGivenUp(); });
  }
}

std::vector<std::string> NamedResources::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, watched] : watched_) names.push_back(name);
  return names;
}

}  // namespace pillion::xds
