#include "source/push/route_tables.h"

#include <gmock/gmock.h>

#include "test/unit/push/pushed.h"

namespace pillion::push {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using xds::Kind;

google::protobuf::Any Table(const std::string& hosts) {
  return config::Resource<envoy::config::route::v3::RouteConfiguration>("{name: r, virtual_hosts: [" + hosts + "]}");
}
std::string Host(const std::string& name, const std::string& more = "") {
  return "{name: " + name + ", domains: ['" + name + "'], routes: [{match: {prefix: /}, route: {cluster: c}}]" + more + "}";
}

class RouteTablesTest : public PushedTest {
 protected:
  std::shared_ptr<const config::Listener> Listener(const std::string& filters = "", const std::string& table = "r") {
    return ListenerOf("rds: {route_config_name: " + table + ", config_source: {ads: {}}}", filters);
  }
  static uint64_t IdIn(const RouteTables& tables, const config::Listener& listener) {
    return tables.IdOf(*std::get<config::HttpConnectionManager>(listener.filter_chains[0].terminal).route_source);
  }

  std::map<uint64_t, std::shared_ptr<const proxy::Routes>> published_;
  int publications_ = 0;
  std::vector<std::string> awaited_;
  bool hold_ = false;
  std::vector<std::function<void()>> held_;
  RouteTables tables_{planes_,
                      *process_.resources,
                      {.clusters = [](const std::string&) { return 0u; },
                       .when_serving =
                           [this](const std::vector<std::string>& clusters, std::function<void()> ready) {
                             awaited_ = clusters;
                             hold_ ? held_.push_back(std::move(ready)) : ready();
                           },
                       .publish =
                           [this](uint64_t id, std::shared_ptr<const proxy::Routes> routes) {
                             ++publications_;
                             published_[id] = std::move(routes);
                           }},
                      with()};
};

TEST_F(RouteTablesTest, OneTableForAllWhoNameIt) {
  tables_.Start();
  planes_.Start();
  const auto one = Listener(), two = Listener();
  std::unique_ptr<RouteTables::Use> first = tables_.For(one);
  int ready = 0;
  const auto count = [&ready](const std::string& table) {
    EXPECT_EQ(table, "r");
    return [&ready] { ++ready; };
  };
  first->WhenReady(count);
  std::unique_ptr<RouteTables::Use> second = tables_.For(two);
  EXPECT_EQ(IdIn(tables_, *one), IdIn(tables_, *two));
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node +r"));
  EXPECT_EQ(ready, 0);
  Answer(Kind::kRoutes, {{"r", Table(Host("a"))}});
  EXPECT_EQ(ready, 1);
  second->WhenReady(count);
  EXPECT_EQ(ready, 2);
  const uint64_t id = IdIn(tables_, *one);
  ASSERT_NE(published_[id], nullptr);
  const auto host = published_[id]->table.config().virtual_hosts[0];
  Answer(Kind::kRoutes, {{"r", Table(Host("a") + ", " + Host("b"))}});
  EXPECT_EQ(publications_, 2);
  EXPECT_EQ(published_[id]->table.config().virtual_hosts[0], host);  // what did not change is the same
  Answer(Kind::kRoutes, {{"r", Table(Host("a") + ", " + Host("b"))}});
  EXPECT_EQ(publications_, 2);
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node N=n1", "RouteConfiguration node N=n2", "RouteConfiguration node N=n3"));
  first.reset();
  EXPECT_THAT(Sent(), IsEmpty());
  second.reset();
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node -r"));
  EXPECT_EQ(published_[id], nullptr);
  EXPECT_THAT(tables_.all(), IsEmpty());
}

TEST_F(RouteTablesTest, WhatIsUsedBeforeTheStartIsAskedForThen) {
  const std::unique_ptr<RouteTables::Use> use = tables_.For(Listener());
  int ready = 0;
  const auto count = [&ready](const std::string& table) {
    EXPECT_EQ(table, "r");
    return [&ready] { ++ready; };
  };
  use->WhenReady(count);
  planes_.Start();
  EXPECT_THAT(Sent(), IsEmpty());
  tables_.Start();
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node +r"));
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(ready, 1);
  EXPECT_THAT(log_, ElementsAre("route table r has not come in time; who needs it finds no route"));
  EXPECT_EQ(Count("http.in.rds.r.init_fetch_timeout"), 1u);
}

// What a route says of a filter must be for the filter that the listener has.
TEST_F(RouteTablesTest, ATableIsRefusedForTheListenersThatGoByIt) {
  constexpr char kBuffer[] =
      "{name: f, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 9}}, ";
  const std::string cors = Host("a", ", typed_per_filter_config: {f: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy}}");
  tables_.Start();
  planes_.Start();
  const std::unique_ptr<RouteTables::Use> use = tables_.For(Listener(kBuffer));
  Answer(Kind::kRoutes, {{"r", Table(cors)}});
  const Lines sent = Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_THAT(sent[1], HasSubstr("virtual_hosts[0].typed_per_filter_config[\"f\"]"));
  EXPECT_EQ(publications_, 0);
  EXPECT_EQ(Count("http.in.rds.r.update_rejected"), 1u);
  EXPECT_EQ(tables_.all().at(0).serving, nullptr);
  // The other way round: the table is there.
  Answer(Kind::kRoutes, {{"r", Table(Host("a"))}});
  EXPECT_THAT(tables_.Check(*Listener(kBuffer)), IsEmpty());
  EXPECT_EQ(tables_.For(Listener("", "r")) != nullptr, true);
}

// Once for all who have the same filters, and not with each table anew.
TEST_F(RouteTablesTest, WhatIsSaidOfNoFilterIsNoted) {
  constexpr char kOther[] = "{name: g, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}}, ";
  const std::string of_f = Host("a", ", typed_per_filter_config: {f: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy}}");
  constexpr char kNote[] = "route table r: virtual_hosts[0].typed_per_filter_config[\"f\"]: no filter before the router has this name, so that it says nothing here; ";
  tables_.Start();
  planes_.Start();
  const auto one = Listener(), two = Listener(), third = Listener(kOther);
  const std::unique_ptr<RouteTables::Use> first = tables_.For(one), second = tables_.For(two);
  Answer(Kind::kRoutes, {{"r", Table(of_f)}});
  EXPECT_THAT(log_, ElementsAre(std::string(kNote) + "there are none"));
  Answer(Kind::kRoutes, {{"r", Table(of_f + ", " + Host("b"))}});
  EXPECT_EQ(publications_, 2);
  EXPECT_EQ(log_.size(), 1u);
  const std::unique_ptr<RouteTables::Use> later = tables_.For(third);  // the table is there
  EXPECT_THAT(log_, ElementsAre(std::string(kNote) + "there are none", std::string(kNote) + "there are \"g\""));
}

// The other one may be about to come as well: to refuse the one that comes first would leave both as they were.
TEST_F(RouteTablesTest, WhatCanNotBeTogetherIsNoted) {
  const auto context = [](const std::string& type, const std::string& fields) {
    return "{'@type': type.googleapis.com/pillion.filters.http.context.v1." + type + ", " + fields + "}";
  };
  const auto listener = Listener("{name: f, typed_config: " + context("Context", "max_deadline: 1s") + "}, ");
  const std::string host = Host("a", ", typed_per_filter_config: {f: " + context("ContextPerRoute", "min_useful_ms: 2000") + "}");
  tables_.Start();
  planes_.Start();
  const std::unique_ptr<RouteTables::Use> use = tables_.For(listener);
  Answer(Kind::kRoutes, {{"r", Table(host)}});
  EXPECT_EQ(publications_, 1);
  EXPECT_THAT(tables_.Check(*listener), IsEmpty());
  EXPECT_THAT(log_, ElementsAre("route table r: virtual_hosts[0].typed_per_filter_config[\"f\"]: min_useful_ms: 2000 ms, expected "
                                "at most the filter's max_deadline, 1000 ms: all requests would be refused"));
}

// Make before break: a cluster that has just come may have no hosts yet.
TEST_F(RouteTablesTest, ATableWaitsForItsClusters) {
  tables_.Start();
  planes_.Start();
  std::unique_ptr<RouteTables::Use> use = tables_.For(Listener());
  int ready = 0;
  const auto count = [&ready](const std::string& table) {
    EXPECT_EQ(table, "r");
    return [&ready] { ++ready; };
  };
  use->WhenReady(count);
  hold_ = true;
  Answer(Kind::kRoutes, {{"r", Table(Host("a"))}});
  EXPECT_THAT(awaited_, ElementsAre("c"));
  EXPECT_EQ(publications_ + ready, 0);
  Answer(Kind::kRoutes, {{"r", Table(Host("b"))}});
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node +r", "RouteConfiguration node N=n1", "RouteConfiguration node N=n2"));
  ASSERT_EQ(held_.size(), 2u);
  held_[0]();  // of a table that another one has replaced
  EXPECT_EQ(publications_ + ready, 0);
  held_[1]();
  EXPECT_EQ(publications_, 1);
  EXPECT_EQ(ready, 1);
  Answer(Kind::kRoutes, {{"r", Table(Host("c"))}});
  use.reset();
  held_[2]();  // that nobody needs any more
  EXPECT_EQ(publications_, 2);
}

// What is shown is what serves; and a cluster that gets no hosts holds up the other routes of the table for a moment at most,
// however many versions of it follow one another.
TEST_F(RouteTablesTest, ATableThatIsHeldIsNoneThatServes) {
  tables_.Start();
  planes_.Start();
  const auto listener = Listener();
  const std::unique_ptr<RouteTables::Use> use = tables_.For(listener);
  const auto view = [&] { return *tables_.Find(IdIn(tables_, *listener)); };
  Answer(Kind::kRoutes, {{"r", Table(Host("a"))}});
  EXPECT_EQ(view().serving->version, "1");
  EXPECT_EQ(view().held, nullptr);
  hold_ = true;
  Answer(Kind::kRoutes, {{"r", Table(Host("b"))}});
  EXPECT_EQ(view().serving->version, "1");
  EXPECT_EQ(view().routes->table.config().virtual_hosts[0]->name, "a");
  ASSERT_NE(view().held, nullptr);
  EXPECT_EQ(view().held->version, "2");
  EXPECT_EQ(Count("http.in.rds.r.config_reload"), 1u);
  EXPECT_EQ(Count("http.in.rds.r.update_success"), 2u);
  timers_.Advance(RouteTables::kMostHeld / 2);
  Answer(Kind::kRoutes, {{"r", Table(Host("c"))}});
  EXPECT_EQ(view().held->version, "3");
  timers_.Advance(RouteTables::kMostHeld / 2);
  EXPECT_EQ(view().serving->version, "3");
  EXPECT_EQ(view().held, nullptr);
  EXPECT_EQ(published_[IdIn(tables_, *listener)], view().routes);
  EXPECT_EQ(Count("http.in.rds.r.config_reload"), 2u);
  EXPECT_EQ(publications_, 2);
  for (const auto& late : held_) late();
  EXPECT_EQ(publications_, 2);
  // What is wrong for a listener is wrong with either.
  Answer(Kind::kRoutes, {{"r", Table(Host("d"))}});
  EXPECT_THAT(tables_.Check(*Listener()), IsEmpty());
  timers_.Advance(RouteTables::kMostHeld);
  EXPECT_EQ(view().serving->version, "4");
}

TEST_F(RouteTablesTest, AListenerWithItsOwnTableNeedsNone) {
  const auto listener = ListenerOfChains("{filters: [{name: echo, typed_config: {'@type': "
                                         "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}");
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(tables_.For(listener), nullptr);
}

// Whoever waits may be done with what he waits for as soon as he is told, also where that was held for its clusters.
TEST_F(RouteTablesTest, WhoWaitsForOneThatIsHeldMayEndAllThatIsHere) {
  std::vector<std::function<void()>> held;
  auto all = std::make_unique<RouteTables>(
      planes_, *process_.resources,
      RouteTables::Targets{.clusters = [](const std::string&) { return 0u; },
                           .when_serving = [&held](const std::vector<std::string>&,
                                                   std::function<void()> ready) { held.push_back(std::move(ready)); },
                           .publish = [](uint64_t, std::shared_ptr<const proxy::Routes>) {}},
      with());
  std::unique_ptr<RouteTables::Use> use = all->For(Listener());
  int told = 0;
  use->WhenReady([&](const std::string&) {
    return [&] {
      ++told;
      use.reset();
      all.reset();
    };
  });
  all->Start();
  planes_.Start();
  Answer(Kind::kRoutes, {{"r", Table(Host("a"))}});
  EXPECT_EQ(told, 0);
  timers_.Advance(RouteTables::kMostHeld);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(all, nullptr);
  for (const std::function<void()>& late : held) late();
}

}  // namespace
}  // namespace pillion::push
