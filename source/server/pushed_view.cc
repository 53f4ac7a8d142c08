#include "source/server/pushed_view.h"

#include <algorithm>
#include <utility>

namespace pillion::server {
namespace {

admin::PushedResource::Refused ViewOf(const xds::Refused::Entry& entry) {
  return {.details = entry.details, .version = entry.version, .time = entry.time, .body = entry.body};
}

}  // namespace

std::vector<admin::PushedResource> PushedOf(const push::Feed* feed,
                                            const std::function<bool(const std::string& name)>& warming) {
  std::vector<admin::PushedResource> all;
  if (feed == nullptr || feed->protocol() == nullptr) return all;
  const auto& refused = feed->protocol()->refused().all();
  for (const auto& [name, taken] : feed->taken()) {
    admin::PushedResource& one = all.emplace_back(admin::PushedResource{
        .name = name, .version = taken.version, .updated = taken.updated, .body = taken.body, .warming = warming(name)});
    if (const auto found = refused.find(name); found != refused.end()) one.refused = ViewOf(found->second);
    if (const push::Taken* const former = feed->FormerOf(name); former != nullptr) {
      one.serving = {.version = former->version, .updated = former->updated, .body = former->body};
    }
  }
  for (const auto& [name, entry] : refused) {
    if (feed->taken().contains(name)) continue;
    all.emplace_back(admin::PushedResource{.name = name}).refused = ViewOf(entry);
  }
  return all;
}

std::vector<admin::PushedResource> PushedOf(const push::RouteTables& tables) {
  std::vector<admin::PushedResource> all;
  for (const push::RouteTables::View& table : tables.all()) {
    admin::PushedResource one{.name = table.name};
    if (table.serving != nullptr) {
      one.version = table.serving->version;
      one.updated = table.serving->updated;
      one.body = table.serving->body;
    }
    const auto& refused = table.source->refused().all();
    if (const auto found = refused.find(table.name); found != refused.end()) one.refused = ViewOf(found->second);
    if (table.serving != nullptr || one.refused) all.push_back(std::move(one));
    if (table.held == nullptr) continue;
    all.push_back({.name = table.name,
                   .version = table.held->version,
                   .updated = table.held->updated,
                   .body = table.held->body,
                   .warming = true});
  }
  return all;
}

std::vector<admin::PushedScopes> PushedOf(const push::ScopedRoutes& scopes) {
  std::vector<admin::PushedScopes> all;
  for (const push::ScopedRoutes::View& view : scopes.all()) {
    admin::PushedScopes one;
    if (view.protocol != nullptr) {
      one.version = view.protocol->version();
      for (const auto& [name, entry] : view.protocol->refused().all()) {
        if (one.refused && one.refused->time > entry.time) continue;
        one.refused = ViewOf(entry);
        one.refused->details = name + ": " + entry.details;
        one.refused->body = nullptr;
      }
    }
    for (const auto& [name, taken] : view.taken) {
      one.scopes.push_back(taken.body);
      if (!one.updated || *one.updated < taken.updated) one.updated = taken.updated;
    }
    if (one.scopes.empty() && !one.refused) continue;
    for (const std::string& name : view.names) {
      one.name = name;
      all.push_back(one);
    }
  }
  return all;
}

std::vector<admin::PushedResource> PushedOf(const push::FilterConfigs& filters) {
  std::vector<admin::PushedResource> all;
  for (const push::FilterConfigs::View& filter : filters.all()) {
    admin::PushedResource one{.name = filter.name};
    if (filter.taken != nullptr) {
      one.version = filter.taken->version;
      one.updated = filter.taken->updated;
      one.body = filter.taken->body;
    }
    const auto& refused = filter.source->refused().all();
    if (const auto found = refused.find(filter.name); found != refused.end()) one.refused = ViewOf(found->second);
    if (filter.taken != nullptr || one.refused) all.push_back(std::move(one));
  }
  return all;
}

std::vector<admin::PushedResource> PushedEndpoints(const xds::Planes& planes) {
  std::vector<admin::PushedResource> all;
  planes.ForEachHeld(xds::Kind::kEndpoints, [&all](const xds::ResourceId& id, const xds::Holdings::Held& held) {
    all.push_back({.name = id.name, .version = held.version, .updated = held.taken, .body = held.body});
  });
  planes.ForEachRefused(xds::Kind::kEndpoints, [&all](const std::string& name, const xds::Refused::Entry& entry) {
    auto found = std::ranges::find(all, name, &admin::PushedResource::name);
    if (found == all.end()) found = all.insert(all.end(), {.name = name});
    found->refused = ViewOf(entry);
  });
  return all;
}

}  // namespace pillion::server
