#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

class FaultTest : public testing::Test {
 protected:
  // `fault`: the fields of the HTTPFault, one a line.
  void Start(const std::string& fault, ProxySettings settings = {}) {
    client_.reset();
    settings.http_filters =
        "- name: fault\n  typed_config:\n    \"@type\": "
        "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault\n";
    size_t from = 0;
    while (from < fault.size()) {
      const size_t end = std::min(fault.find('\n', from), fault.size());
      settings.http_filters += "    " + fault.substr(from, end - from) + "\n";
      from = end + 1;
    }
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Get(const std::string& fields = "") {
    client_->Send("GET /x HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
  }
  bool Reached() { return world_->upstream().size() > 0 && !world_->upstream().peer(0).Take().empty(); }
  void Answer(std::string_view bytes = kResponse) {
    world_->upstream().peer(0).Send(bytes);
    world_->Run();
  }
  std::string Line() {
    const std::vector<std::string> lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(FaultTest, Delays) {
  Start("delay: {fixed_delay: 0.25s, percentage: {numerator: 100}}");
  Get();
  EXPECT_EQ(world_->stat("http.in.fault.active_faults"), 1);
  world_->Wait(249);
  EXPECT_FALSE(Reached());
  world_->Wait(1);
  EXPECT_TRUE(Reached());
  Answer();
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 200 DI via_upstream 0 2 250");
  EXPECT_EQ(world_->stat("http.in.fault.delays_injected"), 1);
  EXPECT_EQ(world_->stat("http.in.fault.active_faults"), 0);
}

TEST_F(FaultTest, AClientThatGoesAwayTakesItsFaultWithIt) {
  Start("delay: {fixed_delay: 10s, percentage: {numerator: 100}}");
  Get();
  client_->Reset();
  world_->Run();
  EXPECT_EQ(world_->stat("http.in.fault.active_faults"), 0);
  world_->Wait(11'000);
  EXPECT_FALSE(Reached());
}

TEST_F(FaultTest, Aborts) {
  Start("abort: {http_status: 418, percentage: {numerator: 100}}");
  Get();
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 418 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nfault filter abort")) << answer;
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 418 FI fault_filter_abort 0 18 0");
  EXPECT_EQ(world_->stat("http.in.fault.aborts_injected"), 1);
  EXPECT_FALSE(Reached());
}

TEST_F(FaultTest, AbortsAGrpcCallInItsOwnWords) {
  Start("abort: {grpc_status: 7, percentage: {numerator: 100}}");
  Get("content-type: application/grpc\r\n");
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.find("\r\ngrpc-status: 7\r\n") != std::string::npos) << answer;
}

TEST_F(FaultTest, DelaysAndAborts) {
  Start("delay: {fixed_delay: 0.1s, percentage: {numerator: 100}}\nabort: {http_status: 503, percentage: {numerator: 100}}");
  Get();
  EXPECT_EQ(client_->Take(), "");
  world_->Wait(100);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 503 DI,FI fault_filter_abort 0 18 100");
}

TEST_F(FaultTest, OnlyItsShareOfTheRequests) {
  Start("abort: {http_status: 503, percentage: {numerator: 250000, denominator: MILLION}}");
  int aborted = 0;
  for (int i = 0; i < 1000; ++i) {
    Get();
    if (Reached()) Answer();
    aborted += client_->Take().starts_with("HTTP/1.1 503 ");
  }
  EXPECT_GT(aborted, 200);
  EXPECT_LT(aborted, 300);
}

TEST_F(FaultTest, WithoutAShareThereIsNone) {
  Start("abort: {http_status: 503}");
  Get();
  EXPECT_TRUE(Reached());
}

TEST_F(FaultTest, AsTheRequestAsks) {
  const std::string fault =
      "delay: {header_delay: {}, percentage: {numerator: 100}}\nabort: {header_abort: {}, percentage: {numerator: 100}}";
  Start(fault);
  Get();
  EXPECT_TRUE(Reached());
  Answer();
  client_->Take();
  Get("x-envoy-fault-abort-request: 429\r\n");
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 429 "));
  Get("x-envoy-fault-abort-request: 429\r\nx-envoy-fault-abort-request-percentage: 0\r\n");
  EXPECT_TRUE(Reached());
  Answer();
  client_->Take();
  Get("x-envoy-fault-abort-request: 99\r\nx-envoy-fault-delay-request: -1\r\n");  // none that there could be
  EXPECT_TRUE(Reached());
  Answer();
  client_->Take();
  Get("x-envoy-fault-delay-request: 50\r\n");
  world_->Wait(49);
  EXPECT_FALSE(Reached());
  world_->Wait(1);
  EXPECT_TRUE(Reached());
}

TEST_F(FaultTest, OnlyRequestsThatFit) {
  const std::string abort = "abort: {http_status: 503, percentage: {numerator: 100}}\n";
  Start(abort + "headers: [{name: x-test, string_match: {exact: \"1\"}}]");
  Get();
  EXPECT_TRUE(Reached());
  Answer();
  client_->Take();
  Get("x-test: 1\r\n");
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 503 "));
  Start(abort + "upstream_cluster: other");
  Get();
  EXPECT_TRUE(Reached());
  Start(abort + "upstream_cluster: app\ndownstream_nodes: [a, b]");
  Get("x-envoy-downstream-service-node: c\r\n");
  EXPECT_TRUE(Reached());
  Answer();
  client_->Take();
  Get("x-envoy-downstream-service-node: b\r\n");
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 503 "));
}

// The bound is the process's, not a worker's.
TEST_F(FaultTest, NoMoreAtATimeThanAllowed) {
  Start("delay: {fixed_delay: 1s, percentage: {numerator: 100}}\nmax_active_faults: 1", {.workers = 2});
  Get();
  const std::unique_ptr<Peer> other = world_->Connect();  // on the other worker
  other->Send("GET /x HTTP/1.1\r\nhost: h\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(Reached());
  EXPECT_EQ(world_->stat("http.in.fault.faults_overflow"), 1);
  EXPECT_EQ(world_->stat("http.in.fault.delays_injected"), 1);
}

TEST_F(FaultTest, SlowsAResponse) {
  Start("response_rate_limit: {fixed_limit: {limit_kbps: 16}, percentage: {numerator: 100}}");
  Get();
  const std::string body(32 * 1024, 'x');
  Answer("HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  world_->Wait(1000);
  const size_t after_a_second = client_->received().size();
  EXPECT_GT(after_a_second, 15'000u);
  EXPECT_LT(after_a_second, 18'000u);
  world_->Wait(1200);
  EXPECT_TRUE(client_->Take().ends_with("\r\n\r\n" + body));
  EXPECT_EQ(world_->stat("http.in.fault.response_rl_injected"), 1);
}

TEST_F(FaultTest, SlowsAResponseAsTheRequestAsks) {
  Start("response_rate_limit: {header_limit: {}, percentage: {numerator: 100}}");
  Get("x-envoy-fault-throughput-response: 1\r\n");
  Answer("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + std::string(1000, 'x'));
  world_->Wait(500);
  EXPECT_LT(client_->received().size(), 900u);
  world_->Wait(1000);
  EXPECT_TRUE(client_->Take().ends_with(std::string(1000, 'x')));
}

TEST_F(FaultTest, SlowsAResponseWithTrailers) {
  Start("response_rate_limit: {fixed_limit: {limit_kbps: 1}, percentage: {numerator: 100}}",
        {.hcm = "http_protocol_options: {enable_trailers: true}",
         .cluster = "typed_extension_protocol_options:\n"
                    "  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
                    "    \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n"
                    "    explicit_http_config: {http_protocol_options: {enable_trailers: true}}"});
  Get("te: trailers\r\n");
  Answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\n" + std::string(100, 'y') +
         "\r\n0\r\nx-sum: 1\r\n\r\n");
  world_->Wait(500);
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.ends_with("0\r\nx-sum: 1\r\n\r\n")) << answer;
}

// What is configured holds until the runtime says otherwise; a key may have a name of its own.
TEST_F(FaultTest, TheRuntimeMaySayOtherwise) {
  const auto number = [](uint64_t value) {
    runtime::Value set;
    set.integer = value;
    return set;
  };
  Start("delay: {fixed_delay: 0.25s, percentage: {numerator: 0}}\n"
        "abort: {http_status: 503, percentage: {numerator: 100}}\n"
        "abort_percent_runtime: my.aborts");
  world_->runtime_keys().Apply({{"fault.http.delay.fixed_delay_percent", number(100)},
                                {"fault.http.delay.fixed_duration_ms", number(40)},
                                {"my.aborts", number(0)}});
  Get();
  EXPECT_FALSE(Reached());
  world_->Wait(40);
  EXPECT_TRUE(Reached());
  Answer();
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 200 DI via_upstream 0 2 40");

  world_->runtime_keys().Apply({{"fault.http.abort.http_status", number(418)}});
  Get();
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 418 FI fault_filter_abort 0 18 0");

  world_->runtime_keys().Apply({{"fault.http.max_active_faults", number(0)}});
  Get();
  EXPECT_TRUE(Reached()) << "no more faults than that";
}

TEST_F(FaultTest, NamesOfKeys) {
  const auto number = [](uint64_t value) {
    runtime::Value set;
    set.integer = value;
    return set;
  };
  Start("delay: {fixed_delay: 0.25s, percentage: {numerator: 0}}\n"
        "abort: {grpc_status: 5, percentage: {numerator: 0}}\n"
        "response_rate_limit: {fixed_limit: {limit_kbps: 1}, percentage: {numerator: 0}}\n"
        "delay_percent_runtime: my.delay\ndelay_duration_runtime: my.ms\nmax_active_faults_runtime: my.most\n"
        "abort_http_status_runtime: my.status\nabort_grpc_status_runtime: my.grpc\n"
        "response_rate_limit_percent_runtime: my.rate");
  for (const char* const name : {"my.delay", "my.ms", "my.most", "my.status", "my.grpc", "my.rate"}) {
    EXPECT_TRUE(world_->runtime_keys().Knows(name)) << name;
  }
  world_->runtime_keys().Apply({{"fault.http.abort.abort_percent", number(100)}, {"my.grpc", number(7)}});
  client_->Send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  EXPECT_NE(client_->Take().find("\r\ngrpc-status: 7\r\n"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test
