#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kType = "\"@type\": type.googleapis.com/pillion.filters.http.limit.v1.Limit";
constexpr const char* kContext =
    "- {name: context, typed_config: {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, "
    "direction: OUTBOUND}}\n";
constexpr std::string_view kTenant = "key: [{name: tenant, value: \"request.headers['x-tenant']\"}]";

std::string Message(const std::string& fields) { return "{" + std::string(kType) + ", " + fields + "}"; }
std::string Rules(const std::string& rules, const std::string& more = "") {
  return Message("rules: [" + rules + "]" + (more.empty() ? "" : ", " + more));
}
// Of a name that no other test has: rules of one name share their state.
std::string Window(int limit, const std::string& fields = "", const std::string& name = "w") {
  return "{name: " + name + ", window: {limit: " + std::to_string(limit) + ", length: 60s}" + (fields.empty() ? "" : ", " + fields) + "}";
}
std::string Bucket(int burst, const std::string& fields = "", const std::string& name = "b") {
  return "{name: " + name + ", bucket: {rate: 1, burst: " + std::to_string(burst) + "}" + (fields.empty() ? "" : ", " + fields) + "}";
}
std::string PerRoute(const std::string& fields) {
  return "typed_per_filter_config: {limit: {\"@type\": type.googleapis.com/pillion.filters.http.limit.v1.LimitPerRoute, " + fields + "}}";
}

class LimitTest : public testing::Test {
 protected:
  void Start(const std::string& message, ProxySettings settings = {}) {
    clients_.clear();
    world_.reset();
    settings.http_filters += "- {name: limit, typed_config: " + message + "}\n";
    world_ = std::make_unique<ProxyWorld>(settings);
    for (uint32_t i = 0; i < settings.workers; ++i) clients_.push_back(world_->Connect());
  }
  void TearDown() override { clients_.clear(); }

  // "/direct" is answered without an upstream.
  std::string Get(const std::string& fields = "", const std::string& path = "/direct", size_t client = 0) {
    clients_[client]->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    return clients_[client]->Take();
  }
  bool Passes(const std::string& fields = "", const std::string& path = "/direct", size_t client = 0) {
    const std::string answer = Get(fields, path, client);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 429 ")) << answer;
    return answer.starts_with("HTTP/1.1 200 ");
  }
  int Passing(int requests, const std::string& fields = "", const std::string& path = "/direct") {
    int passing = 0;
    for (int i = 0; i < requests; ++i) passing += Passes(fields, path);
    return passing;
  }
  void Answer(const std::string& body = "", uint32_t peer = 0) {
    world_->upstream().peer(peer).Send("HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    world_->Run();
  }
  int64_t Count(const std::string& name) { return world_->stat("http.in.limit." + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::vector<std::unique_ptr<Peer>> clients_;
};

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

// Requests of several clients, of which some wait.
class QueueTest : public LimitTest {
 protected:
  void Send(size_t client, const std::string& fields = "") {
    clients_[client]->Send("GET /direct HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
  }
  // The number of the answer's status; 0: it waits.
  int Status(size_t client) {
    const std::string answer = clients_[client]->Take();
    return answer.empty() ? 0 : std::stoi(answer.substr(9, 3));
  }
  std::vector<int> Statuses() {
    std::vector<int> all;
    for (size_t i = 0; i < clients_.size(); ++i) all.push_back(Status(i));
    return all;
  }
  // One a second.
  static std::string Queue(const std::string& fields, const std::string& rule = "", const std::string& name = "q") {
    return Bucket(1, "queue: {" + fields + "}" + (rule.empty() ? "" : ", " + rule), name);
  }
};

TEST_F(QueueTest, WaitsForItsTurnOverAllWorkers) {
  Start(Rules(Queue("longest_wait: 10s")), {.workers = 3});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0}));
  EXPECT_EQ(Count("q.queue_waiting"), 2);
  world_->Wait(999);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 0}));
  world_->Wait(1);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 200, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200}));
  EXPECT_EQ(Count("q.queued"), 2);
  EXPECT_EQ(Count("q.queue_granted"), 2);
  EXPECT_EQ(Count("q.admitted"), 3);
  EXPECT_EQ(Count("q.queue_waiting"), 0);
}

TEST_F(QueueTest, NoLongerThanItMay) {
  const std::string by_field = ", priority: \"int(request.headers['x-priority'])\"";
  Start(Rules(Window(9, "", "first") + ", " + Queue("longest_wait: 1.5s" + by_field)), {.workers = 3});
  Send(0);
  Send(1, "x-priority: 1\r\n");
  world_->Wait(500);
  Send(2, "x-priority: 0\r\n");  // takes his turn
  world_->Wait(999);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 200}));
  world_->TakeLog();
  world_->Wait(1);
  const std::string answer = clients_[1]->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_NE(answer.find("; it has waited as long as it may; retry after 1s"), std::string::npos) << answer;
  EXPECT_TRUE(world_->TakeLog()[0].starts_with("GET /direct HTTP/1.1 429 RL limit_rejected[q:bucket:queue_timed_out] "));
  EXPECT_EQ(Count("q.queue_timed_out"), 1);
  EXPECT_EQ(Count("first.given_back"), 1);
}

