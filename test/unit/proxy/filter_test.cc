// Filters in the whole proxy. (The chain by itself: test/unit/filter.)

#include <gtest/gtest.h>

#include <functional>

#include "source/filter/http_filter.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using filter::Step;

// A filter that does what the test says; it looks at every hook.
struct Behaviour final : filter::HttpFilterConfig {
  std::function<Step(const std::string& hook)> at = [](const std::string&) { return Step::kContinue; };
  std::function<void(http::RequestHead&)> on_request;
  std::function<void(http::ResponseHead&)> on_response;
  std::function<void(http::RequestHead&, const filter::Attempt&)> on_attempt;
  std::string override_text;  // as FilterConfig of a route: told by the filter
  mutable filter::HttpFilter* last = nullptr;
  mutable std::function<void(bool request)> go_on;   // of the last stream
  mutable std::function<void(filter::Reply)> reply;  // of the last stream
  mutable std::function<void()> choose_route;
  mutable int ends = 0;

  uint32_t hooks() const override { return 0xff; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;
};

class Scripted final : public filter::HttpFilter {
 public:
  explicit Scripted(const Behaviour& behaviour) : behaviour_(behaviour) {
    behaviour_.go_on = [this](bool request) { request ? ContinueRequest() : ContinueResponse(); };
    behaviour_.reply = [this](const filter::Reply& reply) { SendReply(reply); };
    behaviour_.choose_route = [this] { stream().ChooseRoute(); };
  }
  Step OnRequestHead(http::RequestHead& head, bool) override {
    if (behaviour_.on_request) behaviour_.on_request(head);
    return behaviour_.at("request head");
  }
  Step OnRequestData(base::Slice&, bool) override { return behaviour_.at("request data"); }
  Step OnRequestTrailers(http::HeaderMap&) override { return behaviour_.at("request trailers"); }
  Step OnResponseHead(http::ResponseHead& head, bool) override {
    if (behaviour_.on_response) behaviour_.on_response(head);
    return behaviour_.at("response head");
  }
  Step OnResponseData(base::Slice&, bool) override { return behaviour_.at("response data"); }
  Step OnResponseTrailers(http::HeaderMap&) override { return behaviour_.at("response trailers"); }
  void OnAttempt(http::RequestHead& head, const filter::Attempt& attempt) override {
    if (behaviour_.on_attempt) behaviour_.on_attempt(head, attempt);
  }
  void OnEnd() override { ++behaviour_.ends; }

 private:
  const Behaviour& behaviour_;
};

struct Shard final : filter::HttpFilterShard {
  explicit Shard(const Behaviour& behaviour) : behaviour(behaviour) {}
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    // Other streams than the one under test pass.
    if (stream.request().headers.Find("x-other") != nullptr) return nullptr;
    return stream.arena().New<Scripted>(behaviour);
  }
  const Behaviour& behaviour;
};

std::unique_ptr<filter::HttpFilterShard> Behaviour::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<Shard>(*this);
}

constexpr std::string_view kRequest = "POST /the/path HTTP/1.1\r\nhost: h\r\nx-one: 1\r\ncontent-length: 3\r\n\r\nabc";
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nx-two: 2\r\ncontent-length: 3\r\n\r\nxyz";

