#include "source/push/route_tables.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "source/base/check.h"
#include "source/config/check_routes.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/push/errors.h"
#include "source/push/named_clusters.h"

namespace pillion::push {
namespace {

using Manager = config::HttpConnectionManager;

constexpr std::string_view kRdsRouteConfig = "envoy_rds_route_config";  // a label of metrics

stats::Prefix PrefixOf(const Manager& manager) {
  return stats::Prefix("http")
      .Add(stats::kHttpPrefix, manager.stat_prefix)
      .Add("rds")
      .Add(kRdsRouteConfig, manager.route_source->name);
}

// Calls visit(manager) for each that has its table from elsewhere.
template <typename Visit>
void ForEachManager(const config::Listener& listener, const Visit& visit) {
  for (const config::FilterChain& chain : listener.filter_chains) {
    const auto* manager = std::get_if<Manager>(&chain.terminal);
    if (manager != nullptr && manager->route_source) visit(*manager);
  }
}

}  // namespace

class RouteTables::Table final : public NamedPart {
 public:
  Table(RouteTables& tables, uint64_t id, const Manager& first)
      : NamedPart(tables.planes_, tables.with_, xds::Kind::kRoutes, first.route_source->name, first.route_source->feed,
                  PrefixOf(first)),
        tables_(tables),
        id_(id),
        reloads_(tables.with_.registry.control().counter(scope_.AddCounter("config_reload"))),
        reload_time_(tables.with_.registry.control().gauge(scope_.AddGauge("config_reload_time_ms"))),
        empty_(tables.with_.registry.control().counter(scope_.AddCounter("update_empty"))),
        most_held_(tables.with_.timers.New()) {}
  ~Table() override {
    if (serving_.routes != nullptr) tables_.retired_.Add(std::move(serving_.routes));
    tables_.targets_.publish(id_, nullptr);
  }

  bool Is(const config::RouteSource& other) const { return name() == other.name && source() == other.feed.source; }
  void Add(const Manager& manager) {
    managers_.push_back(&manager);
    if (config_ != nullptr) Note(manager);
  }
  void Remove(const Manager& manager) { managers_.erase(std::ranges::find(managers_, &manager)); }

  uint64_t id() const { return id_; }
  // What was taken last, which may be held, and what serves.
  std::vector<const config::RouteConfig*> configs() const {
    std::vector<const config::RouteConfig*> all;
    if (config_ != nullptr) all.push_back(config_.get());
    if (held_.routes != nullptr && serving_.routes != nullptr) all.push_back(&serving_.routes->table.config());
    return all;
  }
  View view() const {
    return {.name = name(),
            .serving = serving_.routes == nullptr ? nullptr : &serving_.taken,
            .held = held_.routes == nullptr ? nullptr : &held_.taken,
            .source = &protocol(),
            .routes = serving_.routes};
  }

 private:
  std::vector<std::string> OnResource(const xds::Resource& resource) override;
  // Who goes by it goes on.
  void OnRemoved(const std::string& version) override {
    empty_->Increment();
    stats_.Success(version, tables_.with_.clock.MonotonicNow());
    EndWait();
  }
  void OnLate() override {
    tables_.with_.warn(config::Concat("route table ", name(), " has not come in time; who needs it finds no route"));
  }
  bool has_come() const override { return config_ != nullptr; }

  // One that was taken. Null routes: there is none.
  struct Version {
    Taken taken;
    std::shared_ptr<const proxy::Routes> routes;
  };

  // What it says of the manager's filters that is hardly meant, or of others. Of many managers with the same ones that is
  // said once.
  void Note(const Manager& manager) {
    Say(config::Contradictions(*config_, manager.http_filters));
    Say(config::UnusedOverrides(*config_, manager.http_filters));
  }
  void Say(const std::vector<config::ConfigError>& notes) {
    for (const config::ConfigError& note : notes) {
      notes_.Say(config::Concat("route table ", name(), ": ", config::ErrorText("", note)));
    }
  }

  Version& last() { return held_.routes != nullptr ? held_ : serving_; }
  void Hold(Version version);
  // What was held takes the place of what serves.
  void Serve();

