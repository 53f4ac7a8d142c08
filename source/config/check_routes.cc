#include "source/config/check_routes.h"

#include <algorithm>

#include "source/config/filter_source.h"
#include "source/config/nearest.h"
#include "source/config/route.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

// Calls visit(overrides, place) for the table at `path` and all in it that has some; `place` makes the path of them, which
// few need.
template <typename Visit>
void ForEachOverrides(const RouteConfig& table, const std::string& path, const Visit& visit) {
  const auto see = [&visit](const FilterOverrides& overrides, const auto& place) {
    if (!overrides.empty()) visit(overrides, [&] { return FieldPath(place(), "typed_per_filter_config"); });
  };
  see(table.filter_overrides, [&] { return path; });
  for (size_t h = 0; h < table.virtual_hosts.size(); ++h) {
    const VirtualHost& host = *table.virtual_hosts[h];
    const auto host_place = [&] { return ElementPath(FieldPath(path, "virtual_hosts"), h); };
    see(host.filter_overrides, host_place);
    for (size_t r = 0; r < host.routes.size(); ++r) {
      const Route& route = *host.routes[r];
      const auto place = [&] { return ElementPath(FieldPath(host_place(), "routes"), r); };
      see(route.filter_overrides, place);
      const auto* action = std::get_if<RouteAction>(&route.action);
      const auto* weighted = action == nullptr ? nullptr : std::get_if<WeightedClusters>(&action->cluster);
      if (weighted == nullptr) continue;
      for (size_t c = 0; c < weighted->choices.size(); ++c) {
        see(weighted->choices[c].filter_overrides,
            [&] { return ElementPath(FieldPath(place(), "route.weighted_clusters.clusters"), c); });
      }
    }
  }
}

const HttpFilter* Find(const std::vector<HttpFilter>& filters, const std::string& name) {
  const auto filter = std::ranges::find_if(filters, [&](const HttpFilter& each) { return each.name == name; });
  return filter == filters.end() ? nullptr : &*filter;
}

// What a route may have for `filter`: any of what the filters take that it may become, where that is not known yet.
std::vector<std::string_view> OverrideTypes(const HttpFilter& filter) {
  if (!filter.missing) return {filter.override_type};
  std::vector<std::string_view> types;
  for (const FilterSource::Type& type : filter.source->types) {
    if (std::ranges::find(types, type.override_type) == types.end()) types.push_back(type.override_type);
  }
  return types;
}

std::string Expected(const std::vector<std::string_view>& types) {
  std::string text;
  for (const std::string_view type : types) {
    if (!type.empty()) text += Concat(text.empty() ? "" : " or ", type);
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace

void CheckOverrides(const RouteConfig& table, const std::vector<HttpFilter>& filters, const std::string& path,
                    ErrorList& errors) {
  ForEachOverrides(table, path, [&](const FilterOverrides& overrides, const auto& place) {
    for (const FilterOverride& item : overrides) {
      const HttpFilter* const filter = item.config == nullptr ? nullptr : Find(filters, item.filter);
      if (filter == nullptr) continue;
      const std::vector<std::string_view> types = OverrideTypes(*filter);
      if (std::ranges::find(types, item.type) != types.end()) continue;
      errors.Add(KeyPath(place(), item.filter), Concat("a ", item.type, ", expected ", Expected(types)));
    }
  });
}

std::vector<ConfigError> CheckRoutesAgainst(const RouteConfig& table, const HttpConnectionManager& manager) {
  ErrorList errors;
  CheckOverrides(table, manager.http_filters, "", errors);
  return errors.Take();
}

std::vector<ConfigError> Contradictions(const RouteConfig& table, const std::vector<HttpFilter>& filters,
                                        const std::string& path) {
  std::vector<ConfigError> found;
  ForEachOverrides(table, path, [&](const FilterOverrides& overrides, const auto& place) {
    for (const FilterOverride& item : overrides) {
      const HttpFilter* const filter = item.config == nullptr ? nullptr : Find(filters, item.filter);
      if (filter == nullptr || filter->override_type != item.type) continue;
      std::string text = filter->config->Contradiction(*item.config);
      if (!text.empty()) found.push_back({.path = KeyPath(place(), item.filter), .message = std::move(text)});
    }
  });
  return found;
}

std::vector<ConfigError> UnusedOverrides(const RouteConfig& table, const std::vector<HttpFilter>& filters,
                                         const std::string& path) {
  struct Unused {
    std::string name;
    std::string place;  // the first
    size_t others = 0;
  };
  std::vector<Unused> unused;
  ForEachOverrides(table, path, [&](const FilterOverrides& overrides, const auto& place) {
    for (const FilterOverride& item : overrides) {
      if (Find(filters, item.filter) != nullptr) continue;
      const auto former = std::ranges::find(unused, item.filter, &Unused::name);
      if (former != unused.end()) {
        ++former->others;
      } else {
        unused.push_back({.name = item.filter, .place = KeyPath(place(), item.filter)});
      }
    }
  });
  std::vector<std::string_view> names;
  std::string all;
  for (const HttpFilter& filter : filters) {
    names.push_back(filter.name);
    all += Concat(all.empty() ? "; there are " : ", ", Quote(filter.name));
  }
  if (all.empty()) all = "; there are none";
  std::vector<ConfigError> notes;
  for (const Unused& each : unused) {
    const std::string more = each.others == 0 ? "" : Concat(" (", each.others, " more elsewhere)");
    notes.push_back({.path = each.place,
                     .message = Concat("no filter before the router has this name, so that it says nothing here", more,
                                       DidYouMean(each.name, names), all)});
  }
  return notes;
}

}  // namespace pillion::config
