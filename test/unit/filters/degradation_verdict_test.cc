// Which calls are bad, and which are none.

#include "test/unit/filters/degradation_fixture.h"

namespace pillion::test {
namespace {

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

}  // namespace
}  // namespace pillion::test
