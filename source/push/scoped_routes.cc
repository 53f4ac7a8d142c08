#include "source/push/scoped_routes.h"

#include <algorithm>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "source/base/check.h"
#include "source/config/check_routes.h"
#include "source/config/text.h"
#include "source/event/retired.h"
#include "source/push/errors.h"
#include "source/push/named_clusters.h"
#include "source/xds/complaints.h"

namespace pillion::push {
namespace {

using Manager = config::HttpConnectionManager;
using ScopesByName = decltype(ScopeGroup::Given::scopes);

constexpr std::string_view kScopedRdsConfig = "envoy_scoped_rds_config";  // a label of metrics
// RouteTables count from 1.
constexpr uint64_t kFirstTableId = uint64_t{1} << 63;

stats::Prefix PrefixOf(const Manager& manager) {
  return stats::Prefix("http")
      .Add(stats::kHttpPrefix, manager.stat_prefix)
      .Add("scoped_rds")
      .Add(kScopedRdsConfig, manager.scoped_routes->name);
}

// Calls visit(manager) for each that has its scopes from elsewhere.
template <typename Visit>
void ForEachManager(const config::Listener& listener, const Visit& visit) {
  for (const config::FilterChain& chain : listener.filter_chains) {
    const auto* manager = std::get_if<Manager>(&chain.terminal);
    if (manager != nullptr && manager->scoped_routes != nullptr && manager->scoped_routes->source) visit(*manager);
  }
}

}  // namespace

class ScopedRoutes::Source final : private xds::TypeWatcher {
 public:
  Source(ScopedRoutes& all, const Manager& first)
      : all_(all),
        name_(first.scoped_routes->name),
        feed_(*first.scoped_routes->source),
        stats_(all.with_.registry, all.with_.clock, PrefixOf(first)),
        scope_(all.with_.registry, PrefixOf(first)),
        reloads_(all.with_.registry.control().counter(scope_.AddCounter("config_reload"))),
        reload_time_(all.with_.registry.control().gauge(scope_.AddGauge("config_reload_time_ms"))),
        all_scopes_(all.with_.registry.control().gauge(scope_.AddGauge("all_scopes"))),
        active_scopes_(all.with_.registry.control().gauge(scope_.AddGauge("active_scopes"))),
        notes_(all.with_.clock, all.with_.warn),
        initial_fetch_(all.with_.timers) {
    // Always zero: each table is asked for when its scope has come; and Envoy counts no answer as an empty one.
    all.with_.registry.control().gauge(scope_.AddGauge("on_demand_scopes"))->Set(0);
    scope_.AddCounter("update_empty");
  }

  void Start() {
    initial_fetch_.Start(feed_.initial_fetch_timeout, [this](bool late) {
      given_.fetched = true;
      if (late) {
        stats_.InitialFetchTimeout();
        all_.with_.warn(
            config::Concat("scopes of ", name_, " have not come in time; who needs them finds no route"));
      }
      SettleGroups();
    });
    subscription_ = &all_.planes_.All(feed_.source, xds::Kind::kScopedRoutes, stats_, *this);
    // A file has been read by now; if it is broken, nothing says when it will be whole.
    if (std::holds_alternative<config::PathSource>(feed_.source)) initial_fetch_.Done();
  }

  const config::ConfigSource& source() const { return feed_.source; }
  bool started() const { return subscription_ != nullptr; }
  const std::vector<std::shared_ptr<ScopeGroup>>& groups() const { return groups_; }
  // That which `scoped` goes by, with its tables.
  const std::shared_ptr<ScopeGroup>& GroupOf(const config::ScopedRoutes& scoped) {
    for (const std::shared_ptr<ScopeGroup>& group : groups_) {
      if (group->Is(scoped)) return group;
    }
    return groups_.emplace_back(std::make_shared<ScopeGroup>(
        ++all_.last_id_, given_, scoped,
        ScopeGroup::Surroundings{.tables = all_.tables_,
                                 .own_tables = all_.targets_.tables,
                                 .publish = all_.targets_.publish,
                                 .clock = all_.with_.clock,
                                 .registry = all_.with_.registry,
                                 .retired = *all_.retired_,
                                 .last_table_id = all_.last_table_id_}));
  }
  void Drop(const std::shared_ptr<ScopeGroup>& group) { std::erase(groups_, group); }
  View view() const {
    View view{.names = {},
              .taken = taken_,
              .protocol = subscription_ == nullptr ? nullptr : &subscription_->protocol()};
    for (const std::shared_ptr<ScopeGroup>& group : groups_) {
      for (const ScopeGroup::Member* const member : group->members()) {
        const std::string& name = member->manager->scoped_routes->name;
        if (std::ranges::find(view.names, name) == view.names.end()) view.names.push_back(name);
      }
    }
    return view;
  }

 private:
  using Refusals = std::map<std::string, std::vector<std::string>, std::less<>>;

