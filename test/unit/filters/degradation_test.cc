#include <gtest/gtest.h>

#include "source/filters/degradation/degradation.h"
#include "source/filters/degradation/transition_log.h"
#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kPackage = "\"@type\": type.googleapis.com/pillion.filters.http.degradation.v1.";

std::string Message(const std::string& fields) { return "{" + std::string(kPackage) + "Degradation, " + fields + "}"; }
std::string Rules(const std::string& rules, const std::string& more = "") {
  return Message("rules: [" + rules + "]" + (more.empty() ? "" : ", " + more));
}
// At half of the calls, of two; for 10 s.
std::string Errors(const std::string& fields = "", const std::string& name = "e") {
  std::string text = "{name: " + name + ", grade: ERROR_RATIO";
  for (const std::string field : {"threshold: 0.5", "minimum_requests: 2", "statistics_interval: 10s", "open_for: 10s"}) {
    if (fields.find(field.substr(0, field.find(':'))) == std::string::npos) text += ", " + field;
  }
  return text + (fields.empty() ? "" : ", " + fields) + "}";
}
std::string PerRoute(const std::string& fields) {
  return "typed_per_filter_config: {degradation: {" + std::string(kPackage) + "DegradationPerRoute, " + fields + "}}";
}
std::string Route(const std::string& path, const std::string& fields) {
  return "- {match: {path: " + path + "}, route: {cluster: app}, " + fields + "}\n";
}

// Has requests go to the lane that they name: x-lane: env=gray.
struct Painter final : filter::HttpFilterConfig {
  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext&) const override;
};

struct Painting final : filter::HttpFilter {
  filter::Step OnRequestHead(http::RequestHead& head, bool) override {
    const http::HeaderField* const field = head.headers.Find("x-lane");
    if (field == nullptr) return filter::Step::kContinue;
    const std::string_view text = field->value();
    const size_t equals = text.find('=');
    base::Arena& arena = stream().arena();
    auto* const label = arena.New<upstream::Label>(text.substr(0, equals), text.substr(equals + 1));
    stream().GoToLane(*arena.New<upstream::LaneWish>(std::span<const upstream::Label>(label, 1), false));
    return filter::Step::kContinue;
  }
};

struct PainterShard final : filter::HttpFilterShard {
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    return stream.arena().New<Painting>();
  }
};

std::unique_ptr<filter::HttpFilterShard> Painter::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<PainterShard>();
}

