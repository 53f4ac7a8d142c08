#pragma once

// The route tables that connection managers choose by scope, where the scopes come apart from their listeners (SRDS): all
// that a source has, which are asked for from the first manager that goes by them to the end of the process. One that is
// bad, or has the key of another one, is refused by itself, and its former version stays. A key goes to another table when
// that is there, and by the former one until then.
//
// Owned by the server, which lets it outlive the planes; main thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/config/listener.h"
#include "source/config/resources.h"
#include "source/proxy/routes.h"
#include "source/proxy/scopes.h"
#include "source/push/feed.h"
#include "source/push/route_tables.h"
#include "source/push/scope_group.h"
#include "source/push/taken.h"

namespace pillion::event {
class Retired;
}

namespace pillion::push {

class ScopedRoutes {
 public:
  struct Targets {
    // Of tables that stand in scopes; no id of a RouteTables is one of theirs.
    RouteTables::Targets tables;
    // To the workers: what is routed by `id` finds its table in `scopes` from now on; null: nothing new does.
    std::function<void(uint64_t id, std::shared_ptr<const proxy::Scopes> scopes)> publish;
  };

  // All that is given outlives it, but for `planes` and `tables`, which outlive each Use.
  ScopedRoutes(xds::Planes& planes, const config::Resources& resources, RouteTables& tables, Targets targets,
               Feed::Surroundings surroundings);
  ~ScopedRoutes();
  ScopedRoutes(const ScopedRoutes&) = delete;
  ScopedRoutes& operator=(const ScopedRoutes&) = delete;

  // Those that are used are asked for, and those that are used later.
  void Start();

  // That a listener goes by the scopes of its connection managers.
  class Use {
   public:
    virtual ~Use() = default;
    // Calls `one` for each manager that has some; what that returns is called once: when they and their tables have come, or
    // are not waited for any more; perhaps at once.
    using One = std::function<std::function<void()>(const std::string& scoped_routes)>;
    virtual void WhenReady(const One& one) = 0;
  };
  // Null: it has none that come apart from it.
  std::unique_ptr<Use> For(std::shared_ptr<const config::Listener> listener);
  // What is wrong with the scopes that are there for `listener`, in one line each.
  std::vector<std::string> Check(const config::Listener& listener) const;
  // By what workers have the scopes; somebody uses them.
  uint64_t IdOf(const config::ScopedRoutes& scoped) const;

  // What workers have under `id`; null: nothing as yet.
  std::shared_ptr<const proxy::Scopes> Find(uint64_t id) const;
  // The table of a scope, where that stands in it; null: it does not, or is held.
  std::shared_ptr<const proxy::Routes> FindRoutes(uint64_t id) const;

  struct View {
    std::vector<std::string> names;  // of those who go by it: each ScopedRoutes::name once
    const TakenByName& taken;
    const xds::TypeProtocol* protocol;  // null: it is not asked yet
  };
  // Of each source that somebody goes by.
  std::vector<View> all() const;

 private:
  class Source;
  class ListenerUse;

  Source& SourceOf(const config::HttpConnectionManager& manager);
  ScopeGroup* FindGroup(const config::ScopedRoutes& scoped) const;

  xds::Planes& planes_;
  const config::Resources& resources_;
  RouteTables& tables_;
  const Targets targets_;
  const Feed::Surroundings with_;
  const std::unique_ptr<event::Retired> retired_;
  std::vector<std::unique_ptr<Source>> sources_;
  uint64_t last_id_ = 0;
  uint64_t last_table_id_;
  bool started_ = false;
};

}  // namespace pillion::push