  std::vector<xds::Refusal> OnUpdate(const xds::Update& update) override;
  // The good ones, by name; of the others, why.
  ScopesByName Judge(const xds::Update& update, Refusals& refusals);
  // What its table says of the managers' filters that is hardly meant.
  void Note(const config::Scope& scope);
  // With `came`; those that have a key of another one are taken off that, and refused.
  ScopesByName Merge(const xds::Update& update, ScopesByName& came, Refusals& refusals) const;
  // What one of them is told may end others.
  void SettleGroups() {
    for (const std::shared_ptr<ScopeGroup>& group : std::vector(groups_)) group->Settle();
  }

  ScopedRoutes& all_;
  const std::string name_;
  const config::Feed feed_;
  xds::SubscriptionStats stats_;
  stats::Scope scope_;
  stats::Counter* const reloads_;
  stats::Gauge* const reload_time_;  // when: milliseconds since the epoch
  stats::Gauge* const all_scopes_;
  stats::Gauge* const active_scopes_;  // as Envoy counts: whose tables are asked for
  xds::Complaints notes_;
  xds::InitialFetch initial_fetch_;
  xds::TypeSubscription* subscription_ = nullptr;
  bool answered_ = false;
  TakenByName taken_;
  ScopeGroup::Given given_;  // of these
  std::vector<std::shared_ptr<ScopeGroup>> groups_;
};

std::vector<xds::Refusal> ScopedRoutes::Source::OnUpdate(const xds::Update& update) {
  Refusals refusals;
  ScopesByName came = Judge(update, refusals);
  ScopesByName next = Merge(update, came, refusals);
  for (const std::string& name : update.removed) taken_.erase(name);
  for (const xds::Resource& resource : update.resources) {
    if (resource.same && taken_.contains(resource.name)) taken_[resource.name].version = resource.version;
    if (!came.contains(resource.name)) continue;
    taken_[resource.name] = {
        .version = resource.version, .updated = all_.with_.clock.WallNow(), .body = resource.body};
  }
  // The first answer that is good counts, whatever it has.
  const bool first = refusals.empty() && !std::exchange(answered_, true);
  if (first || next != given_.scopes) {
    reloads_->Increment();
    reload_time_->Set(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                all_.with_.clock.WallNow().time_since_epoch())
                                                .count()));
  }
  given_.scopes = std::move(next);
  all_scopes_->Set(given_.scopes.size());
  active_scopes_->Set(static_cast<uint64_t>(
      std::ranges::count_if(given_.scopes, [](const auto& scope) { return scope.second->table == nullptr; })));
  SettleGroups();
  initial_fetch_.Done();
  std::vector<xds::Refusal> all;
  for (auto& [name, errors] : refusals) all.push_back({name, std::move(errors)});
  return all;
}

ScopesByName ScopedRoutes::Source::Judge(const xds::Update& update, Refusals& refusals) {
  ScopesByName came;
  for (const xds::Resource& resource : update.resources) {
    if (resource.same && given_.scopes.contains(resource.name)) continue;
    config::Judged<config::Scope> judged = all_.resources_.BuildScope(*resource.body);
    for (const config::ConfigError& note : judged.notes) {
      notes_.Say(config::Concat("scope ", NoteText(*resource.body, note)));
    }
    std::vector<std::string> errors = LinesOf(judged.errors);
    for (const std::shared_ptr<ScopeGroup>& group : groups_) {
      if (errors.empty()) errors = group->Check(*judged.part);
    }
    if (errors.empty()) {
      Note(*judged.part);
      came.emplace(resource.name, std::move(judged.part));
    } else {
      refusals.emplace(resource.name, std::move(errors));
    }
  }
  return came;
}

void ScopedRoutes::Source::Note(const config::Scope& scope) {
  if (scope.table == nullptr) return;
  const auto say = [&](const std::vector<config::ConfigError>& notes) {
    for (config::ConfigError note : notes) {
      note.path = config::FieldPath("route_configuration", note.path);
      notes_.Say(config::Concat("scope ", config::Quote(scope.name), ": ", config::ErrorText("", note)));
    }
  };
  for (const std::shared_ptr<ScopeGroup>& group : groups_) {
    for (const ScopeGroup::Member* const member : group->members()) {
      say(config::Contradictions(*scope.table, member->manager->http_filters));
      say(config::UnusedOverrides(*scope.table, member->manager->http_filters));
    }
  }
}

// One that is refused stays what it was, and so may be in the way of another one, which is refused then as well.
ScopesByName ScopedRoutes::Source::Merge(const xds::Update& update, ScopesByName& came, Refusals& refusals) const {
  for (;;) {
    ScopesByName next = given_.scopes;
    for (const std::string& name : update.removed) next.erase(name);
    for (const auto& [name, scope] : came) next[name] = scope;
    std::map<std::vector<std::string>, std::string_view> holders;
    bool good = true;
    for (const auto& [name, scope] : next) {
      const auto [holder, is_new] = holders.emplace(scope->key, name);
      if (is_new) continue;
      // Whoever has it already keeps it.
      const bool stays = !came.contains(name);
      const std::string loser(stays ? holder->second : std::string_view(name));
      const std::string winner(stays ? std::string_view(name) : holder->second);
      if (stays) holder->second = name;
      came.erase(loser);
      refusals[loser] = {config::Concat("key: it is that of scope ", config::Quote(winner))};
      good = false;
    }
    if (good) return next;
  }
}