TEST_F(QueueTest, AtOnceWhereTheWaitWouldBeTooLong) {
  Start(Rules(Queue("longest_wait: 0.9s")));
  EXPECT_TRUE(Passes());
  const std::string answer = Get();
  EXPECT_NE(answer.find("; it may not wait so long; retry after 1s"), std::string::npos) << answer;
  EXPECT_EQ(Count("q.queue_too_late"), 1);
  EXPECT_EQ(Count("q.queued"), 0);
}

// Also where others wait before: not in a second, where the limit knows that it is too early.
TEST_F(QueueTest, SaysWhenTheLimitHasSomethingAgain) {
  Start(Rules("{name: q, bucket: {rate: 1, per: 6s}, queue: {most: 1, longest_wait: 9s}}"), {.workers = 4});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 429, 0}));
  world_->Wait(4000);
  Send(3);
  const std::string full = clients_[3]->Take();
  EXPECT_NE(full.find("; the queue is full; retry after 2s"), std::string::npos) << full;
  EXPECT_NE(full.find("\r\nretry-after: 2\r\n"), std::string::npos) << full;
}

// Whoever waits before.
TEST_F(QueueTest, AtOnceWhereTheLimitHasNothingUntilTheDeadline) {
  ProxySettings settings{.workers = 4};
  settings.http_filters = kContext;
  Start(Rules("{name: q, bucket: {rate: 1, per: 6s}, queue: {longest_wait: 9s}}"), settings);
  Send(0);
  Send(1);
  Send(2, "x-timeout-ms: 5900\r\n");
  Send(3, "x-timeout-ms: 6100\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 429, 429}));  // and the last one is behind who waits
  EXPECT_EQ(Count("q.queue_too_late"), 2);
}

// Each counts on what those before him take.
TEST_F(QueueTest, AtOnceWhereThoseBeforeTakeWhatThereWillBe) {
  Start(Rules(Queue("longest_wait: 2.5s")), {.workers = 4});
  for (size_t client = 0; client < 4; ++client) Send(client);
  EXPECT_EQ(Status(0), 200);
  EXPECT_EQ(Status(1), 0);
  EXPECT_EQ(Status(2), 0);
  const std::string answer = clients_[3]->Take();
  EXPECT_NE(answer.find("; it may not wait so long; retry after 3s"), std::string::npos) << answer;
  world_->Wait(1000);
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 200, 200, 0}));
  EXPECT_EQ(Count("q.queue_too_late"), 1);
  EXPECT_EQ(Count("q.queue_granted"), 2);
}

// A token has come in part: that of a long period is worth a long time.
TEST_F(QueueTest, AtOnceBehindOthersWhateverThePeriod) {
  Start(Rules("{name: q, bucket: {rate: 1, per: 100s}, queue: {longest_wait: 150s}}"), {.workers = 4});
  Send(0);
  world_->Wait(40000);
  Send(1);  // in 60 s
  Send(2);  // in 160 s
  EXPECT_EQ(Status(1), 0);
  const std::string answer = clients_[2]->Take();
  EXPECT_NE(answer.find("; it may not wait so long; retry after 160s"), std::string::npos) << answer;
  world_->Wait(11000);
  Send(3);  // in 149 s
  EXPECT_EQ(Status(3), 0);
  world_->Wait(49000);
  EXPECT_EQ(Status(1), 200);
  world_->Wait(100000);
  EXPECT_EQ(Status(3), 200);
}

TEST_F(QueueTest, AtOnceWhereTheWindowWillBeOthers) {
  Start(Rules("{name: q, window: {limit: 2, length: 10s}, queue: {longest_wait: 15s}}"), {.workers = 4});
  clients_.push_back(world_->Connect());
  for (size_t client = 0; client < 5; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 200, 0, 0, 429}));  // the next two are in twenty seconds
}

