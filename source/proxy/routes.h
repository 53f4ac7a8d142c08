#pragma once

// The routes of a connection manager: Routes is the compiled table with what is counted of it, RoutesShard the part of one
// worker, LiveRoutes what requests are routed by from now on, which may be replaced while streams are on the routes that
// they were given.

#include <functional>
#include <memory>

#include "source/config/config_source.h"
#include "source/config/scoped_routes.h"
#include "source/event/shared.h"
#include "source/proxy/route_stats.h"
#include "source/route/table.h"
#include "source/stats/registry.h"

namespace pillion::proxy {

// Immutable; any thread.
struct Routes {
  // `registry` outlives it. `former`: what it takes the place of; null: nothing.
  Routes(std::shared_ptr<const config::RouteConfig> config, const route::ClusterIndex& clusters,
         stats::Registry& registry, const Routes* former = nullptr)
      : table(config, clusters, former == nullptr ? nullptr : &former->table), stat_ids(registry, *config) {}

  const route::Table table;
  const RouteStatIds stat_ids;
};

// A stream keeps it from its begin to its end: what it is told of its route lies in it.
struct RoutesShard final : event::Shared {
  RoutesShard(std::shared_ptr<const Routes> routes, event::Worker& worker, stats::Shard& shard)
      : event::Shared(worker), routes(std::move(routes)), stats(this->routes->stat_ids, shard) {}

  const route::Table& table() const { return routes->table; }

  const std::shared_ptr<const Routes> routes;
  RouteStats stats;
};

// What names in a listener stand for, on all workers.
struct References {
  route::ClusterIndex clusters;
  // Of a table that comes apart from its listener: by what WorkerContext has it, never 0.
  std::function<uint64_t(const config::RouteSource& source)> routes = nullptr;
  // The same of scopes.
  std::function<uint64_t(const config::ScopedRoutes& scoped)> scopes = nullptr;
};

// Of one worker, on which it is used only.
struct LiveRoutes {
  event::Kept<RoutesShard> now;  // null: they have not come yet
};

}  // namespace pillion::proxy
