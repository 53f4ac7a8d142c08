// What is refused, ended or shortened as resources get short.

#include "source/overload/state.h"

#include <gtest/gtest.h>

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames
using config::OverloadEffect;
using config::ScaledTimeout;

constexpr char kDirect[] = "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n";
constexpr char kGet[] = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
constexpr char kOk[] = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

class OverloadTest : public Http2Test {
 protected:
  void SetUp() override {
    auto config = std::make_shared<config::Overload>();
    for (auto& floor : config->floors) floor = config::TimeoutFloor{.part = 0.5};
    state_ = std::make_unique<overload::State>(config);
  }
  void Limit(uint64_t connections) {
    auto config = std::make_shared<config::Overload>();
    config->resources.push_back({.name = "connections", .monitor = config::DownstreamConnections{connections}});
    state_ = std::make_unique<overload::State>(config);
  }
  void Set(OverloadEffect effect, double degree) { state_->set_degree(effect, degree); }
  ProxyWorld& World(ProxySettings settings = {}) {
    settings.overload = state_.get();
    return *(world_ = std::make_unique<ProxyWorld>(settings));
  }
  std::string Answer(Peer& client, std::string_view bytes) {
    client.Send(bytes);
    world_->Run();
    return client.Take();
  }
  std::string Answer(std::string_view bytes) { return Answer(*world_->Connect(), bytes); }
  static std::string Status(const std::string& answer) { return answer.substr(9, 3); }

  std::unique_ptr<overload::State> state_;
};

TEST_F(OverloadTest, StopsAcceptingRequests) {
  ProxyWorld& world = World();
  const auto client = world.Connect();
  EXPECT_EQ(Status(Answer(*client, kDirect)), "200");
  Set(OverloadEffect::kStopAcceptingRequests, 1);
  const std::string answer = Answer(*client, kDirect);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nenvoy overloaded")) << answer;
  EXPECT_EQ(answer.find("overloaded: true"), std::string::npos);
  EXPECT_EQ(answer.find("connection: close"), std::string::npos);
  Set(OverloadEffect::kStopAcceptingRequests, 0);
  EXPECT_EQ(Status(Answer(*client, kDirect)), "200");
  EXPECT_EQ(world.stat("http.in.downstream_rq_overload_close"), 1);
  EXPECT_EQ(world.TakeLog()[1], "GET /direct HTTP/1.1 503 OM overload 0 16 0");
}

TEST_F(OverloadTest, SaysSoWhereAsked) {
  World({.hcm = "append_local_overload: true"});
  Set(OverloadEffect::kStopAcceptingRequests, 1);
  EXPECT_NE(Answer(kDirect).find("\r\nx-envoy-local-overloaded: true\r\n"), std::string::npos);
}

TEST_F(OverloadTest, RefusesAPartOfTheRequests) {
  ProxyWorld& world = World();
  Set(OverloadEffect::kStopAcceptingRequests, 0.5);
  const auto client = world.Connect();
  int refused = 0;
  for (int i = 0; i < 400; ++i) refused += Status(Answer(*client, kDirect)) == "503";
  EXPECT_NEAR(refused, 200, 60);
  EXPECT_EQ(world.stat("http.in.downstream_rq_overload_close"), refused);
}

TEST_F(OverloadTest, RefusesRequestsWithBodies) {
  ProxyWorld& world = World();
  Set(OverloadEffect::kShedHeaders, 1);
  const auto client = world.Connect();
  const std::string post = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello";
  const std::string answer = Answer(*client, post + kDirect);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_EQ(state_->shed(OverloadEffect::kShedHeaders),
            static_cast<uint64_t>(world.stat("http.in.downstream_rq_overload_close")));
  EXPECT_EQ(world.upstream().size(), 0u);
}

TEST_F(OverloadTest, RefusesRequestsOfGrpcAndHttp2) {
  World();
  Set(OverloadEffect::kStopAcceptingRequests, 1);
  client_ = std::make_unique<Http2Peer>(Http2Peer::Client(world_->Connect(), SettingsFrame()));
  world_->Run();
  client_->Take();
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields())),
            "HEADERS 1 :status=503 content-length=16 content-type=text/plain\nDATA 1 envoy overloaded end\n");
  EXPECT_EQ(Exchange(HeadersFrame(3, RequestFields({{"content-type", "application/grpc"}}, "POST"))),
            "HEADERS 3 :status=200 content-type=application/grpc grpc-status=14 grpc-message=envoy overloaded end\n");
}

