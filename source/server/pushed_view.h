#pragma once

// What came while the process runs, for /config_dump. Main thread.

#include <functional>
#include <string>
#include <vector>

#include "source/admin/config_dump.h"
#include "source/push/feed.h"
#include "source/push/filter_configs.h"
#include "source/push/route_tables.h"
#include "source/push/scoped_routes.h"
#include "source/xds/planes.h"

namespace pillion::server {

// Of one kind. `warming`: whether the one of that name does not serve yet; `feed` may be null.
std::vector<admin::PushedResource> PushedOf(const push::Feed* feed,
                                            const std::function<bool(const std::string& name)>& warming);
std::vector<admin::PushedResource> PushedOf(const push::RouteTables& tables);
std::vector<admin::PushedScopes> PushedOf(const push::ScopedRoutes& scopes);
std::vector<admin::PushedResource> PushedOf(const push::FilterConfigs& filters);
std::vector<admin::PushedResource> PushedEndpoints(const xds::Planes& planes);

}  // namespace pillion::server
