#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/filters/limit_fixture.h"

namespace pillion::test {
namespace {

std::string PerRoute(const std::string& fields) {
  return "typed_per_filter_config: {limit: {\"@type\": type.googleapis.com/pillion.filters.http.limit.v1.LimitPerRoute, " + fields + "}}";
}

TEST_F(LimitTest, AWindowAndThenABucket) {
  Start(Rules("{name: both, window: {limit: 4, length: 10s}, bucket: {rate: 1, per: 1s, burst: 3}}"));
  EXPECT_EQ(Passing(4), 3);  // the bucket
  world_->Wait(1000);
  EXPECT_EQ(Passing(2), 1);
  world_->Wait(1000);
  EXPECT_EQ(Passing(2), 0);  // there is a token, but the window is full
  EXPECT_EQ(Count("both.admitted"), 4);
  EXPECT_EQ(Count("both.refused_by_bucket"), 1);
  EXPECT_EQ(Count("both.refused_by_window"), 3);
  EXPECT_EQ(Count("both.rejected"), 4);
}

TEST_F(LimitTest, SaysWhatItWas) {
  Start(Rules(Window(1, std::string(kTenant))));
  EXPECT_TRUE(Passes("x-tenant: acme\r\n"));
  world_->TakeLog();
  const std::string answer = Get("x-tenant: acme\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nrate limit w: window of 1 in 60s, 0 left, cost 1; key: tenant; retry after 62s")) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 62\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nratelimit-policy: \"w\";q=1;w=60\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nratelimit: \"w\";r=0;t=62\r\n"), std::string::npos) << answer;
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("GET /direct HTTP/1.1 429 RL limit_rejected[w:window] ")) << log[0];
}

TEST_F(LimitTest, TellsValuesOnlyWhenAsked) {
  Start(Rules(Bucket(1, std::string(kTenant)), "show_key_values: true"));
  Passes("x-tenant: a\"c\r\n");
  const std::string answer = Get("x-tenant: a\"c\r\n");
  EXPECT_NE(answer.find("bucket of 1, 1 per 1s, 0 left, cost 1; key: tenant=\"a\\\"c\"; retry after 1s"), std::string::npos) << answer;
}

TEST_F(LimitTest, EachValueHasItsOwn) {
  Start(Rules(Window(2, "key: [{name: tenant, value: \"request.headers['x-tenant']\"}, {name: path, value: request.url_path}]")));
  EXPECT_EQ(Passing(3, "x-tenant: a\r\n"), 2);
  EXPECT_EQ(Passing(3, "x-tenant: b\r\n"), 2);
  EXPECT_EQ(Passing(3), 3);  // has no key
  EXPECT_EQ(Count("w.no_key"), 3);
  EXPECT_EQ(Count("w.keys"), 2);
}

TEST_F(LimitTest, WhatHasNoValueMayHaveOneAllTheSame) {
  Start(Rules(Window(1, "max_keys: 10, key: [{name: t, value: \"request.headers['x-tenant']\", otherwise: none}]")));
  EXPECT_EQ(Passing(2), 1);
  EXPECT_EQ(Passing(2, "x-tenant: none\r\n"), 0);
  EXPECT_EQ(Passing(2, "x-tenant: a\r\n"), 1);
}

// A flood of keys resets none: who comes when there is no room shares with others.
TEST_F(LimitTest, KeysBeyondTheMostShare) {
  Start(Rules(Window(1, "max_keys: 2, " + std::string(kTenant))));
  EXPECT_EQ(Passing(2, "x-tenant: a\r\n"), 1);
  int passing = 0;
  for (int i = 0; i < 100; ++i) passing += Passes("x-tenant: t" + std::to_string(i) + "\r\n");
  EXPECT_EQ(passing, 2);  // one more has room, and one is that of all others
  EXPECT_EQ(Passing(2, "x-tenant: a\r\n"), 0);
  EXPECT_EQ(Count("w.keys"), 2);
  EXPECT_EQ(Count("w.shared"), 99);
}

TEST_F(LimitTest, AppliesWhereItsConditionHolds) {
  Start(Rules(Window(1, "when: \"request.headers['x-plan'] == 'free'\"")));
  EXPECT_EQ(Passing(3), 3);
  EXPECT_EQ(Passing(3, "x-plan: gold\r\n"), 3);
  EXPECT_EQ(Passing(3, "x-plan: free\r\n"), 1);
}

TEST_F(LimitTest, OneForAllWorkersAndAllListenersOfThatName) {
  Start(Rules(Window(3)), {.workers = 2});
  EXPECT_TRUE(Passes("", "/direct", 0));
  EXPECT_TRUE(Passes("", "/direct", 1));
  EXPECT_TRUE(Passes("", "/direct", 1));
  EXPECT_FALSE(Passes("", "/direct", 0));
  EXPECT_FALSE(Passes("", "/direct", 1));
}