// Who may have to go before his turn is nobody to be behind.
TEST_F(QueueTest, NotAtOnceWhereThoseBeforeMayBeGone) {
  ProxySettings settings{.workers = 4};
  settings.http_filters = kContext;
  const std::string by_field = "priority: \"int(request.headers['x-priority'])\"";
  Start(Rules(Queue("longest_wait: 2.5s, " + by_field)), settings);
  Send(0);
  Send(1, "x-priority: 1\r\nx-timeout-ms: 1200\r\n");
  Send(2, "x-priority: 0\r\n");  // and the other one has no turn in time any more
  Send(3, "x-priority: 1\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0, 0}));
  world_->Wait(1000);
  world_->Wait(1000);
  EXPECT_EQ(Status(2), 200);
  EXPECT_EQ(Status(3), 200);
  EXPECT_EQ(Count("q.queue_too_late"), 0);
}

TEST_F(QueueTest, WithinTheDeadlineOfTheRequest) {
  ProxySettings settings{.workers = 3};
  settings.http_filters = kContext;
  Start(Rules(Queue("longest_wait: 10s")), settings);
  Send(0);
  Send(1, "x-timeout-ms: 900\r\n");
  Send(2, "x-timeout-ms: 1100\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 429, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200}));
}

TEST_F(QueueTest, AsManyAsThereIsRoomFor) {
  Start(Rules(Queue("most: 1, longest_wait: 10s")), {.workers = 3});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Status(1), 0);
  const std::string answer = clients_[2]->Take();
  EXPECT_NE(answer.find("; the queue is full; "), std::string::npos) << answer;
  EXPECT_EQ(Count("q.queue_full"), 1);
}

TEST_F(QueueTest, TheUrgentFirstAndInThePlaceOfOthers) {
  const std::string by_field = "priority: \"int(request.headers['x-priority'])\"";
  Start(Rules(Queue("most: 2, longest_wait: 10s, " + by_field)), {.workers = 4});
  Send(0);
  Send(1, "x-priority: 2\r\n");
  Send(2, "x-priority: 1\r\n");
  Send(3, "x-priority: 0\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 429, 0, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 0, 200}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200, 0}));
  EXPECT_EQ(Count("q.queue_full"), 1);
}

TEST_F(QueueTest, FairBetweenThoseWhoShareALimit) {
  Start(Rules(Queue("longest_wait: 10s, fair_by: [{name: tenant, value: \"request.headers['x-tenant']\"}]")), {.workers = 2});
  for (int i = 0; i < 3; ++i) clients_.push_back(world_->Connect());
  Send(0);
  Send(1, "x-tenant: a\r\n");
  Send(2, "x-tenant: a\r\n");
  Send(3, "x-tenant: a\r\n");
  Send(4, "x-tenant: b\r\n");
  EXPECT_EQ(Status(0), 200);
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 200, 0, 0, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 0, 0, 200}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200, 0, 0}));
}

TEST_F(QueueTest, AKeyWaitsForItsOwnAlone) {
  Start(Rules(Queue("longest_wait: 10s", std::string(kTenant))), {.workers = 3});
  Send(0, "x-tenant: a\r\n");
  Send(1, "x-tenant: a\r\n");
  Send(2, "x-tenant: b\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 200}));
}

// Its place is another's at once, and what it was charged for is given back.
TEST_F(QueueTest, WhoGoesAwayWaitsNoMore) {
  Start(Rules(Window(9, "", "first") + ", " + Bucket(5, "cost: \"int(request.headers['x-cost'])\", queue: {longest_wait: 10s}", "q")),
        {.workers = 3});
  Send(0, "x-cost: 5\r\n");
  Send(1, "x-cost: 5\r\n");
  Send(2, "x-cost: 1\r\n");
  world_->Wait(1500);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0}));  // who came first costs more
  world_->TakeLog();
  clients_[1]->Reset();
  world_->Run();
  EXPECT_EQ(Status(2), 200);
  EXPECT_EQ(Count("q.queue_left"), 1);
  EXPECT_EQ(Count("q.queue_waiting"), 0);
  EXPECT_EQ(Count("first.given_back"), 1);
  EXPECT_EQ(world_->TakeLog().size(), 2u);
}

// Granted and gone in one turn: what is posted finds nobody.
TEST_F(QueueTest, WhoIsGrantedAndGoneGivesItBack) {
  Start(Rules(Queue("longest_wait: 10s")), {.workers = 3});
  Send(0);
  Send(1);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0}));
  clients_[1]->Reset();  // is read in the turn in which the timer fires
  world_->Wait(1000);
  Send(2);
  EXPECT_EQ(Status(2), 200);
}

TEST_F(QueueTest, GoesOnWhereItsListenerIsReplaced) {
  ProxySettings settings{.workers = 2};
  Start(Rules(Queue("longest_wait: 10s")), settings);
  Send(0);
  Send(1);
  settings.http_filters = "- {name: limit, typed_config: " + Rules(Queue("longest_wait: 10s, most: 7")) + "}\n";
  world_->UpdateListener(settings);
  clients_.push_back(world_->Connect());
  clients_.push_back(world_->Connect());
  Send(2);
  world_->Wait(1000);
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 200, 200, 0}));
}

TEST_F(QueueTest, AndThenDegrades) {
  Start(Rules(Queue("most: 1, longest_wait: 10s", "degrade: {answer: {status: 203, body: cached}}")), {.workers = 3});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 203}));
}

// Of a route that forwards; and the rules behind are asked when it has waited.
TEST_F(QueueTest, WithABody) {
  Start(Rules(Queue("longest_wait: 10s") + ", " + Window(2, "", "last")), {.workers = 3});
  Send(0);
  for (const size_t client : {1u, 2u}) {
    clients_[client]->Send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
    world_->Run();
  }
  world_->Wait(1000);
  const std::string sent = world_->upstream().peer(0).Take();
  EXPECT_TRUE(sent.ends_with("\r\n\r\nbody")) << sent;
  Answer();
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 200, 429}));
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
