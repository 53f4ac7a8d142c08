#include "source/xds/named_resources.h"

#include <utility>

namespace pillion::xds {

NamedResources::NamedResources(Stream& stream, std::string type_name)
    : subscription_(stream.Add({.type_name = std::move(type_name)}, *this)) {}

void NamedResources::Watch(const std::string& name, NameWatcher& watcher) {
  watchers_.emplace(name, &watcher);
  subscription_.Subscribe(name);
}

void NamedResources::Unwatch(const std::string& name) {
  watchers_.erase(name);
  subscription_.Unsubscribe(name);
}

NameWatcher* NamedResources::Find(const std::string& name) const {
  const auto found = watchers_.find(name);
  return found == watchers_.end() ? nullptr : found->second;
}

std::vector<Refusal> NamedResources::OnUpdate(const Update& update) {
  std::vector<Refusal> refusals;
  for (const Resource& resource : update.resources) {
    NameWatcher* const watcher = Find(resource.name);
    if (watcher == nullptr) continue;  // it is not watched any more, as of one before
    if (auto errors = watcher->OnResource(resource); !errors.empty()) refusals.push_back({resource.name, std::move(errors)});
  }
  for (const std::string& name : update.removed) {
    if (NameWatcher* const watcher = Find(name)) watcher->OnRemoved();
  }
  return refusals;
}

void NamedResources::OnRequest(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (NameWatcher* const watcher = Find(name)) watcher->OnRequest();
  }
}

void NamedResources::OnFailure() {
  for (const auto& [name, watcher] : watchers_) watcher->OnFailure();
}

}  // namespace pillion::xds