// A listener that is pushed again finds its rules as they were; a rule with other figures begins anew.
TEST_F(LimitTest, SurvivesAPush) {
  ProxySettings settings;
  Start(Rules(Window(2)), settings);
  EXPECT_EQ(Passing(2), 2);
  settings.http_filters = "- {name: limit, typed_config: " + Rules(Bucket(9) + ", " + Window(2)) + "}\n";
  world_->UpdateListener(settings);
  clients_[0] = world_->Connect();
  EXPECT_EQ(Passing(2), 0);
  settings.http_filters = "- {name: limit, typed_config: " + Rules(Window(3)) + "}\n";
  world_->UpdateListener(settings);
  clients_[0] = world_->Connect();
  EXPECT_EQ(Passing(4), 3);
}

TEST_F(LimitTest, AllHaveToAdmitAndNoneIsChargedForARefusal) {
  Start(Rules(Window(4, "", "all") + ", " + Window(2, std::string(kTenant), "each")));
  EXPECT_EQ(Passing(9, "x-tenant: a\r\n"), 2);
  EXPECT_EQ(Passing(9, "x-tenant: b\r\n"), 2);
  EXPECT_EQ(Passing(9, "x-tenant: c\r\n"), 0);
  EXPECT_EQ(Count("each.rejected"), 7);
  EXPECT_EQ(Count("all.given_back"), 7);
  EXPECT_EQ(Count("all.rejected"), 16);
}

TEST_F(LimitTest, OrTheFirstThatAppliesDecides) {
  const std::string gold = "when: \"request.headers['x-plan'] == 'gold'\"";
  Start(Rules(Window(3, gold, "gold") + ", " + Window(1, "", "others"), "match: FIRST"));
  EXPECT_EQ(Passing(5, "x-plan: gold\r\n"), 3);
  EXPECT_EQ(Passing(5), 1);
}

TEST_F(LimitTest, ADryRunDecidesNothing) {
  Start(Rules(Window(1, "dry_run: true", "dry") + ", " + Window(3, "", "real"), "match: FIRST, fields: ALWAYS"));
  EXPECT_EQ(Passing(2), 2);
  EXPECT_EQ(Count("dry.dry_run"), 1);
  EXPECT_EQ(Get().find("\"dry\""), std::string::npos);
  EXPECT_EQ(Passing(1), 0);
  EXPECT_EQ(Count("dry.rejected"), 0);
}

TEST_F(LimitTest, FiguresInAllAnswersOrInNone) {
  Start(Rules(Window(5, "", "a") + ", " + Bucket(3), "fields: ALWAYS"));
  const std::string answer = Get();
  EXPECT_NE(answer.find("\r\nratelimit-policy: \"a\";q=5;w=60\r\nratelimit: \"a\";r=4;t=62\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nratelimit-policy: \"b\";q=3;w=3\r\nratelimit: \"b\";r=2;t=1\r\n"), std::string::npos) << answer;
  Start(Rules(Window(1), "fields: NEVER"));
  EXPECT_EQ(Get().find("ratelimit"), std::string::npos);
  const std::string refused = Get();
  EXPECT_EQ(refused.find("ratelimit"), std::string::npos);
  EXPECT_NE(refused.find("\r\nretry-after: "), std::string::npos);
}

