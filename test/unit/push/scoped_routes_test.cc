#include "source/push/scoped_routes.h"

#include <gmock/gmock.h>

#include <map>

#include "source/base/block.h"
#include "test/unit/push/pushed.h"

namespace pillion::push {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using xds::Kind;

constexpr char kBuffer[] =
    "{name: f, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 9}}, ";
constexpr char kCorsForF[] =
    ", typed_per_filter_config: {f: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy}}";

std::string TableText(const std::string& name, const std::string& more = "") {
  return "{name: " + name + ", virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: " + name + "}}]" +
         more + "}]}";
}
google::protobuf::Any Table(const std::string& name) {
  return config::Resource<envoy::config::route::v3::RouteConfiguration>(TableText(name));
}
google::protobuf::Any Scope(const std::string& name, const std::string& key, const std::string& more) {
  return config::Resource<envoy::config::route::v3::ScopedRouteConfiguration>(
      "{name: " + name + ", key: {fragments: [{string_key: " + key + "}]}, " + more + "}");
}
// One that names a table, and one that has its own.
google::protobuf::Any Naming(const std::string& name, const std::string& key, const std::string& table) {
  return Scope(name, key, "route_configuration_name: " + table);
}
google::protobuf::Any Having(const std::string& name, const std::string& key, const std::string& table,
                             const std::string& more = "") {
  return Scope(name, key, "route_configuration: " + TableText(table, more));
}

class ScopedRoutesTest : public PushedTest {
 protected:
  std::shared_ptr<const config::Listener> Listener(const std::string& filters = "", bool names_tables = true) {
    return ListenerOf("scoped_routes: {name: s, scope_key_builder: {fragments: [{header_value_extractor: "
                      "{name: x-scope, index: 0}}]}, scoped_rds: {scoped_rds_config_source: {ads: {}}}" +
                          std::string(names_tables ? ", rds_config_source: {ads: {}}" : "") + "}",
                      filters);
  }
  void Start() {
    tables_.Start();
    scopes_.Start();
    planes_.Start();
  }
  std::unique_ptr<ScopedRoutes::Use> Use(const std::shared_ptr<const config::Listener>& listener) {
    std::unique_ptr<ScopedRoutes::Use> use = scopes_.For(listener);
    use->WhenReady([this](const std::string& name) {
      EXPECT_EQ(name, "s");
      return [this] { ++ready_; };
    });
    id_ = scopes_.IdOf(*std::get<config::HttpConnectionManager>(listener->filter_chains[0].terminal).scoped_routes);
    return use;
  }
  // The table that workers have for a key: its name; "" where it has not come; "-": no scope has the key.
  std::string TableOf(const std::string& key) {
    const auto found = published_scopes_.find(id_);
    if (found == published_scopes_.end() || found->second == nullptr) return "-";
    const std::optional<uint32_t> place = found->second->Find({key});
    if (!place) return "-";
    const auto routes = published_.find(found->second->all()[*place].id);
    return routes == published_.end() || routes->second == nullptr ? "" : routes->second->table.config().name;
  }
  int64_t Figure(const std::string& name) {
    return static_cast<int64_t>(registry_.control().gauge(registry_.AddGauge("http.in.scoped_rds.s." + name))->value());
  }
  RouteTables::Targets Targets() {
    return {.clusters = [](const std::string&) { return 0u; },
            .when_serving =
                [this](const std::vector<std::string>& clusters, std::function<void()> ready) {
                  awaited_ = clusters;
                  hold_ ? held_.push_back(std::move(ready)) : ready();
                },
            .publish =
                [this](uint64_t id, std::shared_ptr<const proxy::Routes> routes) { published_[id] = std::move(routes); }};
  }

