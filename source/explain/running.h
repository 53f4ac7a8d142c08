#pragma once

// What runs now, as far as answers are about it. Filled in by the server for each question; main thread.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/net/address.h"
#include "source/proxy/listener.h"
#include "source/proxy/routes.h"
#include "source/proxy/scopes.h"
#include "source/upstream/cluster.h"

namespace pillion::explain {

struct Running {
  struct Listener {
    std::shared_ptr<const proxy::Listener> listener;
    std::vector<net::Address> addresses;  // its own, bound or not
  };

  base::WallTime now{};  // when it is asked
  std::vector<Listener> listeners;
  // Of listeners whose next version does not serve yet, or the first one: what it waits for, by name.
  std::map<std::string, std::vector<std::string>, std::less<>> warming;
  // The routes that the next request of the manager is given; null: they have not come yet.
  std::function<std::shared_ptr<const proxy::Routes>(const proxy::ConnectionManager& manager)> routes;
  // The same of a manager that chooses tables by scope: the scopes, and the table that workers have under an id.
  std::function<std::shared_ptr<const proxy::Scopes>(const proxy::ConnectionManager& manager)> scopes;
  std::function<std::shared_ptr<const proxy::Routes>(uint64_t id)> routes_of_scope;
  // What takes their place soon, in words; empty: nothing does.
  std::function<std::string(const proxy::ConnectionManager& manager)> next_routes;
  // Null: there is none that serves.
  std::function<const upstream::Cluster*(std::string_view name)> cluster;
  // Of clusters whose next version does not serve yet, or the first one: what it waits for, by name.
  std::map<std::string, std::vector<std::string>, std::less<>> warming_clusters;
};

}  // namespace pillion::explain