class ScopedRoutes::ListenerUse final : public Use {
 public:
  ListenerUse(ScopedRoutes& all, std::shared_ptr<const config::Listener> listener) : listener_(std::move(listener)) {
    ForEachManager(*listener_, [&](const Manager& manager) {
      Source& source = all.SourceOf(manager);
      Place& place = places_.emplace_back(Place{source, source.GroupOf(*manager.scoped_routes), {.manager = &manager}});
      place.group->Add(place.member);
      if (all.started_ && !source.started()) source.Start();
    });
  }
  ~ListenerUse() override {
    for (Place& place : places_) {
      if (place.group->Remove(place.member)) place.source.Drop(place.group);
    }
  }

  void WhenReady(const One& one) override {
    // Who is told may end this.
    std::vector<std::pair<std::shared_ptr<ScopeGroup>, std::function<void()>>> waits;
    for (const Place& place : places_) waits.emplace_back(place.group, one(place.member.manager->scoped_routes->name));
    for (auto& [group, ready] : waits) group->WhenReady(std::move(ready));
  }

 private:
  struct Place {
    Source& source;
    std::shared_ptr<ScopeGroup> group;
    ScopeGroup::Member member;
  };

  const std::shared_ptr<const config::Listener> listener_;
  std::list<Place> places_;
};

ScopedRoutes::ScopedRoutes(xds::Planes& planes, const config::Resources& resources, RouteTables& tables, Targets targets,
                           Feed::Surroundings surroundings)
    : planes_(planes),
      resources_(resources),
      tables_(tables),
      targets_(std::move(targets)),
      with_(std::move(surroundings)),
      retired_(std::make_unique<event::Retired>(with_.timers)),
      last_table_id_(kFirstTableId) {}

ScopedRoutes::~ScopedRoutes() = default;

void ScopedRoutes::Start() {
  started_ = true;
  for (size_t i = 0; i < sources_.size(); ++i) sources_[i]->Start();
}

ScopedRoutes::Source& ScopedRoutes::SourceOf(const Manager& manager) {
  for (const std::unique_ptr<Source>& source : sources_) {
    if (source->source() == manager.scoped_routes->source->source) return *source;
  }
  return *sources_.emplace_back(std::make_unique<Source>(*this, manager));
}

ScopeGroup* ScopedRoutes::FindGroup(const config::ScopedRoutes& scoped) const {
  for (const std::unique_ptr<Source>& source : sources_) {
    if (source->source() != scoped.source->source) continue;
    for (const std::shared_ptr<ScopeGroup>& group : source->groups()) {
      if (group->Is(scoped)) return group.get();
    }
  }
  return nullptr;
}

std::unique_ptr<ScopedRoutes::Use> ScopedRoutes::For(std::shared_ptr<const config::Listener> listener) {
  bool any = false;
  ForEachManager(*listener, [&any](const Manager&) { any = true; });
  return any ? std::make_unique<ListenerUse>(*this, std::move(listener)) : nullptr;
}

std::vector<std::string> ScopedRoutes::Check(const config::Listener& listener) const {
  std::vector<std::string> errors;
  ForEachManager(listener, [&](const Manager& manager) {
    const ScopeGroup* const group = FindGroup(*manager.scoped_routes);
    if (group == nullptr) return;
    for (const auto& [name, scope] : group->given().scopes) {
      for (const std::string& line : ScopeGroup::Check(*scope, manager, tables_)) {
        errors.push_back(config::Concat("its scope ", config::Quote(name), ": ", line));
      }
    }
  });
  return errors;
}

uint64_t ScopedRoutes::IdOf(const config::ScopedRoutes& scoped) const {
  const ScopeGroup* const group = FindGroup(scoped);
  PILLION_CHECK(group != nullptr);
  return group->id();
}

std::shared_ptr<const proxy::Scopes> ScopedRoutes::Find(uint64_t id) const {
  for (const std::unique_ptr<Source>& source : sources_) {
    for (const std::shared_ptr<ScopeGroup>& group : source->groups()) {
      if (group->id() == id) return group->scopes();
    }
  }
  return nullptr;
}

std::shared_ptr<const proxy::Routes> ScopedRoutes::FindRoutes(uint64_t id) const {
  for (const std::unique_ptr<Source>& source : sources_) {
    for (const std::shared_ptr<ScopeGroup>& group : source->groups()) {
      if (std::shared_ptr<const proxy::Routes> routes = group->FindRoutes(id)) return routes;
    }
  }
  return nullptr;
}

std::vector<ScopedRoutes::View> ScopedRoutes::all() const {
  std::vector<View> views;
  for (const std::unique_ptr<Source>& source : sources_) {
    if (!source->groups().empty()) views.push_back(source->view());
  }
  return views;
}

}  // namespace pillion::push