  std::map<uint64_t, std::shared_ptr<const proxy::Routes>> published_;
  std::map<uint64_t, std::shared_ptr<const proxy::Scopes>> published_scopes_;
  std::vector<std::string> awaited_;
  int publications_ = 0;  // of scopes
  bool hold_ = false;
  std::vector<std::function<void()>> held_;
  uint64_t id_ = 0;
  int ready_ = 0;
  RouteTables tables_{planes_, *process_.resources, Targets(), with()};
  ScopedRoutes scopes_{planes_,
                       *process_.resources,
                       tables_,
                       {.tables = Targets(),
                        .publish =
                            [this](uint64_t id, std::shared_ptr<const proxy::Scopes> scopes) {
                              ++publications_;
                              published_scopes_[id] = std::move(scopes);
                            }},
                       with()};
};

TEST_F(ScopedRoutesTest, ScopesAndTheirTables) {
  Start();
  const auto listener = Listener();
  std::unique_ptr<ScopedRoutes::Use> use = Use(listener);
  EXPECT_THAT(Sent(), ElementsAre("ScopedRouteConfiguration node"));
  EXPECT_EQ(TableOf("a"), "-");
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own")}, {"two", Naming("two", "b", "r")}});
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node +r", "ScopedRouteConfiguration node N=n1"));
  EXPECT_EQ(TableOf("a"), "own");
  EXPECT_EQ(TableOf("b"), "");
  EXPECT_EQ(TableOf("c"), "-");
  EXPECT_EQ(ready_, 0);  // the table has not come
  Answer(Kind::kRoutes, {{"r", Table("r")}});
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(TableOf("b"), "r");
  EXPECT_EQ(publications_, 1);
  EXPECT_EQ(Figure("all_scopes"), 2);
  EXPECT_EQ(Figure("active_scopes"), 1);
  EXPECT_EQ(Count("http.in.scoped_rds.s.config_reload"), 1u);
  EXPECT_EQ(Count("http.in.scoped_rds.s.update_success"), 1u);
  // Who comes later finds all of it there.
  std::unique_ptr<ScopedRoutes::Use> second = Use(listener);
  EXPECT_EQ(ready_, 2);
  use.reset();
  EXPECT_EQ(TableOf("b"), "r");
  EXPECT_THAT(scopes_.all().at(0).names, ElementsAre("s"));
  EXPECT_EQ(scopes_.all().at(0).taken.size(), 2u);
  // A removal.
  Sent();
  Answer(Kind::kScopedRoutes, {}, {"two"});
  EXPECT_EQ(TableOf("b"), "-");
  EXPECT_EQ(TableOf("a"), "own");
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node -r", "ScopedRouteConfiguration node N=n3"));
  second.reset();
  EXPECT_EQ(published_scopes_[id_], nullptr);
  for (const auto& [id, routes] : published_) EXPECT_EQ(routes, nullptr) << id;
  EXPECT_THAT(scopes_.all(), IsEmpty());
}

TEST_F(ScopedRoutesTest, WhatIsUsedBeforeTheStartIsAskedForThen) {
  const auto use = Use(Listener());
  planes_.Start();
  EXPECT_THAT(Sent(), IsEmpty());
  tables_.Start();
  scopes_.Start();
  EXPECT_THAT(Sent(), ElementsAre("ScopedRouteConfiguration node"));
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(log_, ElementsAre("scopes of s have not come in time; who needs them finds no route"));
  EXPECT_EQ(Count("http.in.scoped_rds.s.init_fetch_timeout"), 1u);
  // They are taken all the same.
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own")}});
  EXPECT_EQ(TableOf("a"), "own");
}

TEST_F(ScopedRoutesTest, ATableThatDoesNotComeIsNotWaitedForForEver) {
  Start();
  const auto use = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "a", "r")}});
  EXPECT_EQ(ready_, 0);
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(TableOf("a"), "");
}

