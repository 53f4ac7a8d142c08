#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
constexpr std::string_view kType = "\"@type\": type.googleapis.com/pillion.filters.http.concurrency.v1.Concurrency";
constexpr std::string_view kRouteType =
    "\"@type\": type.googleapis.com/pillion.filters.http.concurrency.v1.ConcurrencyPerRoute";
constexpr std::string_view kTwo = "name: api, initial_limit: 2, min_limit: 1, max_limit: 2";

std::string Message(std::string_view fields) { return "{" + std::string(kType) + ", " + std::string(fields) + "}"; }

class ConcurrencyTest : public testing::Test {
 protected:
  void Start(std::string_view fields, ProxySettings settings = {}, size_t clients = 4) {
    TearDown();
    world_.reset();  // limits of the same name and bounds would be shared
    settings.http_filters = "- {name: concurrency, typed_config: " + Message(fields) + "}\n";
    world_ = std::make_unique<ProxyWorld>(settings);
    for (size_t i = 0; i < clients; ++i) clients_.push_back(world_->Connect());
  }
  void StartWithRoute(std::string_view fields, const std::string& route) {
    Start(fields, {.entry = "typed_per_filter_config: {concurrency: {" + std::string(kRouteType) + ", " + route + "}}\n"});
  }
  void TearDown() override { clients_.clear(); }

  void Get(size_t client, const std::string& fields = "", const std::string& path = "/x") {
    clients_[client]->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
  }
  // What that client's request came to: nothing while it waits for upstream.
  std::string Status(size_t client) { return clients_[client]->Take().substr(0, 12); }
  // Of the connection to upstream with that number.
  void Answer(size_t connection, std::string_view bytes = kResponse) {
    world_->upstream().peer(connection).Take();
    world_->upstream().peer(connection).Send(bytes);
    world_->Run();
  }
  int64_t Stat(const std::string& name) { return world_->stat("concurrency.api." + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::vector<std::unique_ptr<Peer>> clients_;
};

TEST_F(ConcurrencyTest, RefusesWhatIsTooMuch) {
  Start(kTwo);
  for (size_t i = 0; i < 3; ++i) Get(i);
  EXPECT_EQ(Status(0), "");
  EXPECT_EQ(Status(1), "");
  const std::string answer = clients_[2]->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\ntoo many requests are in flight")) << answer;
  EXPECT_EQ(answer.find("retry-after"), std::string::npos) << answer;
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET /x HTTP/1.1 503 UO concurrency_limit 0 31 0"});
  EXPECT_EQ(Stat("limit"), 2);
  EXPECT_EQ(Stat("in_flight"), 2);
  EXPECT_EQ(Stat("admitted"), 2);
  EXPECT_EQ(Stat("refused_normal"), 1);
  Answer(0);
  EXPECT_EQ(Status(0), "HTTP/1.1 200");
  EXPECT_EQ(Stat("in_flight"), 1);
  Get(2);
  EXPECT_EQ(Status(2), "");
}

TEST_F(ConcurrencyTest, AnswersAsItIsTold) {
  Start("name: api, initial_limit: 1, min_limit: 1, status: 529, retry_after: 1.2s");
  Get(0);
  Get(1);
  const std::string answer = clients_[1]->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 529 ")) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 2\r\n"), std::string::npos) << answer;
}

TEST_F(ConcurrencyTest, IsOneForAllWorkers) {
  Start(kTwo, {.workers = 2});
  for (size_t i = 0; i < 3; ++i) Get(i);
  EXPECT_EQ(Status(2), "HTTP/1.1 503");
  EXPECT_EQ(Stat("in_flight"), 2);
}