TEST_F(LimitTest, CostsWhatAnExpressionSays) {
  Start(Rules(Bucket(10, "cost: \"int(request.headers['x-cost'])\"")));
  EXPECT_TRUE(Passes("x-cost: 7\r\n"));
  EXPECT_FALSE(Passes("x-cost: 4\r\n"));
  EXPECT_TRUE(Passes("x-cost: 2\r\n"));
  EXPECT_TRUE(Passes("x-cost: -5\r\n"));  // gives nothing back
  EXPECT_FALSE(Passes("x-cost: many\r\n"));
  EXPECT_TRUE(Passes("x-cost: 0\r\n"));
  const std::string answer = Get("x-cost: 11\r\n");
  EXPECT_NE(answer.find("0 left, cost 11; never admitted"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("retry-after"), std::string::npos) << answer;
}

TEST_F(LimitTest, CostsTheBytesOfItsBodies) {
  Start(Rules(Bucket(100, "cost_of: RESPONSE_BYTES", "down") + ", " + Bucket(50, "cost_of: REQUEST_BYTES", "up"), "fields: ALWAYS"));
  clients_[0]->Send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 20\r\n\r\n" + std::string(20, 'a'));
  world_->Run();
  Answer(std::string(150, 'b'));
  clients_[0]->Take();
  const std::string answer = Get("", "/x");
  EXPECT_NE(answer.find("rate limit down: bucket of 100, 1 per 1s, 0 left, cost 1; retry after 51s"), std::string::npos) << answer;
  EXPECT_NE(answer.find("ratelimit-policy: \"down\";q=100;qu=\"content-bytes\";w=100\r\n"), std::string::npos) << answer;
  world_->Wait(51'000);
  Get("", "/x");
  Answer();
  EXPECT_NE(clients_[0]->Take().find("ratelimit: \"up\";r=49;t=1"), std::string::npos);
}

TEST_F(LimitTest, AnswersAsItIsTold) {
  Start(Rules(Window(1, "reject: {status: 503, body: later, headers_to_add: [{header: {key: x-limited, value: '%REQ(x-a)%'}}]}")));
  Get();
  const std::string answer = Get("x-a: v\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nlater")) << answer;
  EXPECT_NE(answer.find("\r\nx-limited: v\r\n"), std::string::npos) << answer;
}

TEST_F(LimitTest, AnswersAGrpcCallInItsOwnWords) {
  const std::string grpc = "content-type: application/grpc\r\n";
  Start(Rules(Window(1)));
  Get(grpc);
  const std::string answer = Get(grpc);
  EXPECT_NE(answer.find("\r\ngrpc-status: 8\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\ngrpc-message: rate limit w: window of 1 in 60s, 0 left"), std::string::npos) << answer;
  Start(Rules(Window(1, "reject: {grpc_status: 14}", "other")));
  Get(grpc);
  EXPECT_NE(Get(grpc).find("\r\ngrpc-status: 14\r\n"), std::string::npos);
}

TEST_F(LimitTest, DegradesToAnAnswer) {
  Start(Rules(Window(1, "degrade: {answer: {body: from the cache, headers_to_add: [{header: {key: x-stale, value: 'yes'}}]}}")));
  EXPECT_TRUE(Get().ends_with("direct"));
  world_->TakeLog();
  const std::string answer = Get();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nfrom the cache")) << answer;
  EXPECT_NE(answer.find("\r\nx-stale: yes\r\n"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("retry-after"), std::string::npos) << answer;
  EXPECT_EQ(Count("w.degraded"), 1);
  EXPECT_TRUE(world_->TakeLog()[0].starts_with("GET /direct HTTP/1.1 200 RL limit_degraded[w:window] "));
}

TEST_F(LimitTest, DegradesToAnotherCluster) {
  const std::string spare = "degrade: {cluster: app, request_headers_to_add: [{header: {key: x-spare, value: 'yes'}}]}";
  const std::string route = "- {match: {path: /main}, route: {weighted_clusters: {clusters: [{name: app, weight: 1, "
                            "request_headers_to_add: [{header: {key: x-choice, value: 'yes'}}]}]}}}";
  Start(Rules(Window(1, spare)), {.first_routes = route});
  Get("", "/main");
  const std::string first = world_->upstream().peer(0).Take();
  EXPECT_NE(first.find("\r\nx-choice: yes\r\n"), std::string::npos) << first;
  EXPECT_EQ(first.find("x-spare"), std::string::npos) << first;
  Answer();
  clients_[0]->Take();
  Get("", "/main");
  const std::string second = world_->upstream().peer(0).Take();
  EXPECT_NE(second.find("\r\nx-spare: yes\r\n"), std::string::npos) << second;
  EXPECT_EQ(second.find("x-choice"), std::string::npos) << second;  // that of the choice no more
  Answer();
  EXPECT_TRUE(clients_[0]->Take().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(Count("w.degraded"), 1);
}

TEST_F(LimitTest, ARouteHasRulesOfItsOwn) {
  const auto route = [](const std::string& path, const std::string& fields) {
    return "- {match: {path: " + path + "}, direct_response: {status: 200}, " + PerRoute(fields) + "}\n";
  };
  const std::string others = "rules: [" + Window(2, "", "instead") + "]";
  Start(Rules(Window(3, "", "filter")),
        {.first_routes = route("/off", "disabled: true") + route("/own", "limit: {" + others + "}") +
                         route("/more", "more_rules: [" + Window(1, "", "more") + "]")});
  EXPECT_EQ(Passing(9, "", "/off"), 9);
  EXPECT_EQ(Passing(9, "", "/own"), 2);
  EXPECT_EQ(Passing(9, "", "/more"), 1);
  EXPECT_EQ(Count("more.rejected"), 8);
  EXPECT_EQ(Passing(9), 2);
}

TEST_F(LimitTest, NotesForTheLog) {
  Start(Rules(Window(1, std::string(kTenant), "a") + ", " + Window(5, "", "z"), "show_key_values: true"),
        {.filter_log = "%DYNAMIC_METADATA(pillion.limit)%\n"});
  Get("x-tenant: t\r\n");
  Get("x-tenant: t\r\n");
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0], R"({"rule":"z","outcome":"admitted","dry_run":false,"cost":1,"limit":5,"remaining":4,"rules":{"a":"admitted","z":"admitted"}} )");
  EXPECT_EQ(log[1], R"({"rule":"a","outcome":"rejected","dry_run":false,"cost":1,"limit":1,"remaining":0,"stage":"window",)"
                    R"("retry_after_ms":61250,"key":"tenant=\"t\"","rules":{"a":"rejected"}} )");
}