TEST_F(ScopedRoutesTest, TheBadIsRefusedAndItsFormerStays) {
  Start();
  const auto use = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own")}, {"two", Having("two", "b", "other")}});
  Sent();
  const auto refused = [&](const std::vector<Resource>& resources) {
    Answer(Kind::kScopedRoutes, resources);
    const Lines sent = Sent();
    return sent.empty() ? "" : sent.back();
  };
  EXPECT_THAT(refused({{"one", Scope("one", "a", "")}}),
              HasSubstr("none of route_configuration and route_configuration_name, expected one"));
  EXPECT_THAT(refused({{"one", Scope("one", "a", "route_configuration_name: r, route_configuration: " + TableText("t"))}}),
              HasSubstr("both of route_configuration and route_configuration_name, expected one"));
  EXPECT_THAT(refused({{"one", config::Resource<envoy::config::route::v3::ScopedRouteConfiguration>(
                                   "{name: one, route_configuration_name: r}")}}),
              HasSubstr("key: missing, but required"));
  EXPECT_EQ(TableOf("a"), "own");
  // One that has the key of another one. Who has it stays.
  EXPECT_THAT(refused({{"new", Having("new", "a", "new")}}), HasSubstr("\"new\": key: it is that of scope \"one\""));
  EXPECT_THAT(refused({{"one", Having("one", "b", "new")}}), HasSubstr("\"one\": key: it is that of scope \"two\""));
  EXPECT_THAT(refused({{"n1", Having("n1", "n", "n1")}, {"n2", Having("n2", "n", "n2")}}),
              HasSubstr("\"n2\": key: it is that of scope \"n1\""));
  EXPECT_EQ(TableOf("a"), "own");
  EXPECT_EQ(TableOf("b"), "other");
  EXPECT_EQ(TableOf("n"), "n1");
  // But they may exchange theirs, or one take that of one that goes.
  EXPECT_THAT(refused({{"one", Having("one", "b", "own")}, {"two", Having("two", "a", "other")}}),
              testing::Not(HasSubstr("error")));
  EXPECT_EQ(TableOf("b"), "own");
  EXPECT_EQ(TableOf("a"), "other");
  Answer(Kind::kScopedRoutes, {{"new", Having("new", "a", "new")}}, {"two"});
  EXPECT_EQ(TableOf("a"), "new");
}

// What a table says of a filter must be for the filters of all who go by it, and the scope is refused that has it, or names it.
TEST_F(ScopedRoutesTest, AScopeIsRefusedForTheListenersThatGoByIt) {
  Start();
  const auto use = Use(Listener(kBuffer));
  Sent();
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own", kCorsForF)}});
  EXPECT_THAT(Sent().back(), HasSubstr("route_configuration.virtual_hosts[0].typed_per_filter_config[\"f\"]"));
  EXPECT_EQ(TableOf("a"), "-");
  // The other way round: the scope is there.
  const auto other = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "a", "r")}});
  Answer(Kind::kRoutes, {{"r", config::Resource<envoy::config::route::v3::RouteConfiguration>(TableText("r", kCorsForF))}});
  EXPECT_THAT(Sent().back(), HasSubstr("virtual_hosts[0].typed_per_filter_config[\"f\"]"));
}

TEST_F(ScopedRoutesTest, AListenerThatCantGoByTheScopesIsToldSo) {
  Start();
  const auto use = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own", kCorsForF)}, {"two", Naming("two", "b", "r")}});
  EXPECT_THAT(scopes_.Check(*Listener()), IsEmpty());
  EXPECT_THAT(scopes_.Check(*Listener(kBuffer)),
              ElementsAre(HasSubstr("its scope \"one\": route_configuration.virtual_hosts[0].typed_per_filter_config[\"f\"]")));
  const auto listener = Listener("", false);
  const auto without = scopes_.For(listener);
  EXPECT_THAT(scopes_.Check(*listener),
              ElementsAre("its scope \"two\": route_configuration_name: \"r\", but scoped_routes \"s\" has no rds_config_source to ask for it"));
  // What comes then is judged for it, too.
  Sent();
  Answer(Kind::kScopedRoutes, {{"three", Naming("three", "c", "r")}});
  EXPECT_THAT(Sent().back(), HasSubstr("has no rds_config_source"));
}

