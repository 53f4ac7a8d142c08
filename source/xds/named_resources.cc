#include "source/xds/named_resources.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pillion::xds {

NamedResources::NamedResources(Stream& stream, std::string type_name)
    : subscription_(stream.Add({.type_name = std::move(type_name)}, *this)) {}

void NamedResources::Watch(const std::string& name, NameWatcher& watcher) {
  watchers_[name].push_back(&watcher);
  subscription_.Subscribe(name);
}

void NamedResources::Unwatch(const std::string& name, NameWatcher& watcher) {
  const auto found = watchers_.find(name);
  if (found == watchers_.end()) return;
  std::erase(found->second, &watcher);
  if (!found->second.empty()) return;
  watchers_.erase(found);
  subscription_.Unsubscribe(name);
}

void NamedResources::ForEach(const std::string& name, const std::function<void(NameWatcher& watcher)>& call) {
  const auto begun = watchers_.find(name);
  if (begun == watchers_.end()) return;
  for (NameWatcher* const watcher : std::vector<NameWatcher*>(begun->second)) {
    const auto now = watchers_.find(name);
    if (now != watchers_.end() && std::ranges::find(now->second, watcher) != now->second.end()) call(*watcher);
  }
}

std::vector<Refusal> NamedResources::OnUpdate(const Update& update) {
  std::vector<Refusal> refusals;
  for (const Resource& resource : update.resources) {
    std::vector<std::string> errors;
    ForEach(resource.name, [&](NameWatcher& watcher) {
      std::ranges::move(watcher.OnResource(resource), std::back_inserter(errors));
    });
    if (!errors.empty()) refusals.push_back({resource.name, std::move(errors)});
  }
  for (const std::string& name : update.removed) {
    ForEach(name, [](NameWatcher& watcher) { watcher.OnRemoved(); });
  }
  return refusals;
}

void NamedResources::OnRequest(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ForEach(name, [](NameWatcher& watcher) { watcher.OnRequest(); });
  }
}

void NamedResources::OnFailure() {
  std::vector<std::string> names;
  for (const auto& [name, watchers] : watchers_) names.push_back(name);
  for (const std::string& name : names) {
    ForEach(name, [](NameWatcher& watcher) { watcher.OnFailure(); });
  }
}

}  // namespace pillion::xds