class DegradationTest : public testing::Test {
 protected:
  void Start(const std::string& message, ProxySettings settings = {}) {
    client_.reset();
    world_.reset();
    settings.http_filters += "- {name: degradation, typed_config: " + message + "}\n";
    if (settings.route.find("timeout") == std::string::npos) settings.route += "timeout: 0s";
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Ask(const std::string& path = "/", const std::string& fields = "", Peer* client = nullptr) {
    (client == nullptr ? *client_ : *client).Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
  }
  void Answer(int status, uint32_t peer = 0) {
    world_->upstream().peer(peer).Send("HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
  }
  // What a request is answered with, where upstream answers with that status after some time.
  std::string Get(int status, const std::string& path = "/", const std::string& fields = "", int64_t milliseconds = 0) {
    Ask(path, fields);
    if (client_->received().empty()) {
      if (milliseconds > 0) world_->Wait(milliseconds);
      Answer(status);
    }
    return client_->Take();
  }
  // 0: it was refused.
  int Status(int status, const std::string& path = "/", const std::string& fields = "", int64_t milliseconds = 0) {
    const std::string answer = Get(status, path, fields, milliseconds);
    return answer.find("degradation ") == std::string::npos ? std::stoi(answer.substr(9)) : 0;
  }
  bool Passes(const std::string& path = "/", const std::string& fields = "") { return Status(200, path, fields) == 200; }
  void Open() {
    Status(500);
    Status(500);
    ASSERT_EQ(Status(200), 0);
    world_->TakeLog();
  }
  int64_t Count(const std::string& name) { return world_->stat("http.in.degradation." + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(DegradationTest, OpensWhereCallsFail) {
  Start(Rules("{name: pay, grade: ERROR_RATIO, threshold: 0.6, minimum_requests: 5, statistics_interval: 10s, open_for: 60s}"));
  for (const int status : {200, 500, 503, 404}) EXPECT_EQ(Status(status), status);
  EXPECT_EQ(Status(502), 502);  // three of five
  world_->TakeLog();
  const std::string answer = Get(200);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 60\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\ndegradation pay: open, 3 of 5 calls were bad (error ratio 0.6 in 10s of at least 5 calls; "
                               "open for 60s, 1 probe); retry after 60s")) << answer;
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("GET / HTTP/1.1 503 UO degradation_refused[pay:open:3/5] ")) << log[0];
  EXPECT_EQ(Count("pay.passed"), 5);
  EXPECT_EQ(Count("pay.good"), 2);
  EXPECT_EQ(Count("pay.bad"), 3);
  EXPECT_EQ(Count("pay.refused"), 1);
  EXPECT_EQ(Count("pay.rejected"), 1);
  EXPECT_EQ(Count("pay.opened"), 1);
  EXPECT_EQ(Count("pay.breakers"), 1);
  EXPECT_EQ(Count("pay.breakers_open"), 1);
}

TEST_F(DegradationTest, ProbesThenCloses) {
  Start(Rules(Errors()));
  Open();
  world_->Wait(9'000);
  EXPECT_FALSE(Passes());
  world_->Wait(1'000);
  Ask();  // the probe
  const std::unique_ptr<Peer> other = world_->Connect();
  Ask("/", "", other.get());
  EXPECT_NE(other->Take().find("degradation e: half_open"), std::string::npos);
  Answer(500);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 500 "));
  EXPECT_FALSE(Passes());
  world_->Wait(10'000);
  EXPECT_TRUE(Passes());
  EXPECT_TRUE(Passes());
  EXPECT_EQ(Count("e.opened"), 2);
  EXPECT_EQ(Count("e.half_opened"), 2);
  EXPECT_EQ(Count("e.closed"), 1);
  EXPECT_EQ(Count("e.probes"), 2);
  EXPECT_EQ(Count("e.breakers_open"), 0);
}

TEST_F(DegradationTest, SeveralProbes) {
  Start(Rules(Errors("half_open_probes: 2")));
  Open();
  world_->Wait(10'000);
  std::unique_ptr<Peer> others[2] = {world_->Connect(), world_->Connect()};
  Ask();
  Ask("/", "", others[0].get());
  Ask("/", "", others[1].get());
  EXPECT_TRUE(others[0]->Take().empty());
  EXPECT_FALSE(others[1]->Take().empty());
  EXPECT_EQ(Count("e.probes"), 2);
  EXPECT_EQ(Count("e.breakers_half_open"), 1);
}

TEST_F(DegradationTest, AProbeWhoseClientLeavesFreesItsPlace) {
  Start(Rules(Errors()));
  Open();
  world_->Wait(10'000);
  std::unique_ptr<Peer> other = world_->Connect();
  Ask("/", "", other.get());
  EXPECT_FALSE(Passes());
  other->Reset();
  world_->Run();
  Ask();
  EXPECT_TRUE(client_->Take().empty());  // it is the next
  EXPECT_EQ(Count("e.unknown"), 1);
}

TEST_F(DegradationTest, RecoversWindowByWindow) {
  Start(Rules("{name: e, grade: ERROR_RATIO, threshold: 0.5, minimum_requests: 2, open_for: 3s, recovery_windows: 2}"));
  Open();
  world_->Wait(3'000);
  EXPECT_TRUE(Passes());
  EXPECT_EQ(Count("e.breakers_recovering"), 1);
  for (int window = 0; window < 2; ++window) {
    EXPECT_TRUE(Passes());
    world_->Wait(1'000);
  }
  EXPECT_TRUE(Passes());
  EXPECT_EQ(Count("e.closed"), 1);
  EXPECT_EQ(Count("e.breakers_recovering"), 0);
}

TEST_F(DegradationTest, SlowCallsOpenIt) {
  Start(Rules("{name: s, threshold: 0.5, slow_over: 0.3s, minimum_requests: 3, statistics_interval: 10s, open_for: 3s}"));
  EXPECT_EQ(Status(200, "/", "", 301), 200);
  EXPECT_EQ(Status(500, "/", "", 300), 500);  // quick enough
  EXPECT_EQ(Status(200, "/", "", 1000), 200);
  EXPECT_EQ(Status(200), 0);
  EXPECT_EQ(Count("s.bad"), 2);
  EXPECT_EQ(Count("s.good"), 1);
}

TEST_F(DegradationTest, WhoSendsSlowlyIsNotSlow) {
  Start(Rules("{name: s, threshold: 0.5, slow_over: 0.3s, minimum_requests: 1, open_for: 3s}"));
  client_->Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\na");
  world_->Wait(1000);
  client_->Send("b");
  world_->Wait(300);
  Answer(200);
  EXPECT_EQ(Count("s.good"), 1);
}

TEST_F(DegradationTest, WhoLeavesAfterThatTimeWasWaitingTooLong) {
  Start(Rules("{name: s, threshold: 0.5, slow_over: 0.3s, minimum_requests: 1, open_for: 3s}"));
  Ask();
  world_->Wait(301);
  client_->Reset();
  world_->Run();
  EXPECT_EQ(Count("s.bad"), 1);
  EXPECT_EQ(Count("s.opened"), 1);
}

TEST_F(DegradationTest, SlowOnesAreErrorsToo) {
  Start(Rules(Errors("slow_over: 3s")));
  EXPECT_EQ(Status(200, "/", "", 3001), 200);
  EXPECT_EQ(Status(200, "/", "", 3000), 200);
  EXPECT_EQ(Status(200), 0);
}

TEST_F(DegradationTest, OnlyTheLastIntervalCounts) {
  Start(Rules(Errors()));
  Status(500);
  world_->Wait(10'000);
  Status(500);
  EXPECT_TRUE(Passes());  // the first is forgotten; this makes one of two
  EXPECT_FALSE(Passes());
}

TEST_F(DegradationTest, WhatHasNoAnswerFailed) {
  Start(Rules(Errors()));
  for (uint32_t i = 0; i < 2; ++i) {
    Ask();
    world_->upstream().peer(i).Reset();
    world_->Run();
    EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 503 "));
  }
  EXPECT_EQ(Count("e.bad"), 2);
  EXPECT_FALSE(Passes());
}

TEST_F(DegradationTest, SoDidWhatTookTooLong) {
  Start(Rules(Errors()), {.route = "timeout: 1s"});
  for (int i = 0; i < 2; ++i) {
    Ask();
    world_->Wait(1000);
    EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 504 "));
  }
  EXPECT_EQ(Count("e.bad"), 2);
  EXPECT_FALSE(Passes());
}

TEST_F(DegradationTest, AnAnswerThatIsBrokenOffWasNone) {
  Start(Rules(Errors("threshold: 1")));
  for (uint32_t i = 0; i < 2; ++i) {
    client_ = world_->Connect();
    Ask();
    world_->upstream().peer(i).Send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
    world_->Run();
    EXPECT_EQ(Count("e.good"), int64_t{i} + 1);
    world_->upstream().peer(i).Reset();
    world_->Run();
    EXPECT_EQ(Count("e.broken_off"), int64_t{i} + 1);
  }
  client_ = world_->Connect();
  EXPECT_FALSE(Passes());
}

TEST_F(DegradationTest, ButNotOneWhoseClientLeaves) {
  Start(Rules(Errors()));
  Ask();
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
  world_->Run();
  client_->Reset();
  world_->Run();
  EXPECT_EQ(Count("e.good"), 1);
  EXPECT_EQ(Count("e.broken_off"), 0);
}

TEST_F(DegradationTest, WhatIsAnsweredHereIsNoCall) {
  Start(Rules(Errors()));
  EXPECT_TRUE(Get(0, "/direct").ends_with("direct"));
  EXPECT_EQ(Count("e.passed"), 0);
  // By a filter behind it.
  const std::string limit = "{\"@type\": type.googleapis.com/pillion.filters.http.limit.v1.Limit, rules: [{name: "
                            "behind_degradation, bucket: {rate: 1, burst: 1}, reject: {status: 503, body: limited}}]}";
  const config::Loaded loaded = Load({.http_filters = "{name: limit, typed_config: " + limit + "}"});
  ASSERT_NE(loaded.bootstrap, nullptr);
  const auto& manager = std::get<config::HttpConnectionManager>(loaded.bootstrap->listeners[0]->filter_chains[0].terminal);
  Start(Rules(Errors("", "before")), {.further_filters = {manager.http_filters[0]}});
  EXPECT_TRUE(Passes());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Get(0).ends_with("limited"));
  EXPECT_EQ(Count("before.unknown"), 3);
  EXPECT_EQ(Count("before.bad"), 0);
}

TEST_F(DegradationTest, LateAnswersDoNotCount) {
  Start(Rules(Errors()));
  std::unique_ptr<Peer> early = world_->Connect();
  Ask("/", "", early.get());
  for (int i = 0; i < 2; ++i) {
    Ask();
    Answer(500, 1);
    client_->Take();
  }
  world_->Wait(10'000);
  Ask();  // the probe
  Answer(500);  // of the first request
  EXPECT_TRUE(early->Take().starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(Count("e.late"), 1);
  EXPECT_EQ(Count("e.breakers_half_open"), 1);
  Answer(200, 1);
  EXPECT_EQ(Count("e.closed"), 1);
}

TEST_F(DegradationTest, ErrorsAreWhatAnExpressionSays) {
  Start(Rules(Errors("errors: \"response.code == 429 || response.headers['x-bad'] == 'yes'\"")));
  EXPECT_EQ(Status(500), 500);
  EXPECT_EQ(Status(429), 429);  // one of two
  EXPECT_EQ(Status(200), 0);
  EXPECT_EQ(Count("e.good"), 1);
  EXPECT_EQ(Count("e.bad"), 1);
}

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
  const config::Loaded loaded = Load({.http_filters = "{name: degradation, typed_config: " +
                                                      Rules(Errors("per: [ROUTE, CLUSTER, LANE]"), "fields: ALWAYS") + "}"});
  ASSERT_NE(loaded.bootstrap, nullptr);
  const auto& manager = std::get<config::HttpConnectionManager>(loaded.bootstrap->listeners[0]->filter_chains[0].terminal);
  world_ = std::make_unique<ProxyWorld>(
      ProxySettings{.first_routes = Route("/pay", "name: pay"),
                    .filter_log = "%DYNAMIC_METADATA(pillion.degradation:key)%",
                    .further_filters = {{"painter", std::make_shared<Painter>()}, manager.http_filters[0]}});
  client_ = world_->Connect();
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

TEST_F(DegradationTest, ADryRunDecidesNothing) {
  Start(Rules(Errors("dry_run: true")), {.filter_log = "%DYNAMIC_METADATA(pillion.degradation:outcome)%"});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Status(500), 500);
  EXPECT_EQ(Count("e.dry_run"), 2);
  EXPECT_EQ(Count("e.rejected"), 0);
  EXPECT_EQ(world_->TakeLog(), (std::vector<std::string>{"passed", "passed", "would_refuse", "would_refuse"}));
}

TEST_F(DegradationTest, AnswersAsItIsTold) {
  Start(Rules(Errors("reject: {status: 529, body: later, headers_to_add: [{header: {key: x-why, value: '%RESPONSE_CODE%'}}]}")));
  Status(500);
  Status(500);
  const std::string answer = Get(0);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 529 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nlater")) << answer;
  EXPECT_NE(answer.find("\r\nx-why: 529\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 10\r\n"), std::string::npos) << answer;
}

TEST_F(DegradationTest, AGrpcCallIsJudgedByItsStatus) {
  const std::string grpc = "content-type: application/grpc\r\n";
  Start(Rules(Errors()), {.cluster = R"(typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http_protocol_options: {enable_trailers: true}}
)"});
  // In the head; then behind the body.
  Ask("/", grpc);
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  EXPECT_EQ(Count("e.bad"), 1);
  client_->Take();
  Ask("/", grpc);
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n");
  world_->Run();
  EXPECT_EQ(Count("e.good") + Count("e.bad"), 1);  // nothing is known
  world_->upstream().peer(0).Send("0\r\ngrpc-status: 13\r\n\r\n");
  world_->Run();
  EXPECT_EQ(Count("e.bad"), 2);
  client_->Take();
  const std::string answer = Get(0, "/", grpc);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_NE(answer.find("\r\ngrpc-status: 14\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\ngrpc-message: degradation e: open, 2 of 2 calls were bad"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 10\r\n"), std::string::npos) << answer;
}

TEST_F(DegradationTest, ACallThatLastsIsAGoodProbe) {
  Start(Rules(Errors("statistics_interval: 2s")));
  Open();
  world_->Wait(10'000);
  Ask("/", "content-type: application/grpc\r\n");
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n");
  world_->Run();
  std::unique_ptr<Peer> other = world_->Connect();
  Ask("/", "", other.get());
  EXPECT_FALSE(other->Take().empty());  // refused
  world_->Wait(2'000);
  Ask("/", "", other.get());
  EXPECT_TRUE(other->Take().empty());
  EXPECT_EQ(Count("e.closed"), 1);
}

// What it gets from there counts for the rules behind.
TEST_F(DegradationTest, DegradesToAnotherCluster) {
  const std::string spare = "degrade: {cluster: app, request_headers_to_add: [{header: {key: x-spare, value: 'yes'}}]}";
  Start(Rules(Errors("minimum_requests: 100", "first") + ", " + Errors(spare, "second") + ", " +
              Errors("minimum_requests: 100", "third")));
  Status(500);
  Status(500);
  world_->upstream().peer(0).Take();
  EXPECT_EQ(Status(500), 500);
  EXPECT_NE(world_->upstream().peer(0).Take().find("\r\nx-spare: yes\r\n"), std::string::npos);
  EXPECT_EQ(Count("second.degraded"), 1);
  EXPECT_EQ(Count("second.bad"), 2);
  EXPECT_EQ(Count("first.bad"), 2);
  EXPECT_EQ(Count("first.unknown"), 1);
  EXPECT_EQ(Count("third.bad"), 3);
}

TEST_F(DegradationTest, DegradesToAnAnswer) {
  Start(Rules(Errors("degrade: {answer: {body: from the cache}}")));
  Status(500);
  Status(500);
  world_->TakeLog();
  const std::string answer = Get(0);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nfrom the cache")) << answer;
  EXPECT_EQ(answer.find("retry-after"), std::string::npos) << answer;
  EXPECT_NE(world_->TakeLog()[0].find(" UO degradation_degraded[e:open:2/2] "), std::string::npos);
}

TEST_F(DegradationTest, AProbeThatAnotherRuleRefusesFreesItsPlace) {
  Start(Rules(Errors("", "first") + ", " + Errors("open_for: 30s", "second")));
  Open();
  world_->Wait(10'000);
  for (int i = 0; i < 2; ++i) EXPECT_NE(Get(0).find("degradation second: open"), std::string::npos);
  EXPECT_EQ(Count("first.probes"), 2);
}

TEST_F(DegradationTest, FieldsOfAnswers) {
  Start(Rules(Errors(), "fields: ALWAYS"));
  EXPECT_NE(Get(500).find("\r\nx-pillion-degradation: e;state=closed\r\n"), std::string::npos);
  Get(500);
  EXPECT_NE(Get(0).find("\r\nx-pillion-degradation: e;state=open;t=10\r\n"), std::string::npos);
  Start(Rules(Errors("", "other"), "fields: REFUSED"));
  EXPECT_EQ(Get(500).find("x-pillion-degradation"), std::string::npos);
  Get(500);
  EXPECT_NE(Get(0).find("\r\nx-pillion-degradation: other;state=open;t=10\r\n"), std::string::npos);
  Start(Rules(Errors("", "none")));
  Open();
  EXPECT_EQ(Get(0).find("x-pillion-degradation"), std::string::npos);
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

TEST_F(DegradationTest, NotesForTheLog) {
  Start(Rules(Errors() + ", " + Errors("minimum_requests: 100", "z")),
        {.filter_log = "%DYNAMIC_METADATA(pillion.degradation)%"});
  Get(500);
  Get(500);
  Get(0);
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[0], R"({"rule":"z","state":"closed","outcome":"passed","dry_run":false,"rules":{"e":"closed","z":"closed"}})");
  EXPECT_EQ(log[2], R"({"rule":"e","state":"open","outcome":"rejected","dry_run":false,"calls":2,"bad":2,)"
                    R"("retry_after_ms":10000,"rules":{"e":"open"}})");
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

TEST_F(DegradationTest, IsExactOverAllWorkers) {
  Start(Rules(Errors()), {.workers = 2});
  const std::unique_ptr<Peer> second = world_->Connect();
  Ask();
  Ask("/", "", second.get());
  for (uint32_t peer = 0; peer < 2; ++peer) Answer(500, peer);
  client_->Take();
  second->Take();
  EXPECT_FALSE(Passes());
  Ask("/", "", second.get());
  EXPECT_NE(second->Take().find("degradation e: open, 2 of 2"), std::string::npos);
}

std::vector<std::string> lines;

TEST_F(DegradationTest, LinesOfTheLog) {
  constexpr filters::degradation_rules::TransitionLog kLog{
      .wants = [] { return true; }, .write = [](std::string_view line) { lines.emplace_back(line); }};
  static const auto log = kLog;
  lines.clear();
  filters::degradation_rules::SetTransitionLog(&log);
  Start(Rules(Errors("per: [CLUSTER]")));
  Status(500);
  Status(500);
  world_->Wait(10'000);
  EXPECT_TRUE(Passes());
  ASSERT_EQ(lines.size(), 3u);
  const std::string terms = " (error ratio 0.5 in 10s of at least 2 calls; open for 10s, 1 probe)";
  EXPECT_EQ(lines[0], "e (cluster=app): closed -> open: 2 of 2 calls were bad" + terms);
  EXPECT_EQ(lines[1], "e (cluster=app): open -> half_open" + terms);
  EXPECT_EQ(lines[2], "e (cluster=app): half_open -> closed: 0 of 1 calls were bad" + terms);
  // No more than so many in a second.
  lines.clear();
  const auto state = filters::degradation_rules::AllStates()[0];
  const base::MonotonicTime now = world_->worker().now() + std::chrono::seconds(5);
  for (int i = 0; i < 100; ++i) filters::degradation_rules::LogTransition(*state, "", {}, now);
  EXPECT_EQ(lines.size(), static_cast<size_t>(filters::degradation_rules::kMostLines));
  filters::degradation_rules::LogTransition(*state, "", {}, now + std::chrono::seconds(1));
  EXPECT_TRUE(lines.back().ends_with(" (and 80 others meanwhile)")) << lines.back();
  filters::degradation_rules::SetTransitionLog(nullptr);
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