TEST_F(ConcurrencyTest, IsOnlyHeldUntilTheHeadOfTheAnswer) {
  Start(kTwo);
  Get(0);
  Answer(0, "HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(Stat("in_flight"), 1);
  Answer(0, "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
  EXPECT_EQ(Stat("in_flight"), 0);
}

TEST_F(ConcurrencyTest, IsGivenBackHoweverTheRequestEnds) {
  Start(kTwo, {.route = "timeout: 1s\n"});
  Get(0);
  clients_[0]->Reset();
  world_->Run();
  EXPECT_EQ(Stat("in_flight"), 0);
  Get(1);
  world_->Wait(1000);
  EXPECT_EQ(Status(1), "HTTP/1.1 504");
  EXPECT_EQ(Stat("in_flight"), 0);
  Get(2);
  EXPECT_EQ(Stat("in_flight"), 1);
  world_->upstream().peers().back()->Reset();
  world_->Run();
  EXPECT_EQ(Status(2), "HTTP/1.1 503");
  Get(3, "", "/direct");
  EXPECT_EQ(Status(3), "HTTP/1.1 200");
  EXPECT_EQ(Stat("in_flight"), 0);
  EXPECT_EQ(Stat("admitted"), 4);
}

TEST_F(ConcurrencyTest, MeasuresHowLongUpstreamTakes) {
  Start("name: api");
  for (int i = 0; i < 30; ++i) {
    Get(0);
    world_->Wait(20);
    Answer(0);
    EXPECT_EQ(Status(0), "HTTP/1.1 200");
  }
  EXPECT_EQ(Stat("latency_us"), 20'000);
  EXPECT_EQ(Stat("unloaded_latency_us"), 20'000);
}

// Ten answers are enough for one, and only the second is believed.
TEST_F(ConcurrencyTest, TheWindow) {
  for (const bool wide : {false, true}) {
    Start(wide ? "name: api, window: 5s" : "name: api");
    for (int i = 0; i < 30; ++i) {
      Get(0);
      world_->Wait(20);
      Answer(0);
    }
    EXPECT_EQ(Stat("unloaded_latency_us"), wide ? 0 : 20'000);
  }
}

TEST_F(ConcurrencyTest, SlowSendersAndErrorsSayNothing) {
  Start("name: api");
  for (int i = 0; i < 30; ++i) {
    clients_[0]->Send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nh");
    world_->Wait(500);
    clients_[0]->Send("i");
    world_->Run();
    world_->Wait(20);
    Answer(0);
    Get(0);
    world_->Wait(300);
    Answer(0, "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
    clients_[0]->Take();
  }
  EXPECT_EQ(Stat("latency_us"), 20'000);
}

TEST_F(ConcurrencyTest, ClassesByExpression) {
  const std::string limit = "name: api, initial_limit: 4, min_limit: 4, max_limit: 4, default_priority: LOW, ";
  Start(limit + "priority: \"request.headers['x-class']\"", {}, 6);
  Get(0, "x-class: high\r\n");  // from now on there is room for one of these
  Answer(0);
  Get(0, "x-class: Normal\r\n");
  Get(1);
  Get(2, "x-class: whatever\r\n");
  Get(3, "x-class: low\r\n");
  EXPECT_EQ(Status(3), "HTTP/1.1 503");
  Get(4, "x-class: HIGH\r\n");
  EXPECT_EQ(Status(4), "");
  Get(5, "x-class: CRITICAL\r\n");
  EXPECT_EQ(Status(5), "HTTP/1.1 503");
  EXPECT_EQ(Stat("refused_low"), 1);
  EXPECT_EQ(Stat("refused_critical"), 1);
  EXPECT_EQ(Stat("admitted"), 5);
}

TEST_F(ConcurrencyTest, ClassesByNumber) {
  Start(std::string(kTwo) + ", priority: \"int(request.headers['x-class'])\"");
  Get(0);
  Get(1);
  for (const std::string number : {"0", "1", "3", "9", "-1", "x"}) Get(2, "x-class: " + number + "\r\n");
  EXPECT_EQ(Stat("refused_critical"), 1);
  EXPECT_EQ(Stat("refused_high"), 1);
  EXPECT_EQ(Stat("refused_low"), 2);
  EXPECT_EQ(Stat("refused_normal"), 2);
}

TEST_F(ConcurrencyTest, RoutesSayOtherwise) {
  StartWithRoute("name: api, initial_limit: 1, min_limit: 1", "disabled: true");
  Get(0);
  Get(1);
  EXPECT_EQ(Status(1), "");
  EXPECT_EQ(Stat("in_flight"), 0);

  StartWithRoute("name: api, initial_limit: 1, min_limit: 1", "priority: LOW");
  Get(0);
  Get(1);
  EXPECT_EQ(Stat("refused_low"), 1);

  StartWithRoute("name: api", "concurrency: {name: other, initial_limit: 1, min_limit: 1}");
  Get(0);
  Get(1);
  EXPECT_EQ(Status(1), "HTTP/1.1 503");
  EXPECT_EQ(Stat("in_flight"), 0);
  EXPECT_EQ(world_->stat("concurrency.other.in_flight"), 1);
}

TEST_F(ConcurrencyTest, OneForEachCluster) {
  Start("name: api, initial_limit: 1, min_limit: 1, per_cluster: true");
  Get(0, "", "/direct");  // no cluster, no limit
  Get(0);
  Get(1);
  EXPECT_EQ(Status(1), "HTTP/1.1 503");
  EXPECT_EQ(Stat("app.in_flight"), 1);
  EXPECT_EQ(Stat("app.refused_normal"), 1);
}

// Envoy's filter.
class AdaptiveConcurrencyTest : public ConcurrencyTest {
 protected:
  static constexpr const char* kOne =
      "gradient_controller_config: {concurrency_limit_params: {max_concurrency_limit: 1, concurrency_update_interval: 0.1s}, "
      "min_rtt_calc_params: {interval: 60s, request_count: 50, jitter: {value: 10}, buffer: {value: 20}, min_concurrency: 1}, "
      "sample_aggregate_percentile: {value: 90}}";

  static std::string AdaptiveMessage(const std::string& fields) {
    return "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency, " + fields +
           "}";
  }
  void StartAdaptive(const std::string& fields, ProxySettings settings = {}) {
    TearDown();
    settings.http_filters += "- {name: adaptive, typed_config: " + AdaptiveMessage(fields) + "}\n";
    world_ = std::make_unique<ProxyWorld>(settings);
    for (size_t i = 0; i < 4; ++i) clients_.push_back(world_->Connect());
  }
  int64_t Stat(const std::string& name) {
    return world_->stat("http.in.adaptive_concurrency.gradient_controller." + name);
  }
};

TEST_F(AdaptiveConcurrencyTest, HasEnvoysWordsAndNames) {
  StartAdaptive(kOne);
  Get(0);
  Get(1);
  EXPECT_EQ(Status(0), "");
  const std::string answer = clients_[1]->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nreached concurrency limit")) << answer;
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET /x HTTP/1.1 503 - reached_concurrency_limit 0 25 0"});
  EXPECT_EQ(Stat("rq_blocked"), 1);
  EXPECT_EQ(Stat("concurrency_limit"), 1);
  Answer(0);
  EXPECT_EQ(Status(0), "HTTP/1.1 200");
  Get(1);
  EXPECT_EQ(Status(1), "");
}

TEST_F(AdaptiveConcurrencyTest, AFilterHasALimitOfItsOwn) {
  StartAdaptive(kOne, {.http_filters = "- {name: other, typed_config: " + AdaptiveMessage(kOne) + "}\n"});
  Get(0);
  EXPECT_EQ(Stat("rq_blocked"), 0);  // both have let it in
}

TEST_F(AdaptiveConcurrencyTest, HealthChecksAreNotConcerned) {
  StartAdaptive(kOne, {.http_filters = "- {name: check, typed_config: {\"@type\": "
                                       "type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck, "
                                       "pass_through_mode: true, headers: [{name: \":path\", string_match: {exact: /x}}]}}\n"});
  Get(0);
  Get(1);
  EXPECT_EQ(Status(1), "");
  EXPECT_EQ(Stat("rq_blocked"), 0);
}

TEST_F(AdaptiveConcurrencyTest, BetweenTheBounds) {
  StartAdaptive("gradient_controller_config: {concurrency_limit_params: {concurrency_update_interval: 300s}, "
                "min_rtt_calc_params: {fixed_value: 0.25s, min_concurrency: 30}}");
  EXPECT_EQ(Stat("concurrency_limit"), 30);
  EXPECT_EQ(Stat("min_rtt_msecs"), 250);
  StartAdaptive("gradient_controller_config: {concurrency_limit_params: {max_concurrency_limit: 2, concurrency_update_interval: 1s}, "
                "min_rtt_calc_params: {interval: 1s, fixed_value: 0.25s}}");
  EXPECT_EQ(Stat("concurrency_limit"), 2);
  EXPECT_EQ(Stat("min_rtt_msecs"), 0);
}

TEST_F(AdaptiveConcurrencyTest, StatusAndSwitch) {
  for (const auto& [code, status] : {std::pair("TooManyRequests", "HTTP/1.1 429"), std::pair("OK", "HTTP/1.1 503")}) {
    StartAdaptive(std::string(kOne) + ", concurrency_limit_exceeded_status: {code: " + code + "}");
    Get(0);
    Get(1);
    EXPECT_EQ(Status(1), status);
  }
  StartAdaptive(std::string(kOne) + ", enabled: {default_value: false, runtime_key: k}");
  Get(0);
  Get(1);
  EXPECT_EQ(Status(1), "");
  EXPECT_EQ(Stat("rq_blocked"), 0);
}

std::string Refused(std::string_view fields) {
  return test::Refused({.http_filters = "{name: concurrency, typed_config: " + Message(fields) + "}"});
}

TEST(ConcurrencyConfig, WhatCanNotBe) {
  EXPECT_EQ(Refused("name: api, min_limit: 30"), "");
  EXPECT_EQ(Refused("name: api, max_limit: 2"), "");
  EXPECT_NE(Refused("min_limit: 1").find("name"), std::string::npos);
  EXPECT_NE(Refused("name: api, min_limit: 5, max_limit: 4")
                .find("min_limit 5, initial_limit 5, max_limit 4: expected a highest limit between the least one and 1000000"),
            std::string::npos);
  EXPECT_NE(Refused("name: api, initial_limit: 2").find("expected an initial limit between the least and the highest"),
            std::string::npos);
  EXPECT_NE(Refused("name: api, priority: request.pth").find("priority: column 9: "), std::string::npos);
  EXPECT_NE(Refused("name: api, priority: request.size > 1").find("priority: it gives bool, expected string or int"),
            std::string::npos);
  EXPECT_NE(Refused("name: api, status: 200").find("status"), std::string::npos);
}

TEST_F(AdaptiveConcurrencyTest, WhatCanNotBe) {
  const auto refused = [](const std::string& fields) {
    return test::Refused({.http_filters = "{name: adaptive, typed_config: " + AdaptiveMessage(fields) + "}"});
  };
  EXPECT_EQ(refused(kOne), "");
  EXPECT_NE(refused("gradient_controller_config: {concurrency_limit_params: {concurrency_update_interval: 1s}, "
                    "min_rtt_calc_params: {min_concurrency: 3}}")
                .find("gradient_controller_config.min_rtt_calc_params: expected interval, or fixed_value"),
            std::string::npos);
}

}  // namespace
}  // namespace pillion::test