  RouteTables& tables_;
  const uint64_t id_;
  stats::Counter* const reloads_;
  stats::Gauge* const reload_time_;  // when: milliseconds since the epoch
  stats::Counter* const empty_;
  std::vector<const Manager*> managers_;  // that go by it
  std::shared_ptr<const config::RouteConfig> config_;  // of last(); null: nothing has come
  Version serving_;
  Version held_;
  uint64_t turn_ = 0;  // of held_: how many there were
  const std::unique_ptr<event::ControlTimer> most_held_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

std::vector<std::string> RouteTables::Table::OnResource(const xds::Resource& resource) {
  const base::MonotonicTime begun = tables_.with_.clock.MonotonicNow();
  if (resource.same && config_ != nullptr) {
    last().taken.version = resource.version;
    stats_.Success(resource.answer_version, begun);
    return {};
  }
  config::Judged<config::RouteConfig> judged =
      tables_.resources_.BuildRoutes(*resource.body, {.resource = last().taken.body.get(), .part = config_});
  Say(judged.notes);
  std::vector<std::string> errors = LinesOf(judged.errors);
  for (const Manager* manager : managers_) {
    if (judged.part == nullptr || !errors.empty()) break;
    errors = LinesOf(config::CheckRoutesAgainst(*judged.part, *manager));
  }
  if (!errors.empty()) {
    stats_.Rejected();
    return errors;
  }
  config_ = std::move(judged.part);
  for (const Manager* manager : managers_) Note(*manager);
  stats_.Success(resource.answer_version, begun);
  Hold({.taken = {.version = resource.version, .updated = tables_.with_.clock.WallNow(), .body = resource.body},
        .routes = std::make_shared<const proxy::Routes>(config_, tables_.targets_.clusters, tables_.with_.registry,
                                                        last().routes.get())});
  return {};
}

// However often another one takes the place of what is held, something serves in time.
void RouteTables::Table::Hold(Version version) {
  if (held_.routes == nullptr) most_held_->Set(kMostHeld, [this] { Serve(); });
  held_ = std::move(version);
  const auto serve = [this, alive = std::weak_ptr<const bool>(alive_), turn = ++turn_] {
    if (!alive.expired() && turn == turn_ && held_.routes != nullptr) Serve();
  };
  const auto when_serving = tables_.targets_.when_serving;  // what it calls may end all that is here
  when_serving(NamedClusters(*config_), serve);
}

void RouteTables::Table::Serve() {
  most_held_->Cancel();
  if (serving_.routes != nullptr) tables_.retired_.Add(std::move(serving_.routes));
  serving_ = std::exchange(held_, {});
  reloads_->Increment();
  reload_time_->Set(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                              tables_.with_.clock.WallNow().time_since_epoch())
                                              .count()));
  tables_.targets_.publish(id_, serving_.routes);
  EndWait();
}

class RouteTables::ListenerUse final : public Use {
 public:
  ListenerUse(RouteTables& tables, std::shared_ptr<const config::Listener> listener) : listener_(std::move(listener)) {
    ForEachManager(*listener_, [&](const Manager& manager) {
      const auto make = [&] { return std::make_unique<Table>(tables, ++tables.last_id_, manager); };
      tables_.Add(tables.tables_.Use(*manager.route_source, make)).Add(manager);
    });
    tables.tables_.AskForNew();
  }
  ~ListenerUse() override {
    size_t i = 0;
    ForEachManager(*listener_, [&](const Manager& manager) { tables_.all()[i++]->Remove(manager); });
  }

  void WhenReady(const One& one) override {
    tables_.WhenReady(one, [](size_t) { return true; });
  }

 private:
  const std::shared_ptr<const config::Listener> listener_;
  UsedParts<Table> tables_;  // of each manager
};

RouteTables::RouteTables(xds::Planes& planes, const config::Resources& resources, Targets targets,
                         Feed::Surroundings surroundings)
    : planes_(planes),
      resources_(resources),
      targets_(std::move(targets)),
      with_(std::move(surroundings)),
      retired_(with_.timers) {}

RouteTables::~RouteTables() = default;

void RouteTables::Start() { tables_.Start(); }

std::unique_ptr<RouteTables::Use> RouteTables::For(std::shared_ptr<const config::Listener> listener) {
  bool any = false;
  ForEachManager(*listener, [&any](const Manager&) { any = true; });
  return any ? std::make_unique<ListenerUse>(*this, std::move(listener)) : nullptr;
}

std::vector<std::string> RouteTables::Check(const config::Listener& listener) const {
  std::vector<std::string> errors;
  ForEachManager(listener, [&](const Manager& manager) {
    const Table* const table = tables_.Find(*manager.route_source);
    if (table == nullptr) return;
    for (const config::RouteConfig* const routes : table->configs()) {
      for (const std::string& line : LinesOf(config::CheckRoutesAgainst(*routes, manager))) {
        errors.push_back(config::Concat("its route table ", manager.route_source->name, ": ", line));
      }
    }
  });
  return errors;
}

uint64_t RouteTables::IdOf(const config::RouteSource& source) const {
  const Table* const table = tables_.Find(source);
  PILLION_CHECK(table != nullptr);
  return table->id();
}

std::optional<RouteTables::View> RouteTables::Find(uint64_t id) const {
  const Table* const table = tables_.FindIf([id](const Table& each) { return each.id() == id; });
  return table == nullptr ? std::nullopt : std::optional(table->view());
}

std::vector<RouteTables::View> RouteTables::all() const {
  std::vector<View> views;
  tables_.ForEach([&views](const Table& table) { views.push_back(table.view()); });
  return views;
}

}  // namespace pillion::push