// The messages of what is refused.
std::string Refused(const std::string& message, const std::string& route = "") {
  return test::Refused({.http_filters = "{name: limit, typed_config: " + message + "}", .of_route = route});
}

TEST(LimitConfig, WhatCanNotBe) {
  EXPECT_EQ(Refused(Rules(Window(1))), "");
  const std::pair<std::string, std::string> kWrong[] = {
      {Rules("{name: a}"), "rules[0]: expected a window, a bucket, or both"},
      {Rules(Window(0)), "rules[0].window.limit: 0, expected at least 1"},
      {Rules("{name: a, window: {limit: 1, length: 0.000000001s}}"), "rules[0].window: limit 1, length 1 ns: expected a length of 16 ns"},
      {Rules("{name: a, bucket: {rate: 1, burst: 0}}"), "rules[0].bucket: rate 1, burst 0: expected a burst of 1 to"},
      {Rules("{name: a b, window: {limit: 1, length: 1s}}"), "rules[0].name: \"a b\", expected at most 64 letters"},
      {Rules(Window(1) + ", " + Window(2)), "rules[1].name: \"w\" is that of rules[0], expected another one"},
      {Rules(Window(1, "when: request.path")), "rules[0].when: column 9: it gives string, expected bool"},
      {Rules(Window(1, "when: request.nothing")), "rules[0].when: column 9: "},
      {Rules(Window(1, "cost: request.path")), "rules[0].cost: column 1: it gives string, expected a number"},
      {Rules(Window(1, "cost: '2', cost_of: REQUEST_BYTES")), "rules[0].cost_of: expected REQUESTS beside cost"},
      {Rules(Window(1, "key: [{name: k, value: \"'a' +\"}]")), "rules[0].key[0].value: column 6: "},
      {Rules(Window(1, "key: [{name: k, value: request.headers}]")),
       "rules[0].key[0].value: column 1: it gives map(string, string), expected what can be written as a text"},
      {Rules(Window(1, "key: [{name: k}]")), "rules[0].key[0].value: missing, but required"},
      {Rules(Window(1, "max_keys: 5")), "rules[0].max_keys: expected none without key"},
      {Rules(Window(1, "reject: {status: 200}")), "rules[0].reject.status: 200, expected at least 400"},
      {Rules(Window(1, "degrade: {}")), "rules[0].degrade: expected one of cluster and answer"},
      {Rules(Window(1, "degrade: {cluster: nowhere}")), "rules[0].degrade.cluster: unknown cluster 'nowhere'"},
      {Rules(Window(1, "dry_run: true, queue: {}")), "rules[0].queue: expected none beside dry_run"},
      {Rules(Window(1, "queue: {most: 0}")), "rules[0].queue.most: 0, expected at least 1 and at most 10000"},
      {Rules(Window(1, "queue: {priority: request.path}")), "rules[0].queue.priority: column 1: it gives string"},
      {Rules(Window(1, "queue: {fair_by: [{name: a, value: request.path}]}, " + std::string(kTenant))),
       "rules[0].queue.fair_by: expected none beside key"},
      {Rules(Window(1, "reject: {}, degrade: {answer: {}}")), "rules[0].degrade: expected none beside reject"},
      {Rules(Window(1, "degrade: {answer: {}, request_headers_to_add: [{header: {key: a, value: b}}]}")),
       "rules[0].degrade.request_headers_to_add: expected none beside an answer"},
  };
  for (const auto& [message, error] : kWrong) EXPECT_NE(Refused(message).find(error), std::string::npos) << Refused(message);
  const std::string both = PerRoute("disabled: true, more_rules: [" + Window(1) + "]");
  EXPECT_NE(Refused(Message("rules: []"), both).find("disabled: expected no limit and no more_rules beside it"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test
