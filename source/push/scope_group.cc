#include "source/push/scope_group.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "source/config/check_routes.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/push/errors.h"
#include "source/push/named_clusters.h"

namespace pillion::push {
namespace {

using Manager = config::HttpConnectionManager;

// A listener that names the table as a scope of `manager` does: with all of the manager that has to do with tables.
std::shared_ptr<const config::Listener> Naming(const Manager& manager, const std::string& table) {
  config::FilterChain chain;
  Manager& named = chain.terminal.emplace<Manager>();
  named.stat_prefix = manager.stat_prefix;
  named.http_filters = manager.http_filters;
  named.route_source = config::RouteSource{.name = table, .feed = *manager.scoped_routes->tables};
  const auto listener = std::make_shared<config::Listener>();
  listener->filter_chains.push_back(std::move(chain));
  return listener;
}

}  // namespace

std::vector<std::string> ScopeGroup::Check(const config::Scope& scope, const Manager& manager, const RouteTables& tables) {
  if (scope.table != nullptr) {
    std::vector<std::string> errors;
    for (config::ConfigError& error : config::CheckRoutesAgainst(*scope.table, manager)) {
      error.path = config::FieldPath("route_configuration", error.path);
      errors.push_back(config::ErrorText("", error));
    }
    return errors;
  }
  if (manager.scoped_routes->tables) return tables.Check(*Naming(manager, scope.table_name));
  return {config::Concat("route_configuration_name: ", config::Quote(scope.table_name), ", but scoped_routes ",
                         config::Quote(manager.scoped_routes->name), " has no rds_config_source to ask for it")};
}

bool ScopeGroup::Is(const config::ScopedRoutes& scoped) const {
  if (!scoped_.tables || !scoped.tables) return scoped_.tables.has_value() == scoped.tables.has_value();
  return scoped_.tables->source == scoped.tables->source;
}

std::shared_ptr<const proxy::Routes> ScopeGroup::FindRoutes(uint64_t id) const {
  for (const auto& [name, own] : own_) {
    if (own.id == id) return own.routes;
  }
  return nullptr;
}

void ScopeGroup::Add(Member& member) {
  members_.push_back(&member);
  Settle();
}

bool ScopeGroup::Remove(Member& member) {
  members_.remove(&member);
  if (!members_.empty()) return false;
  when_ready_.clear();
  with_.publish(id_, nullptr);
  for (auto& [name, own] : own_) Drop(own);
  own_.clear();
  return true;
}

std::vector<std::string> ScopeGroup::Check(const config::Scope& scope) const {
  for (const Member* const member : members_) {
    std::vector<std::string> errors = Check(scope, *member->manager, with_.tables);
    if (!errors.empty()) return errors;
  }
  return {};
}

void ScopeGroup::WhenReady(std::function<void()> ready) {
  when_ready_.push_back(std::move(ready));
  Settle();
}

void ScopeGroup::Settle() {
  if (members_.empty()) return;
  if (std::exchange(settling_, true)) {
    again_ = true;
    return;
  }
  do {
    again_ = false;
    SettleOnce();
  } while (again_);
  settling_ = false;
  TellReady();
}

void ScopeGroup::SettleOnce() {
  wanted_ = Want();
  missing_ = wanted_.begin();
  Ways next;
  for (const auto& [key, way] : wanted_) {
    const auto former = ways_.find(key);
    next.emplace(key, former == ways_.end() || IsReady(way) ? way : former->second);
  }
  if (next != ways_) {
    ways_ = std::move(next);
    Publish();
  }
  behind_ = ways_ != wanted_;
  DropUnused();
}

ScopeGroup::Ways ScopeGroup::Want() {
  Ways ways;
  config::RouteSource source;  // of each table that is named
  if (scoped_.tables) source.feed = *scoped_.tables;
  for (const auto& [name, scope] : given_.scopes) {
    Way way{.scope = name, .table = scope->table_name};
    if (scope->table != nullptr) {
      OwnTable& own = own_[name];
      if (own.config != scope->table) Take(name, own, scope->table);
      way.id = own.id;
    } else if (scoped_.tables) {
      UseTable(scope->table_name);
      source.name = scope->table_name;
      way.id = with_.tables.IdOf(source);
    } else {
      continue;
    }
    ways.emplace(scope->key, std::move(way));
  }
  return ways;
}

void ScopeGroup::UseTable(const std::string& table) {
  for (Member* const member : members_) {
    const auto [place, is_new] = member->tables.try_emplace(table);
    if (!is_new) continue;
    place->second = with_.tables.For(Naming(*member->manager, table));
    place->second->WhenReady([&](const std::string&) -> std::function<void()> {
      return [self = weak_from_this(), table] {
        const std::shared_ptr<ScopeGroup> group = self.lock();
        if (group == nullptr) return;
        // A table that others wait for tells this group, too, when no scope names it any more.
        if (std::ranges::none_of(group->members_, [&](const Member* each) { return each->tables.contains(table); })) return;
        if (!group->ready_tables_.insert(table).second) return;
        // Of thousands that come for the first time most change nothing by themselves.
        group->settling_ || group->behind_ ? group->Settle() : group->TellReady();
      };
    });
  }
}

// What came before it is held no longer than a table that comes by itself.
void ScopeGroup::Take(const std::string& scope, OwnTable& own, const std::shared_ptr<const config::RouteConfig>& table) {
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  if (own.id == 0) own.id = ++with_.last_table_id;
  own.config = table;
  own.turn = ++turn_;
  if (!own.held_since) own.held_since = now;
  const auto routes =
      std::make_shared<const proxy::Routes>(table, with_.own_tables.clusters, with_.registry, own.routes.get());
  const auto serve = [self = weak_from_this(), scope, turn = own.turn, routes] {
    if (const std::shared_ptr<ScopeGroup> group = self.lock()) group->Serve(scope, turn, routes);
  };
  if (now - *own.held_since >= RouteTables::kMostHeld) return serve();
  with_.own_tables.when_serving(NamedClusters(*table), serve);
}

void ScopeGroup::Serve(const std::string& scope, uint64_t turn, std::shared_ptr<const proxy::Routes> routes) {
  const auto found = own_.find(scope);
  if (found == own_.end() || found->second.turn != turn) return;
  OwnTable& own = found->second;
  own.held_since.reset();
  if (own.routes != nullptr) with_.retired.Add(std::move(own.routes));
  own.routes = std::move(routes);
  with_.own_tables.publish(own.id, own.routes);
  settling_ || behind_ ? Settle() : TellReady();
}

void ScopeGroup::Drop(OwnTable& own) {
  with_.own_tables.publish(own.id, nullptr);
  if (own.routes != nullptr) with_.retired.Add(std::move(own.routes));
}

bool ScopeGroup::IsReady(const Way& way) const {
  if (!way.table.empty()) return ready_tables_.contains(way.table);
  const auto own = own_.find(way.scope);
  return own != own_.end() && own->second.routes != nullptr;
}

void ScopeGroup::Publish() {
  std::vector<proxy::Scopes::Scope> scopes;
  for (const auto& [key, way] : ways_) scopes.push_back({.name = way.scope, .key = key, .own = nullptr, .id = way.id});
  scopes_ = std::make_shared<const proxy::Scopes>(std::move(scopes));
  with_.publish(id_, scopes_);
}

// Behind what leads elsewhere from now on.
void ScopeGroup::DropUnused() {
  std::set<std::string, std::less<>> scopes;
  std::set<std::string, std::less<>> tables;
  for (const Ways* const ways : {&std::as_const(wanted_), &std::as_const(ways_)}) {
    for (const auto& [key, way] : *ways) way.table.empty() ? scopes.insert(way.scope) : tables.insert(way.table);
  }
  for (auto own = own_.begin(); own != own_.end();) {
    if (scopes.contains(own->first)) {
      ++own;
      continue;
    }
    Drop(own->second);
    own = own_.erase(own);
  }
  std::erase_if(ready_tables_, [&](const std::string& table) { return !tables.contains(table); });
  for (Member* const member : members_) {
    std::erase_if(member->tables, [&](const auto& use) { return !tables.contains(use.first); });
  }
}

void ScopeGroup::TellReady() {
  if (when_ready_.empty() || !given_.fetched) return;
  // What is ready stays so as long as it is wanted: each of them is looked at once, not with each of the others.
  while (missing_ != wanted_.end() && IsReady(missing_->second)) ++missing_;
  if (missing_ != wanted_.end()) return;
  const std::shared_ptr<ScopeGroup> self = shared_from_this();  // who is told may end it
  for (const std::function<void()>& ready : std::exchange(when_ready_, {})) ready();
}

}  // namespace pillion::push
