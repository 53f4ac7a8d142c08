#include "source/push/named_clusters.h"

#include <memory>
#include <set>
#include <variant>
#include "source/config/route.h"

namespace pillion::push {

// Many routes that stand together go to one cluster.
std::vector<std::string> NamedClusters(const config::RouteConfig& table) {
  std::set<std::string> names;
  const std::string* last = nullptr;
  const auto add = [&](const std::string& name) {
    if (last == nullptr || *last != name) names.insert(name);
    last = &name;
  };
  for (const std::shared_ptr<const config::VirtualHost>& host : table.virtual_hosts) {
    for (const std::shared_ptr<const config::Route>& route : host->routes) {
      const auto* action = std::get_if<config::RouteAction>(&route->action);
      if (action == nullptr) continue;
      if (const auto* name = std::get_if<std::string>(&action->cluster)) add(*name);
      const auto* weighted = std::get_if<config::WeightedClusters>(&action->cluster);
      if (weighted == nullptr) continue;
      for (const auto& choice : weighted->choices) {
        if (const auto* name = std::get_if<std::string>(&choice.cluster)) add(*name);
      }
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace pillion::push
