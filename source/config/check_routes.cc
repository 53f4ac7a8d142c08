#include "source/config/check_routes.h"

#include <algorithm>

#include "source/config/text.h"

namespace pillion::config {
namespace {

// `place` makes the path of what holds them; few are wrong.
template <typename Place>
void Check(const FilterOverrides& overrides, const std::vector<HttpFilter>& filters, ErrorList& errors, const Place& place) {
  for (const FilterOverride& item : overrides) {
    if (item.config == nullptr) continue;
    const auto filter = std::ranges::find_if(filters, [&](const HttpFilter& each) { return each.name == item.filter; });
    if (filter == filters.end() || filter->override_type == item.type) continue;
    const std::string_view expected = filter->override_type.empty() ? "nothing" : filter->override_type;
    errors.Add(KeyPath(FieldPath(place(), "typed_per_filter_config"), item.filter),
               Concat("a ", item.type, ", expected ", expected));
  }
}

}  // namespace

void CheckOverrides(const RouteConfig& table, const std::vector<HttpFilter>& filters, const std::string& path,
                    ErrorList& errors) {
  Check(table.filter_overrides, filters, errors, [&] { return path; });
  for (size_t h = 0; h < table.virtual_hosts.size(); ++h) {
    const VirtualHost& host = *table.virtual_hosts[h];
    const auto host_place = [&] { return ElementPath(FieldPath(path, "virtual_hosts"), h); };
    Check(host.filter_overrides, filters, errors, host_place);
    for (size_t r = 0; r < host.routes.size(); ++r) {
      const Route& route = *host.routes[r];
      const auto place = [&] { return ElementPath(FieldPath(host_place(), "routes"), r); };
      Check(route.filter_overrides, filters, errors, place);
      const auto* action = std::get_if<RouteAction>(&route.action);
      const auto* weighted = action == nullptr ? nullptr : std::get_if<WeightedClusters>(&action->cluster);
      if (weighted == nullptr) continue;
      for (size_t c = 0; c < weighted->choices.size(); ++c) {
        Check(weighted->choices[c].filter_overrides, filters, errors,
              [&] { return ElementPath(FieldPath(place(), "route.weighted_clusters.clusters"), c); });
      }
    }
  }
}

std::vector<ConfigError> CheckRoutesAgainst(const RouteConfig& table, const HttpConnectionManager& manager) {
  ErrorList errors;
  CheckOverrides(table, manager.http_filters, "", errors);
  return errors.Take();
}

}  // namespace pillion::config
