// Which requests a rule is for, what has a breaker of its own, and which rules there can be.

#include "test/unit/filters/degradation_fixture.h"

namespace pillion::test {
namespace {

TEST_F(DegradationTest, AppliesWhereItsConditionHolds) {
  Start(Rules(Errors("when: \"request.path.startsWith('/pay')\"")));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Status(500, "/other"), 500);
  EXPECT_EQ(Count("e.passed"), 0);
  Status(500, "/pay");
  Status(500, "/pay");
  EXPECT_FALSE(Passes("/pay"));
  EXPECT_TRUE(Passes("/other"));
}

TEST_F(DegradationTest, OneForEachRouteAndLane) {
  StartPainted(Rules(Errors("per: [ROUTE, CLUSTER, LANE]"), "fields: ALWAYS"),
               {.first_routes = Route("/pay", "name: pay"), .filter_log = "%DYNAMIC_METADATA(pillion.degradation:key)%"});
  const std::string gray = "x-lane: env=gray\r\n";
  Status(500, "/pay", gray);
  Status(500, "/pay", gray);
  EXPECT_FALSE(Passes("/pay", gray));
  EXPECT_TRUE(Passes("/pay"));
  EXPECT_TRUE(Passes("/", gray));
  EXPECT_EQ(Count("e.breakers"), 3);
  EXPECT_EQ(Count("e.breakers_open"), 1);
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 5u);
  const size_t slash = log[0].find('/');
  EXPECT_EQ(log[0].substr(slash), "/pay, cluster=app, lane=env=gray") << log[0];
  EXPECT_EQ(log[3].substr(slash), "/pay, cluster=app, lane=baseline") << log[3];
  EXPECT_EQ(log[4].substr(slash), "/, cluster=app, lane=env=gray") << log[4];
}

// Whatever is in a label: nobody's failures open another lane's breaker.
TEST_F(DegradationTest, LanesWhoseLabelsLookAlike) {
  StartPainted(Rules(Errors("per: [LANE]")), {.filter_log = "%DYNAMIC_METADATA(pillion.degradation:key)%"});
  const std::string one = "x-lane: env=a,version=b\r\n";
  Status(500, "/", one);
  Status(500, "/", one);
  EXPECT_FALSE(Passes("/", one));
  EXPECT_TRUE(Passes("/", "x-lane: env=a;version=b\r\n"));
  EXPECT_TRUE(Passes("/", "x-lane: env=a%2Cversion%3Db\r\n"));
  EXPECT_EQ(Count("e.breakers"), 3);
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 5u);
  EXPECT_EQ(log[0], "lane=env=a%2Cversion%3Db");
  EXPECT_EQ(log[3], "lane=env=a,version=b");
  EXPECT_EQ(log[4], "lane=env=a%252Cversion%253Db");
}

// More than a worker remembers the keys of; and whose names, one after the other, are the same.
TEST_F(DegradationTest, ManyLanesInTurn) {
  StartPainted(Rules(Errors("per: [LANE]")), {.filter_log = "%DYNAMIC_METADATA(pillion.degradation:key)%"});
  std::vector<std::string> lanes = {"ab=c", "a=bc", "a=b;c=d", "a=b"};
  for (int i = 0; i < 200; ++i) lanes.push_back("env=v" + std::to_string(i));
  for (int round = 0; round < 3; ++round) {
    for (std::string lane : lanes) {
      EXPECT_TRUE(Passes("/", "x-lane: " + lane + "\r\n"));
      std::replace(lane.begin(), lane.end(), ';', ',');
      const std::vector<std::string> log = world_->TakeLog();
      ASSERT_EQ(log.size(), 1u);
      EXPECT_EQ(log[0], "lane=" + lane);
    }
  }
  EXPECT_EQ(Count("e.breakers"), static_cast<int64_t>(lanes.size()));
}

TEST_F(DegradationTest, RoutesWhoseNamesLookAlike) {
  Start(Rules(Errors("per: [ROUTE]")),
        {.first_routes = Route("/one", "name: \"b, cluster=c\"") + Route("/two", "name: b"),
         .filter_log = "%DYNAMIC_METADATA(pillion.degradation:key)%"});
  EXPECT_TRUE(Passes("/one"));
  EXPECT_TRUE(Passes("/two"));
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_TRUE(log[0].ends_with("/b%2C cluster=c")) << log[0];
  EXPECT_TRUE(log[1].ends_with("/b")) << log[1];
}