class FilterTest : public testing::Test {
 protected:
  void Start(ProxySettings settings = {}) {
    settings.further_filters = {{"scripted", behaviour_}};
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override {
    other_.reset();
    client_.reset();
  }

  void Send(std::string_view bytes) {
    client_->Send(bytes);
    world_->Run();
  }
  void Answer(std::string_view bytes = kResponse) {
    world_->upstream().peer(0).Send(bytes);
    world_->Run();
  }
  std::string Upstream() { return world_->upstream().size() == 0 ? "" : world_->upstream().peer(0).Take(); }
  std::string Line() {
    const std::vector<std::string> lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }

  const std::shared_ptr<Behaviour> behaviour_ = std::make_shared<Behaviour>();
  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
  std::unique_ptr<Peer> other_;
};

// At each hook in turn the filter holds the message while a thousand other requests pass on the worker.
TEST_F(FilterTest, PausesAtEachHook) {
  for (const std::string hook : {"request head", "request data", "response head", "response data"}) {
    SCOPED_TRACE(hook);
    other_.reset();
    client_.reset();
    int paused = 0;
    behaviour_->at = [&](const std::string& at) {
      if (at != hook) return Step::kContinue;
      ++paused;
      return Step::kPause;
    };
    Start();
    const auto others_pass = [&] {
      other_ = world_->Connect();
      for (int i = 0; i < 1000; ++i) {
        other_->Send("GET /direct?" + std::string(60, '#' + 1) + " HTTP/1.1\r\nhost: o\r\nx-other: " +
                     std::string(200, '~') + "\r\n\r\n");
        world_->Run();
        ASSERT_TRUE(other_->Take().ends_with("direct"));
      }
      world_->TakeLog();
    };
    Send(kRequest);
    const bool request = hook.starts_with("request");
    if (request) {
      EXPECT_EQ(paused, 1);
      others_pass();
      behaviour_->go_on(true);
      world_->Run();
    }
    const std::string got = Upstream();
    EXPECT_TRUE(got.starts_with("POST /the/path HTTP/1.1\r\nhost: h\r\nx-one: 1\r\n")) << got;
    EXPECT_TRUE(got.ends_with("\r\n\r\nabc")) << got;
    Answer();
    if (!request) {
      EXPECT_EQ(paused, 1);
      others_pass();
      behaviour_->go_on(false);
      world_->Run();
    }
    const std::string answer = client_->Take();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nx-two: 2\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nxyz")) << answer;
    EXPECT_EQ(Line(), "POST /the/path HTTP/1.1 200 - via_upstream 3 3 0");
  }
}

TEST_F(FilterTest, SeesALocalReplyToo) {
  behaviour_->on_response = [](http::ResponseHead& head) { head.headers.Add("x-filtered", "yes"); };
  Start();
  Send("GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.find("\r\nx-filtered: yes\r\n") != std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("direct")) << answer;
  EXPECT_EQ(behaviour_->ends, 1);
}

TEST_F(FilterTest, AnswersARequestThatItHolds) {
  behaviour_->at = [](const std::string& at) { return at == "request head" ? Step::kPause : Step::kContinue; };
  Start();
  Send(kRequest);
  behaviour_->reply({.status = 403,
                     .body = "no",
                     .flag = telemetry::ResponseFlag::kUnauthorizedExternalService,
                     .details = "scripted"});
  world_->Run();
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 Forbidden\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("no")) << answer;
  EXPECT_EQ(Line(), "POST /the/path HTTP/1.1 403 UAEX scripted 0 2 0");
  EXPECT_EQ(Upstream(), "");
  // The connection goes on.
  behaviour_->at = [](const std::string&) { return Step::kContinue; };
  Send("GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_TRUE(client_->Take().ends_with("direct"));
}

TEST_F(FilterTest, TheResponseIsLostWhileItIsHeld) {
  behaviour_->at = [](const std::string& at) { return at == "response head" ? Step::kPause : Step::kContinue; };
  Start();
  Send(kRequest);
  Answer("HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\nxyz");
  EXPECT_EQ(client_->Take(), "");
  world_->upstream().peer(0).Reset();
  world_->Run();
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << answer;
}

TEST_F(FilterTest, TimeoutsGoOnWhileAFilterHolds) {
  behaviour_->at = [](const std::string& at) { return at == "response data" ? Step::kPause : Step::kContinue; };
  Start({.route = "timeout: 1s"});
  Send(kRequest);
  Answer();
  world_->Wait(1000);
  EXPECT_TRUE(client_->ended() || client_->error() != 0);
  EXPECT_EQ(Line(), "POST /the/path HTTP/1.1 200 UT response_timeout 3 0 1000");
}

// A reply that is held ends the wait for another attempt, and has a timeout of its own.
TEST_F(FilterTest, AnswersARequestThatWaitsForItsNextTry) {
  behaviour_->at = [](const std::string& at) { return at == "response head" ? Step::kPause : Step::kContinue; };
  Start({.hcm = "stream_idle_timeout: 60s", .route = "retry_policy: {retry_on: reset, num_retries: 1}"});
  Send(kRequest);
  world_->upstream().peer(0).Reset();
  world_->Run();
  behaviour_->reply({.status = 403, .body = "no", .details = "scripted"});
  world_->Wait(59'000);
  EXPECT_EQ(world_->upstream().size(), 1u);
  EXPECT_EQ(client_->Take(), "");
  world_->Wait(1000);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 504 ")) << "not the one that is held";
  EXPECT_EQ(Line(), "POST /the/path HTTP/1.1 504 SI stream_idle_timeout 3 14 60000");
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
}

// Who waits to be asked for the body that is collected is asked, even where that is upstream's business: it hears of
// the request only then.
TEST_F(FilterTest, AsksForABodyThatItCollects) {
  behaviour_->at = [](const std::string& at) { return at == "request head" ? Step::kCollect : Step::kContinue; };
  Start({.hcm = "proxy_100_continue: true"});
  Send("POST /the/path HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
  EXPECT_EQ(client_->Take(), "HTTP/1.1 100 Continue\r\n\r\n");
  Send("abc");
  const std::string request = Upstream();
  EXPECT_TRUE(request.ends_with("\r\n\r\nabc")) << request;
  EXPECT_EQ(request.find("expect:"), std::string::npos) << request;
  Answer();
  EXPECT_TRUE(client_->Take().ends_with("xyz"));
}

TEST_F(FilterTest, ChangesTheRoute) {
  behaviour_->on_request = [this](http::RequestHead& head) {
    head.path = "/direct";
    behaviour_->choose_route();
  };
  Start();
  Send("GET /elsewhere HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_TRUE(client_->Take().ends_with("direct"));
}

TEST_F(FilterTest, WritesToEachAttempt) {
  behaviour_->on_attempt = [](http::RequestHead& head, const filter::Attempt& attempt) {
    static std::string number;
    number = std::to_string(attempt.number) + " " + std::string(attempt.host) + " " +
             std::to_string(attempt.time_left / std::chrono::milliseconds(1));
    head.headers.Remove("x-attempt");
    head.headers.Add("x-attempt", number);
  };
  Start({.route = "timeout: 2s\nretry_policy: {retry_on: 5xx, retry_back_off: {base_interval: 0.001s}}"});
  Send("GET /x HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_TRUE(Upstream().find("\r\nx-attempt: 1 10.0.1.1:80 2000\r\n") != std::string::npos);
  world_->Wait(100);
  Answer("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
  world_->Wait(100);
  const std::string again = Upstream();  // on the same connection
  EXPECT_TRUE(again.find("\r\nx-attempt: 2 10.0.1.1:80 18") != std::string::npos) << again;
}

// The route's timeout counts from the request's end, also where a connection was there at once.
TEST_F(FilterTest, RouteTimeoutOnAPooledConnection) {
  Start({.route = "timeout: 1s"});
  Send("GET /1 HTTP/1.1\r\nhost: h\r\n\r\n");
  Answer();
  EXPECT_TRUE(client_->Take().ends_with("xyz"));
  Line();
  Send("GET /2 HTTP/1.1\r\nhost: h\r\n\r\n");
  world_->Wait(1000);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
  EXPECT_EQ(Line(), "GET /2 HTTP/1.1 504 UT response_timeout 0 24 1000");
}

// Two gates, of which the second depends on a field. The name of who has answered is in the counters.
std::string Gates(const std::string& second) {
  const std::string rules = "typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, rules: ";
  return "- {name: one, " + rules + "{action: DENY, policies: {p: {permissions: [{header: {name: x-one, string_match: "
         "{exact: '0'}}}], principals: [{any: true}]}}}}}\n- {name: two, " + rules + second + "}}\n";
}

TEST_F(FilterTest, WhatPassesTheGatesInFrontReachesTheFilters) {
  behaviour_->on_request = [](http::RequestHead& head) { head.headers.Add("x-seen", "1"); };
  Start({.http_filters = Gates("{action: DENY, policies: {}}")});
  Send(kRequest);
  EXPECT_NE(Upstream().find("x-seen: 1"), std::string::npos);
  Answer();
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 200"));
  EXPECT_EQ(behaviour_->ends, 1);
  EXPECT_EQ(world_->stat("http.in.rbac.allowed"), 2);
}

// The request does not reach the filters behind a gate that has answered it, but the answer passes them.
TEST_F(FilterTest, AGateInFrontAnswers) {
  behaviour_->on_request = [](http::RequestHead&) { FAIL() << "behind the gate"; };
  behaviour_->on_response = [](http::ResponseHead& head) { head.headers.Add("x-passed", "1"); };
  Start({.http_filters = Gates("{action: ALLOW, policies: {}}")});
  Send(kRequest);
  EXPECT_EQ(Upstream(), "");
  const std::string got = client_->Take();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 403")) << got;
  EXPECT_NE(got.find("x-passed: 1"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("RBAC: access denied")) << got;
  EXPECT_EQ(behaviour_->ends, 1);
  EXPECT_EQ(Line(), "POST /the/path HTTP/1.1 403 - rbac_access_denied_matched_policy[none] 0 19 0");
  EXPECT_EQ(world_->stat("http.in.rbac.allowed"), 1);
  EXPECT_EQ(world_->stat("http.in.rbac.denied"), 1);
}

// It answers before the body is there.
TEST_F(FilterTest, AGateInFrontDoesNotWaitForTheBody) {
  behaviour_->at = [](const std::string& hook) {
    EXPECT_FALSE(hook.starts_with("request")) << hook;
    return Step::kContinue;
  };
  Start({.http_filters = Gates("{action: DENY, policies: {}}")});
  Send("POST / HTTP/1.1\r\nhost: h\r\nx-one: 0\r\ncontent-length: 3\r\n\r\na");
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 403"));
  Send("bc");
  EXPECT_EQ(Upstream(), "");
  EXPECT_EQ(behaviour_->ends, 1);
}

}  // namespace
}  // namespace pillion::test
