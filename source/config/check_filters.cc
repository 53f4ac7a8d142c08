#include "source/config/check_filters.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "source/config/check_routes.h"
#include "source/config/route.h"
#include "source/config/text.h"

namespace pillion::config {

std::vector<std::string> WhyNotThere(const std::vector<HttpFilter>& filters, size_t index) {
  std::vector<std::string> errors;
  const HttpFilter& filter = filters[index];
  for (size_t i = 0; filter.config != nullptr && i < index; ++i) {
    if (filters[i].config == nullptr) continue;
    const std::string error = filter.config->CannotFollow(*filters[i].config);
    if (!error.empty()) errors.push_back(Concat("behind ", Quote(filters[i].name), ", ", error));
  }
  return errors;
}

std::vector<ConfigError> CheckFilters(const HttpConnectionManager& manager) {
  const std::vector<HttpFilter>& filters = manager.http_filters;
  ErrorList errors;
  for (size_t i = 0; i < filters.size(); ++i) {
    for (std::string& error : WhyNotThere(filters, i)) errors.Add(ElementPath("http_filters", i), std::move(error));
  }
  std::vector<ConfigError> contradictions;
  const auto check = [&](const RouteConfig& table, const std::string& path) {
    CheckOverrides(table, filters, path, errors);
    std::ranges::move(Contradictions(table, filters, path), std::back_inserter(contradictions));
  };
  if (manager.route_config != nullptr) check(*manager.route_config, "route_config");
  if (manager.scoped_routes != nullptr) {
    const std::string list = "scoped_routes.scoped_route_configurations_list.scoped_route_configurations";
    for (size_t i = 0; i < manager.scoped_routes->scopes.size(); ++i) {
      check(*manager.scoped_routes->scopes[i]->table, FieldPath(ElementPath(list, i), "route_configuration"));
    }
  }
  std::vector<ConfigError> all = errors.Take();
  all.insert(all.end(), std::make_move_iterator(contradictions.begin()), std::make_move_iterator(contradictions.end()));
  return all;
}

}  // namespace pillion::config