TEST_F(DegradationTest, AsManyAsThereIsRoomFor) {
  std::string routes;
  for (const char* const name : {"a", "b", "c"}) routes += Route(std::string("/") + name, std::string("name: ") + name);
  Start(Rules(Errors("per: [ROUTE], max_breakers: 2")), {.first_routes = routes});
  EXPECT_TRUE(Passes("/a"));
  EXPECT_TRUE(Passes("/b"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Status(500, "/c"), 500);
  EXPECT_EQ(Count("e.no_room"), 4);
  EXPECT_EQ(Count("e.breakers"), 2);
}

TEST_F(DegradationTest, ARouteHasRulesOfItsOwn) {
  Start(Rules(Errors("", "filter")),
        {.first_routes = Route("/off", PerRoute("disabled: true")) +
                         Route("/own", PerRoute("degradation: {rules: [" + Errors("", "instead") + "]}")) +
                         Route("/more", PerRoute("more_rules: [" + Errors("", "more") + "]"))});
  Open();
  EXPECT_TRUE(Passes("/off"));
  EXPECT_TRUE(Passes("/own"));
  EXPECT_FALSE(Passes("/more"));
  EXPECT_EQ(Count("instead.good"), 1);
  EXPECT_EQ(Count("more.passed"), 1);
  EXPECT_EQ(Count("more.unknown"), 1);
}

TEST_F(DegradationTest, SurvivesAPush) {
  ProxySettings settings;
  Start(Rules(Errors()), settings);
  Open();
  settings.http_filters = "- {name: degradation, typed_config: " + Rules(Errors("", "new") + ", " + Errors()) + "}\n";
  world_->UpdateListener(settings);
  client_ = world_->Connect();
  EXPECT_FALSE(Passes());
  settings.http_filters = "- {name: degradation, typed_config: " + Rules(Errors("threshold: 0.4")) + "}\n";
  world_->UpdateListener(settings);
  client_ = world_->Connect();
  EXPECT_TRUE(Passes());
}

TEST(DegradationConfigTest, WhatCanNotBe) {
  const auto errors = [](const std::string& rule) {
    std::string all;
    for (const config::ConfigError& error : Load({.http_filters = "{name: d, typed_config: " + Rules(rule) + "}"}).errors) {
      all += config::ErrorText("", error) + "\n";
    }
    return all;
  };
  const auto expect = [&](const std::string& rule, const std::string& text) {
    const std::string said = errors(rule);
    EXPECT_NE(said.find(text), std::string::npos) << rule << "\n" << said;
  };
  EXPECT_EQ(errors(Errors()), "");
  expect("{name: a, grade: ERROR_RATIO, open_for: 1s}", "threshold");
  expect("{name: a, grade: ERROR_RATIO, threshold: 0.5}", "open_for");
  expect("{name: a, grade: ERROR_RATIO, threshold: 1.5, open_for: 1s}", "1.5, expected more than 0 and at most 1");
  expect("{name: a, grade: ERROR_COUNT, threshold: 0.5, open_for: 1s}", "0.5, expected at least 1");
  expect("{name: a, threshold: 0.5, open_for: 1s}", "expected one for SLOW_CALL_RATIO");
  expect("{name: a, threshold: 0.5, open_for: 1s, slow_over: 1s, errors: 'true'}", "expected none for SLOW_CALL_RATIO");
  expect(Errors("max_breakers: 5"), "expected none without per: there is one");
  expect(Errors("per: [LANE, LANE]"), "LANE, expected each part once");
  expect(Errors("half_open_probes: 33"), "half_open_probes");
  expect(Errors("reject: {status: 200}"), "200, expected at least 400");
  expect(Errors("reject: {}, degrade: {cluster: app}"), "expected none beside reject");
  expect(Errors("degrade: {}"), "expected one of cluster and answer");
  expect(Errors("when: '1 + 1'"), "when");
  expect(Errors("", "a b"), "letters, digits");
  expect(Errors() + ", " + Errors(), "\"e\" is that of rules[0], expected another one");
}

}  // namespace
}  // namespace pillion::test