// Answers of our own are given all the same.
TEST_F(OverloadTest, RefusesWhatWouldGoUpstream) {
  ProxyWorld& world = World();
  Set(OverloadEffect::kShedBeforeRouter, 1);
  EXPECT_EQ(Status(Answer(kDirect)), "200");
  EXPECT_TRUE(Answer(kGet).ends_with("envoy overloaded"));
  EXPECT_EQ(world.stat("http.in.rq_overload_local_reply"), 1);
  EXPECT_EQ(world.stat("http.in.downstream_rq_overload_close"), 0);
  EXPECT_EQ(state_->shed(OverloadEffect::kShedBeforeRouter), 1u);
  EXPECT_EQ(world.upstream().size(), 0u);
}

TEST_F(OverloadTest, EndsConnectionsWithTheirNextAnswer) {
  ProxyWorld& world = World();
  const auto client = world.Connect();
  EXPECT_EQ(Answer(*client, kDirect).find("connection: close"), std::string::npos);
  Set(OverloadEffect::kDisableKeepalive, 1);
  EXPECT_NE(Answer(*client, kDirect).find("connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.stat("http.in.downstream_cx_overload_disable_keepalive"), 1);
  EXPECT_EQ(world.stat("http.in.downstream_cx_drain_close"), 0);
}

TEST_F(OverloadTest, EndsConnectionsOfHttp2) {
  World();
  client_ = std::make_unique<Http2Peer>(Http2Peer::Client(world_->Connect(), SettingsFrame()));
  world_->Run();
  Set(OverloadEffect::kDisableKeepalive, 1);
  client_->Take();
  const std::string answer = Exchange(
      HeadersFrame(1, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h.test"}, {":path", "/direct"}}));
  EXPECT_NE(answer.find("GOAWAY"), std::string::npos) << answer;
  EXPECT_NE(answer.find("HEADERS 1 :status=200"), std::string::npos) << answer;
  world_->Wait(3000);
  EXPECT_EQ(world_->connections(), 0u);
}

TEST_F(OverloadTest, RejectsConnections) {
  ProxyWorld& world = World();
  const auto before = world.Connect();
  world.Run();
  Set(OverloadEffect::kRejectConnections, 1);
  const auto rejected = world.Connect();
  world.Run();
  EXPECT_TRUE(rejected->ended());
  EXPECT_EQ(Status(Answer(*before, kDirect)), "200");
  Set(OverloadEffect::kRejectConnections, 0);
  Set(OverloadEffect::kShedAccept, 1);
  const auto shed = world.Connect();
  world.Run();
  EXPECT_TRUE(shed->ended());
  EXPECT_EQ(world.stat("listener.in.downstream_cx_overload_reject"), 2);
  EXPECT_EQ(world.stat("listener.in.downstream_cx_total"), 1);
  EXPECT_EQ(state_->shed(OverloadEffect::kShedAccept), 1u);
}

TEST_F(OverloadTest, LimitOfAllConnections) {
  Limit(2);
  ProxyWorld& world = World({.workers = 2});
  const auto first = world.Connect(), second = world.Connect();
  world.Run();
  const auto third = world.Connect();
  world.Run();
  EXPECT_FALSE(first->ended());
  EXPECT_FALSE(second->ended());
  EXPECT_TRUE(third->ended());
  EXPECT_EQ(world.stat("listener.in.downstream_global_cx_overflow"), 1);
  // It goes before that of the runtime.
  world.runtime_keys().Apply(
      {{"overload.global_downstream_max_connections", {.text = "0", .flag = {}, .number = 0, .integer = 0}}});
  second->Close();
  world.Run();
  const auto fourth = world.Connect();
  world.Run();
  EXPECT_FALSE(fourth->ended());
}

TEST_F(OverloadTest, LimitThatAListenerIgnores) {
  Limit(1);
  for (const char* const field : {"ignore_global_conn_limit: true", "bypass_overload_manager: true"}) {
    ProxyWorld& world = World({.listener = field});
    const auto first = world.Connect(), second = world.Connect();
    world.Run();
    EXPECT_FALSE(second->ended()) << field;
  }
}

TEST_F(OverloadTest, ListenersThatBypassIt) {
  World({.listener = "bypass_overload_manager: true"});
  for (size_t i = 0; i < config::kOverloadEffects; ++i) Set(static_cast<OverloadEffect>(i), 1);
  const std::string answer = Answer(kDirect);
  EXPECT_EQ(Status(answer), "200");
  EXPECT_EQ(answer.find("connection: close"), std::string::npos);
}

// Those that run already as well.
TEST_F(OverloadTest, ShortensIdleTimeoutsOfConnections) {
  ProxyWorld& world = World({.hcm = "common_http_protocol_options: {idle_timeout: 100s}"});
  const auto client = world.Connect();
  world.Wait(60'000);
  EXPECT_FALSE(client->ended());
  Set(OverloadEffect::kReduceTimeouts, 0.5);
  world.Rescale();
  world.Wait(14'900);
  EXPECT_FALSE(client->ended());
  world.Wait(200);
  EXPECT_TRUE(client->ended());  // after 75 s
  EXPECT_EQ(world.stat("http.in.downstream_cx_idle_timeout"), 1);
}

TEST_F(OverloadTest, LengthensThemAgain) {
  ProxyWorld& world = World({.hcm = "common_http_protocol_options: {idle_timeout: 100s}"});
  Set(OverloadEffect::kReduceTimeouts, 1);
  const auto client = world.Connect();
  world.Wait(49'000);
  Set(OverloadEffect::kReduceTimeouts, 0);
  world.Rescale();
  world.Wait(50'900);
  EXPECT_FALSE(client->ended());
  world.Wait(200);
  EXPECT_TRUE(client->ended());
}

TEST_F(OverloadTest, ShortensTheAgeOfConnections) {
  ProxyWorld& world = World({.hcm = "common_http_protocol_options: {max_connection_duration: 100s}"});
  const auto client = world.Connect();
  world.Wait(60'000);
  Set(OverloadEffect::kReduceTimeouts, 1);
  world.Rescale();
  world.Wait(10);
  EXPECT_EQ(world.stat("http.in.downstream_cx_max_duration_reached"), 1);
}

TEST_F(OverloadTest, ShortensIdleTimeoutsOfRequests) {
  ProxyWorld& world = World({.hcm = "stream_idle_timeout: 100s", .route = "timeout: 0s"});
  const auto client = world.Connect();
  EXPECT_EQ(Answer(*client, kGet), "");
  world.Wait(60'000);
  Set(OverloadEffect::kReduceTimeouts, 0.5);
  world.Rescale();
  world.Wait(14'900);
  EXPECT_EQ(client->received(), "");
  world.Wait(200);
  EXPECT_EQ(Status(client->Take()), "504");
  EXPECT_EQ(world.stat("http.in.downstream_rq_idle_timeout"), 1);
}

TEST_F(OverloadTest, ShortensIdleTimeoutsOfRoutes) {
  ProxyWorld& world = World({.route = "timeout: 0s\nidle_timeout: 10s"});
  Set(OverloadEffect::kReduceTimeouts, 0.5);
  const auto client = world.Connect();
  EXPECT_EQ(Answer(*client, kGet), "");
  world.Wait(7'400);
  EXPECT_EQ(client->received(), "");
  world.Wait(200);
  EXPECT_EQ(Status(client->Take()), "504");
}

// Touched, it begins anew.
TEST_F(OverloadTest, IdleTimeoutsOfRequestsThatGoOn) {
  ProxyWorld& world = World({.hcm = "stream_idle_timeout: 10s", .route = "timeout: 0s"});
  const auto client = world.Connect();
  EXPECT_EQ(Answer(*client, "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n"), "");
  Set(OverloadEffect::kReduceTimeouts, 1);
  world.Rescale();
  for (int i = 0; i < 4; ++i) {
    world.Wait(4'000);
    EXPECT_EQ(Answer(*client, "x"), "");
  }
  client->Send("x");
  world.Run();
  world.upstream().peer(0).Send(kOk);
  world.Run();
  EXPECT_EQ(Status(client->Take()), "200");
}

}  // namespace
}  // namespace pillion::test
