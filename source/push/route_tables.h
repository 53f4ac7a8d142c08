#pragma once

// The route tables that come apart from their listeners (RDS): one for each source and name, for all who name it, from the
// first of them to the last. A table that one of them can't go by is refused; one whose clusters have just come is held
// until they serve, and no longer than kMostHeld: until then the former one serves. Owned by the server; main thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/listener.h"
#include "source/config/resources.h"
#include "source/event/retired.h"
#include "source/proxy/routes.h"
#include "source/push/feed.h"
#include "source/push/named_part.h"

namespace pillion::push {

class RouteTables {
 public:
  // A cluster that comes with its hosts takes less; who waits for another one holds up all other routes of the table.
  static constexpr base::Duration kMostHeld = std::chrono::seconds(1);

  struct Targets {
    route::ClusterIndex clusters;
    // Calls `ready` once: when each of the clusters can be sent requests, or is not waited for any more, as it has been
    // there for kMostHeld; perhaps at once.
    std::function<void(const std::vector<std::string>& clusters, std::function<void()> ready)> when_serving;
    // To the workers: what is routed by `id` goes by `routes` from now on; null: nothing new is.
    std::function<void(uint64_t id, std::shared_ptr<const proxy::Routes> routes)> publish;
  };

  // All that is given outlives it.
  RouteTables(xds::Planes& planes, const config::Resources& resources, Targets targets, Feed::Surroundings surroundings);
  ~RouteTables();
  RouteTables(const RouteTables&) = delete;
  RouteTables& operator=(const RouteTables&) = delete;

  // Those that are used are asked for, and those that are used later.
  void Start();

  // That a listener goes by the tables which its connection managers name. Ends before this.
  class Use {
   public:
    virtual ~Use() = default;
    // Calls `one` for each table; what that returns is called once: when the table has come, or is not waited for any more;
    // perhaps at once. It may end this. It is dropped where nobody goes by that table any more.
    using One = std::function<std::function<void()>(const std::string& table)>;
    virtual void WhenReady(const One& one) = 0;
  };
  // Null: it names none.
  std::unique_ptr<Use> For(std::shared_ptr<const config::Listener> listener);
  // What is wrong with the tables that are there for `listener`, in one line each.
  std::vector<std::string> Check(const config::Listener& listener) const;
  // By what workers have the table; somebody uses it.
  uint64_t IdOf(const config::RouteSource& source) const;

  struct View {
    std::string name;
    const Taken* serving;             // null: it has not come, or is held
    const Taken* held;                // that takes its place soon; null: none does
    const xds::TypeProtocol* source;  // who is asked for it
    std::shared_ptr<const proxy::Routes> routes;  // that workers have; null: none
  };
  // Of the one that workers know by `id`; nothing: nobody goes by it.
  std::optional<View> Find(uint64_t id) const;
  std::vector<View> all() const;

 private:
  class Table;
  class ListenerUse;

  xds::Planes& planes_;
  const config::Resources& resources_;
  const Targets targets_;
  const Feed::Surroundings with_;
  event::Retired retired_;
  uint64_t last_id_ = 0;
  NamedParts<Table> tables_;
};

}  // namespace pillion::push