// Make before break: a key leads to its former table until the next one has come.
TEST_F(ScopedRoutesTest, AKeyGoesToAnotherTableWhenThatIsThere) {
  Start();
  const auto use = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "a", "r")}});
  Answer(Kind::kRoutes, {{"r", Table("r")}});
  Sent();
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "a", "next")}});
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node +next", "ScopedRouteConfiguration node N=n3"));
  EXPECT_EQ(TableOf("a"), "r");
  Answer(Kind::kRoutes, {{"next", Table("next")}});
  EXPECT_EQ(TableOf("a"), "next");
  EXPECT_THAT(Sent(), testing::Contains(HasSubstr(" -r")));
}

TEST_F(ScopedRoutesTest, ATableOfItsOwnWaitsForItsClusters) {
  Start();
  const auto use = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own")}});
  hold_ = true;
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "second")}});
  EXPECT_THAT(awaited_, ElementsAre("second"));
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "third")}});
  EXPECT_EQ(TableOf("a"), "own");
  ASSERT_EQ(held_.size(), 2u);
  held_[0]();  // of a table that another one has replaced
  EXPECT_EQ(TableOf("a"), "own");
  held_[1]();
  EXPECT_EQ(TableOf("a"), "third");
  EXPECT_EQ(publications_, 1);  // it is the same scope with the same key
  // However many follow one another, something serves in time.
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "fourth")}});
  timers_.Advance(RouteTables::kMostHeld);
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "fifth")}});
  EXPECT_EQ(TableOf("a"), "fifth");
  for (const auto& late : held_) late();
  EXPECT_EQ(TableOf("a"), "fifth");
}

TEST_F(ScopedRoutesTest, FromATableOfItsOwnToANamedOneAndBack) {
  Start();
  const auto use = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own")}});
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "a", "r")}});
  EXPECT_EQ(TableOf("a"), "own");
  Answer(Kind::kRoutes, {{"r", Table("r")}});
  EXPECT_EQ(TableOf("a"), "r");
  size_t live = 0;
  for (const auto& [id, routes] : published_) live += routes != nullptr;
  EXPECT_EQ(live, 1u);
  hold_ = true;
  Answer(Kind::kScopedRoutes, {{"one", Having("one", "a", "own")}});
  EXPECT_EQ(TableOf("a"), "r");
  held_.back()();
  EXPECT_EQ(TableOf("a"), "own");
}

// Two scopes of one table, and a scope that changes its key.
TEST_F(ScopedRoutesTest, OneTableForSeveralScopes) {
  Start();
  const auto use = Use(Listener());
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "a", "r")}, {"two", Naming("two", "b", "r")}});
  EXPECT_THAT(Sent(), ElementsAre("ScopedRouteConfiguration node", "RouteConfiguration node +r", "ScopedRouteConfiguration node N=n1"));
  Answer(Kind::kRoutes, {{"r", Table("r")}});
  EXPECT_EQ(TableOf("a"), "r");
  EXPECT_EQ(TableOf("b"), "r");
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "c", "r")}}, {"two"});
  EXPECT_EQ(TableOf("a"), "-");
  EXPECT_EQ(TableOf("b"), "-");
  EXPECT_EQ(TableOf("c"), "r");
}

// Who is told that all is there may end who waits, and everything with it.
TEST_F(ScopedRoutesTest, WhoIsToldMayEndIt) {
  Start();
  const auto listener = Listener();
  std::unique_ptr<ScopedRoutes::Use> use = scopes_.For(listener);
  bool told = false;
  use->WhenReady([&](const std::string&) {
    return [&] {
      told = true;
      use.reset();
    };
  });
  Answer(Kind::kScopedRoutes, {{"one", Naming("one", "a", "r")}});
  Answer(Kind::kRoutes, {{"r", Table("r")}});
  EXPECT_TRUE(told);
  EXPECT_EQ(use, nullptr);
  for (const auto& [id, routes] : published_) EXPECT_EQ(routes, nullptr) << id;
}

}  // namespace
}  // namespace pillion::push
