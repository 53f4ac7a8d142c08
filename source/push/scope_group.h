#pragma once

// The scopes of one source whose tables have one source, as workers have them: for all connection managers that go by
// them. Part of ScopedRoutes, which it is shared with by what waits for tables; main thread.

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "source/config/listener.h"
#include "source/config/scoped_routes.h"
#include "source/event/retired.h"
#include "source/proxy/routes.h"
#include "source/proxy/scopes.h"
#include "source/push/feed.h"
#include "source/push/route_tables.h"

namespace pillion::push {

class ScopeGroup final : public std::enable_shared_from_this<ScopeGroup> {
 public:
  // What the source has.
  struct Given {
    std::map<std::string, std::shared_ptr<const config::Scope>, std::less<>> scopes;  // each of another key
    bool fetched = false;  // they have come, or are not waited for any more
  };
  struct Surroundings {
    RouteTables& tables;
    const RouteTables::Targets& own_tables;  // of those that stand in scopes
    const std::function<void(uint64_t id, std::shared_ptr<const proxy::Scopes> scopes)>& publish;
    const base::Clock& clock;
    stats::Registry& registry;
    event::Retired& retired;
    uint64_t& last_table_id;
  };
  // A manager that goes by them. Whoever adds it owns it.
  struct Member {
    const config::HttpConnectionManager* manager;
    std::map<std::string, std::unique_ptr<RouteTables::Use>, std::less<>> tables = {};  // that scopes name
  };

  // All outlives it. `first`: of the first member.
  ScopeGroup(uint64_t id, const Given& given, const config::ScopedRoutes& first, Surroundings surroundings)
      : id_(id), given_(given), scoped_(first), with_(surroundings) {}

  // What is wrong with `scope` for `manager`, in one line each.
  static std::vector<std::string> Check(const config::Scope& scope, const config::HttpConnectionManager& manager,
                                        const RouteTables& tables);

  uint64_t id() const { return id_; }
  const Given& given() const { return given_; }
  // Whether `scoped`, of the same source, has its tables from the same one.
  bool Is(const config::ScopedRoutes& scoped) const;
  const std::list<Member*>& members() const { return members_; }
  // That workers have; null: none as yet.
  const std::shared_ptr<const proxy::Scopes>& scopes() const { return scopes_; }
  // Of a table that stands in a scope: what workers have; null as well.
  std::shared_ptr<const proxy::Routes> FindRoutes(uint64_t id) const;

  void Add(Member& member);
  // True: that was the last, and it is over.
  bool Remove(Member& member);
  // For all members.
  std::vector<std::string> Check(const config::Scope& scope) const;
  // Calls `ready` once: when what is given and its tables have come, or are not waited for any more; perhaps at once.
  void WhenReady(std::function<void()> ready);
  // All is from now on as it is given, as far as tables are there. Who is told of it may end it, but for who keeps it.
  void Settle();

 private:
  // What a key leads to.
  struct Way {
    std::string scope;
    std::string table;  // that it names; empty: its own
    uint64_t id = 0;

    bool operator==(const Way&) const = default;
  };
  using Ways = std::map<std::vector<std::string>, Way>;
  // A table that stands in a scope.
  struct OwnTable {
    uint64_t id = 0;
    std::shared_ptr<const config::RouteConfig> config = nullptr;  // that came last
    std::shared_ptr<const proxy::Routes> routes = nullptr;        // that workers have; null: none as yet
    std::optional<base::MonotonicTime> held_since = {};           // what came last is held, and perhaps what came before it
    uint64_t turn = 0;                                            // of what came last
  };

  void SettleOnce();
  Ways Want();
  void UseTable(const std::string& table);
  void Take(const std::string& scope, OwnTable& own, const std::shared_ptr<const config::RouteConfig>& table);
  void Serve(const std::string& scope, uint64_t turn, std::shared_ptr<const proxy::Routes> routes);
  void Drop(OwnTable& own);
  bool IsReady(const Way& way) const;
  void Publish();
  void DropUnused();
  void TellReady();

  const uint64_t id_;
  const Given& given_;
  const config::ScopedRoutes scoped_;
  const Surroundings with_;
  std::list<Member*> members_;
  Ways wanted_;
  Ways::const_iterator missing_ = wanted_.end();  // all before it are ready
  Ways ways_;  // that workers have: what is wanted, or what a key led to before as long as that is not there
  bool behind_ = false;  // they are not those that are wanted
  std::shared_ptr<const proxy::Scopes> scopes_;
  std::map<std::string, OwnTable, std::less<>> own_;  // by scope
  std::set<std::string, std::less<>> ready_tables_;   // of those that are named: have come, or are not waited for any more
  std::vector<std::function<void()>> when_ready_;
  uint64_t turn_ = 0;
  bool settling_ = false;
  bool again_ = false;
};

}  // namespace pillion::push
