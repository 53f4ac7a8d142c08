// What can be configured of listeners, connection managers, routes and clusters, each option with a value of its own and
// where it shows: those that no case of test/cases has. HTTP/2's are in http2_options_test.cc.

#include <gtest/gtest.h>

#include <map>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

// A request's fields but for `host`, and the lines of an answer behind them.
std::string Get(const std::string& fields = "", const std::string& path = "/") {
  return "GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n";
}
std::string Ok(const std::string& fields = "") {
  return "HTTP/1.1 200 OK\r\n" + fields + "content-length: 0\r\n\r\n";
}

bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class OptionsTest : public testing::Test {
 protected:
  // Begins a new world.
  void Start(const ProxySettings& settings) {
    client_.reset();
    world_.reset();
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void StartManager(const std::string& hcm) { Start({.hcm = hcm}); }
  // `request` as it goes upstream.
  std::string Forwarded(const std::string& request) {
    client_->Send(request);
    world_->Run();
    return world_->upstream().size() == 0 ? "" : world_->upstream().peer(world_->upstream().size() - 1).Take();
  }
  // What the client gets for `response` to a GET.
  std::string Answered(const std::string& response) {
    Forwarded(Get());
    world_->upstream().peer(world_->upstream().size() - 1).Send(response);
    world_->Run();
    return client_->Take();
  }
  std::string Exchange(const std::string& request) {
    client_->Send(request);
    world_->Run();
    return client_->Take();
  }
  void TearDown() override {
    client_.reset();
    world_.reset();
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

// --- what is told of the client ------------------------------------------------------------------------------------

TEST_F(OptionsTest, ForwardedFor) {
  const std::string fields = "x-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\nx-forwarded-proto: https\r\n";
  StartManager("");
  EXPECT_TRUE(Contains(Forwarded(Get(fields)), fields));
  StartManager("use_remote_address: true");
  std::string got = Forwarded(Get(fields));
  EXPECT_TRUE(Contains(got, "x-forwarded-for: 1.1.1.1,2.2.2.2,127.0.0.1\r\n")) << got;
  EXPECT_TRUE(Contains(got, "x-forwarded-proto: http\r\n")) << got;
  StartManager("use_remote_address: true\nskip_xff_append: true");
  EXPECT_TRUE(Contains(Forwarded(Get(fields)), "x-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n"));
  StartManager("use_remote_address: true\nxff_num_trusted_hops: 1");
  EXPECT_TRUE(Contains(Forwarded(Get(fields)), "x-forwarded-proto: https\r\n"));
}

// Whom the access log names as the client.
TEST_F(OptionsTest, TrustedHops) {
  struct {
    std::string hcm;
    std::string forwarded_for;
    std::string client;
  } const cases[] = {
      {"", "", "peer"},
      {"", "1.1.1.1, 2.2.2.2", "2.2.2.2:0"},
      {"", "2001:db8::1", "[2001:db8::1]:0"},
      {"", "nobody", "peer"},
      {"", "1.1.1.1,", "peer"},
      {"xff_num_trusted_hops: 1", "1.1.1.1, 2.2.2.2", "1.1.1.1:0"},
      {"xff_num_trusted_hops: 2", "1.1.1.1, 2.2.2.2", "peer"},
      {"use_remote_address: true", "1.1.1.1, 2.2.2.2", "peer"},
      {"use_remote_address: true\nxff_num_trusted_hops: 1", "1.1.1.1, 2.2.2.2", "2.2.2.2:0"},
      {"use_remote_address: true\nxff_num_trusted_hops: 2", "1.1.1.1, 2.2.2.2", "1.1.1.1:0"},
      {"use_remote_address: true\nxff_num_trusted_hops: 3", "1.1.1.1, 2.2.2.2", "peer"},
      {"use_remote_address: true\nskip_xff_append: true\nxff_num_trusted_hops: 1", "1.1.1.1, 2.2.2.2", "2.2.2.2:0"},
  };
  for (const auto& c : cases) {
    Start({.hcm = c.hcm, .filter_log = "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"});
    Exchange(Get(c.forwarded_for.empty() ? "" : "x-forwarded-for: " + c.forwarded_for + "\r\n", "/direct"));
    const Lines log = world_->TakeLog();
    ASSERT_EQ(log.size(), 1u);
    const std::string peer = log[0].substr(log[0].find(' ') + 1);
    EXPECT_TRUE(peer.starts_with("127.0.0.1:")) << peer;
    EXPECT_EQ(log[0], (c.client == "peer" ? peer : c.client) + " " + peer) << c.hcm << " " << c.forwarded_for;
  }
}

TEST_F(OptionsTest, RequestIds) {
  const auto id = [this](const std::string& hcm, const std::string& fields) -> std::string {
    StartManager(hcm);
    const std::string got = Forwarded(Get(fields));
    const size_t at = got.find("x-request-id: ");
    return at == got.npos ? "" : got.substr(at + 14, got.find('\r', at) - at - 14);
  };
  const std::string given = "x-request-id: mine\r\n";
  EXPECT_EQ(id("generate_request_id: true", "").size(), 36u);
  EXPECT_EQ(id("generate_request_id: true", given), "mine");
  EXPECT_EQ(id("generate_request_id: true\nuse_remote_address: true", given).size(), 36u);
  EXPECT_EQ(id("generate_request_id: true\nuse_remote_address: true\npreserve_external_request_id: true", given), "mine");
  EXPECT_EQ(id("generate_request_id: false", ""), "");
  EXPECT_EQ(id("generate_request_id: false\nuse_remote_address: true", given), "mine");
}

TEST_F(OptionsTest, TraceReasonOfTheRequestId) {
  const std::string type = "\"@type\": type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
  const auto reason = [this](const std::string& tracing, const std::string& extension = "", const std::string& field = "") {
    StartManager("generate_request_id: true\ntracing: {" + tracing + "}" +
                 (extension.empty() ? "" : "\nrequest_id_extension: {typed_config: {" + extension + "}}"));
    const std::string got = Forwarded(Get(field));
    const size_t at = got.find("x-request-id: ");
    return at == got.npos ? std::string() : got.substr(at + 28, 1);
  };
  EXPECT_EQ(reason(""), "9");
  EXPECT_EQ(reason("random_sampling: {value: 0}"), "4");
  EXPECT_EQ(reason("random_sampling: {value: 0}", "", "x-client-trace-id: 1\r\n"), "b");
  EXPECT_EQ(reason("random_sampling: {value: 0}, client_sampling: {value: 0}", "", "x-client-trace-id: 1\r\n"), "4");
  EXPECT_EQ(reason("overall_sampling: {value: 0}"), "4");
  EXPECT_EQ(reason("", type), "9");
  EXPECT_EQ(reason("", type + ", pack_trace_reason: false"), "4");
  EXPECT_EQ(reason("", type + ", use_request_id_for_trace_sampling: false"), "4");
}

// --- who we are ----------------------------------------------------------------------------------------------------

TEST_F(OptionsTest, Via) {
  StartManager("via: edge");
  EXPECT_TRUE(Contains(Forwarded(Get()), "\r\nvia: edge\r\n"));
  StartManager("via: edge");
  EXPECT_TRUE(Contains(Forwarded(Get("via: 1.0 a\r\nvia: 1.1 b\r\n")), "\r\nvia: 1.0 a,1.1 b, edge\r\n"));
  StartManager("via: edge");
  EXPECT_TRUE(Contains(Answered(Ok("via: 1.1 app\r\n")), "\r\nvia: 1.1 app, edge\r\n"));
  EXPECT_TRUE(Contains(Exchange(Get("", "/direct")), "\r\nvia: edge\r\n"));
}

// The node's cluster and id.
TEST_F(OptionsTest, AddUserAgent) {
  StartManager("add_user_agent: true");
  std::string got = Forwarded(Get("x-envoy-downstream-service-node: another\r\n"));
  EXPECT_TRUE(Contains(got, "\r\nuser-agent: service-1\r\n")) << got;
  EXPECT_TRUE(Contains(got, "\r\nx-envoy-downstream-service-cluster: service-1\r\n")) << got;
  EXPECT_TRUE(Contains(got, "\r\nx-envoy-downstream-service-node: node-1\r\n")) << got;
  EXPECT_FALSE(Contains(got, "another")) << got;
  StartManager("add_user_agent: true");
  EXPECT_TRUE(Contains(Forwarded(Get("user-agent: curl\r\n")), "\r\nuser-agent: curl\r\n"));
  StartManager("");
  EXPECT_FALSE(Contains(Forwarded(Get()), "service-1"));
}

TEST_F(OptionsTest, ServerHeader) {
  StartManager("server_name: edge");
  EXPECT_TRUE(Contains(Answered(Ok("server: app\r\n")), "\r\nserver: edge\r\n"));
  StartManager("server_name: edge\nserver_header_transformation: APPEND_IF_ABSENT");
  EXPECT_TRUE(Contains(Answered(Ok("server: app\r\n")), "\r\nserver: app\r\n"));
  EXPECT_TRUE(Contains(Answered(Ok()), "\r\nserver: edge\r\n"));
  StartManager("server_name: edge\nserver_header_transformation: PASS_THROUGH");
  EXPECT_TRUE(Contains(Answered(Ok("server: app\r\n")), "\r\nserver: app\r\n"));
  EXPECT_FALSE(Contains(Answered(Ok()), "\r\nserver:"));
}

TEST_F(OptionsTest, SuppressEnvoyHeaders) {
  for (const bool suppress : {false, true}) {
    Start({.router = suppress ? "suppress_envoy_headers: true" : "",
           .cluster = "circuit_breakers: {thresholds: [{max_requests: 1}]}"});
    EXPECT_EQ(Contains(Forwarded(Get()), "x-envoy-"), !suppress);
    const std::unique_ptr<Peer> second = world_->Connect();
    second->Send(Get());
    world_->Run();
    EXPECT_TRUE(Contains(second->received(), "503"));
    EXPECT_EQ(Contains(second->received(), "x-envoy-overloaded"), !suppress);
    world_->upstream().peer(0).Send(Ok());
    world_->Run();
    EXPECT_EQ(Contains(client_->Take(), "x-envoy-upstream-service-time"), !suppress);
  }
}

TEST_F(OptionsTest, StatNames) {
  StartManager("");  // both prefixes are "in"
  Exchange(Get("", "/direct"));
  EXPECT_EQ(world_->stat("listener.in.downstream_cx_total"), 1);
  EXPECT_EQ(world_->stat("http.in.downstream_rq_total"), 1);
}

TEST_F(OptionsTest, UpgradesThatAreNotEnabled) {
  const std::string asks = "connection: upgrade\r\nupgrade: websocket\r\n";
  StartManager("upgrade_configs: [{upgrade_type: websocket, enabled: false}]");
  EXPECT_TRUE(Exchange(Get(asks)).starts_with("HTTP/1.1 403"));
  StartManager("upgrade_configs: [{upgrade_type: websocket, enabled: true}]");
  EXPECT_TRUE(Contains(Forwarded(Get(asks)), "upgrade: websocket"));
}

// --- bounds --------------------------------------------------------------------------------------------------------

TEST_F(OptionsTest, MaxHeadersCount) {
  const std::string options = "common_http_protocol_options: {max_headers_count: 3}";
  StartManager(options);
  EXPECT_TRUE(Exchange(Get("a: 1\r\nb: 2\r\n", "/direct")).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(Exchange(Get("a: 1\r\nb: 2\r\nc: 3\r\n", "/direct")).starts_with("HTTP/1.1 431"));
  Start({.cluster = "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "
                    "{\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
                    "explicit_http_config: {http_protocol_options: {}}, " + options + "}}"});
  EXPECT_TRUE(Answered(Ok("a: 1\r\nb: 2\r\n")).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(Answered(Ok("a: 1\r\nb: 2\r\nc: 3\r\n")).starts_with("HTTP/1.1 502"));
}

TEST_F(OptionsTest, MaxRequestHeadersKb) {
  StartManager("max_request_headers_kb: 2");
  EXPECT_TRUE(Exchange(Get("a: " + std::string(1900, 'x') + "\r\n", "/direct")).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(Exchange(Get("a: " + std::string(2048, 'x') + "\r\n", "/direct")).starts_with("HTTP/1.1 431"));
}

// How much of an answer is taken from upstream while the client does not read, and of a request while upstream does
// not. One byte is a limit too: all of it comes in the end.
TEST_F(OptionsTest, BufferLimits) {
  const std::string body(4'000'000, 'x');
  const std::string length = "content-length: " + std::to_string(body.size()) + "\r\n\r\n";
  std::map<int, std::vector<size_t>> blocks;  // held, by limit
  for (const int limit : {1, 200'000}) {
    const std::string option = "per_connection_buffer_limit_bytes: " + std::to_string(limit);
    Start({.listener = option, .cluster = option});
    client_->StopReading();
    client_->Send(Get());
    world_->Run();
    Peer& upstream = world_->upstream().peer(0);
    upstream.Send("HTTP/1.1 200 OK\r\n" + length + body);
    world_->Run();
    blocks[limit].push_back(world_->worker().blocks().blocks_taken());
    client_->ReadAgain();
    world_->Run();
    EXPECT_GT(client_->Take().size(), body.size());

    upstream.Take();
    upstream.StopReading();
    client_->Send("POST / HTTP/1.1\r\nhost: h\r\n" + length + body);
    world_->Run();
    blocks[limit].push_back(world_->worker().blocks().blocks_taken());
    upstream.ReadAgain();
    world_->Run();
    EXPECT_GT(upstream.Take().size(), body.size());
    upstream.Send(Ok());
    world_->Run();
  }
  EXPECT_LT(blocks[1][0], blocks[200'000][0]);
  EXPECT_LT(blocks[1][1], blocks[200'000][1]);
}

// The answer to a bad request ends the connection; the client may leave until then.
TEST_F(OptionsTest, DelayedCloseTimeout) {
  for (const int seconds : {0, 3}) {
    StartManager("delayed_close_timeout: " + std::to_string(seconds) + "s");
    EXPECT_TRUE(Exchange("GET\r\n\r\n").starts_with("HTTP/1.1 400"));
    if (seconds > 0) world_->Wait(1000 * seconds - 1);
    EXPECT_EQ(world_->connections(), 1u);
    world_->Wait(1);
    EXPECT_EQ(world_->connections(), 0u);
  }
}

// --- clusters ------------------------------------------------------------------------------------------------------

TEST_F(OptionsTest, AltStatName) {
  Start({.cluster = "alt_stat_name: some:other"});
  EXPECT_TRUE(Answered(Ok()).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(world_->stat("cluster.some_other.upstream_rq_total"), 1);
}

// The bounds of the priority that the route has.
TEST_F(OptionsTest, BreakersOfHighPriority) {
  const std::string breakers = "circuit_breakers: {thresholds: [{max_requests: 0}, {priority: HIGH, max_requests: 1}]}";
  Start({.route = "priority: HIGH", .cluster = breakers});
  EXPECT_TRUE(Contains(Forwarded(Get()), "GET / HTTP/1.1"));
  EXPECT_EQ(world_->stat("cluster.app.circuit_breakers.high.rq_open"), 1);
  Start({.route = "priority: DEFAULT", .cluster = breakers});
  EXPECT_TRUE(Contains(Exchange(Get()), "503 Service Unavailable"));
  EXPECT_EQ(world_->TakeLog().at(0), "GET / HTTP/1.1 503 UO upstream_reset_before_response_started{overflow} 0 81 0");
}

TEST_F(OptionsTest, MaxStreamDurationUpstream) {
  const std::string options =
      "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "
      "{\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
      "explicit_http_config: {http_protocol_options: {}}, common_http_protocol_options: {max_stream_duration: 2s}}}";
  Start({.cluster = options});
  Forwarded(Get());
  world_->Wait(2000);
  EXPECT_TRUE(client_->Take().ends_with("upstream max stream duration reached"));
  EXPECT_EQ(world_->TakeLog().at(0), "GET / HTTP/1.1 504 UMSDR upstream_max_stream_duration_reached 0 36 2000");
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_max_duration_reached"), 1);
  // Also in the middle of an answer; a new try begins anew.
  Start({.route = "retry_policy: {retry_on: reset, retry_back_off: {base_interval: 0.001s}}", .cluster = options});
  Forwarded(Get());
  world_->Wait(2100);
  ASSERT_EQ(world_->upstream().size(), 2u);
  world_->upstream().peer(1).Send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe");
  world_->Wait(1800);
  EXPECT_FALSE(client_->ended());
  world_->Wait(200);
  EXPECT_EQ(client_->error(), ECONNRESET);
  EXPECT_EQ(world_->TakeLog().size(), 1u);
}

TEST_F(OptionsTest, MaxConnectAttempts) {
  for (const int attempts : {1, 3}) {
    Start({.hcm = "max_connect_attempts: " + std::to_string(attempts), .filter_log = "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
           .tcp = true});
    world_->faults().connect_error = ECONNREFUSED;
    world_->Run();
    EXPECT_EQ(world_->TakeLog(), Lines{std::to_string(attempts)});
    EXPECT_EQ(world_->stat("cluster.app.upstream_cx_connect_fail"), attempts);
  }
}

// Who has come before counts as well.
TEST_F(OptionsTest, TheRuntimeSwitchesConnectionLimits) {
  Start({.network_filters = "- name: limit\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network."
                            "connection_limit.v3.ConnectionLimit, stat_prefix: few, max_connections: 1, "
                            "runtime_enabled: {default_value: false, runtime_key: limit.on}}\n",
         .listener_log = "%DOWNSTREAM_LOCAL_CLOSE_REASON%"});
  const auto served = [&] {
    const std::unique_ptr<Peer> client = world_->Connect();
    client->Send(Get("", "/direct"));
    world_->Run();
    const bool answered = client->Take().starts_with("HTTP/1.1 200");
    EXPECT_NE(client->ended(), answered);
    client->Close();
    world_->Run();
    return answered;
  };
  EXPECT_TRUE(served());
  EXPECT_EQ(world_->stat("connection_limit.few.active_connections"), 1);
  EXPECT_EQ(world_->TakeListenerLog(), Lines{"-"});
  runtime::Value on;
  on.flag = true;
  world_->runtime_keys().Apply({{"limit.on", on}});
  EXPECT_FALSE(served());
  EXPECT_EQ(world_->TakeListenerLog(), Lines{"over_connection_limit"});
  EXPECT_EQ(world_->stat("connection_limit.few.limited_connections"), 1);
  client_->Close();
  world_->Run();
  EXPECT_EQ(world_->stat("connection_limit.few.active_connections"), 0);
  EXPECT_TRUE(served());
  client_ = world_->Connect();
  world_->Run();
  EXPECT_FALSE(served());
  world_->runtime_keys().Apply({});
  EXPECT_TRUE(served());
}

// Passes the keepalive on to the test.
class KeepaliveConnector final : public net::Connector {
 public:
  std::unique_ptr<net::Transport> Connect(const net::Address& address, const net::ConnectOptions* given) override {
    keepalive = given == nullptr ? std::nullopt : given->keepalive;
    if (given != nullptr) sources = given->sources;
    foreign_source = given == nullptr ? std::nullopt : given->foreign_source;
    mark = given == nullptr ? 0 : given->mark;
    ++connects;
    return loopback->Connect(address, given);
  }

  std::unique_ptr<LoopbackConnector> loopback;
  std::optional<net::TcpKeepaliveOptions> keepalive;
  std::vector<net::Address> sources;
  std::optional<net::Address> foreign_source;
  uint32_t mark = 0;
  int connects = 0;
};

// Of clients that a head of the PROXY protocol names.
TEST_F(OptionsTest, ConnectionsFromTheClientsAddress) {
  KeepaliveConnector connector;
  const auto filter = [](const std::string& name, const std::string& message, const std::string& fields) {
    return "- name: " + name + "\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.listener." + name +
           ".v3." + message + fields + "}\n";
  };
  Start({.listener = "listener_filters:\n" + filter("proxy_protocol", "ProxyProtocol", "") +
                     filter("original_src", "OriginalSrc", ", mark: 7"),
         .connector = &connector});
  connector.loopback = std::make_unique<LoopbackConnector>(world_->simulation().network(), world_->simulation().loop(0));
  const auto ask = [&](const std::string& head) {
    const std::unique_ptr<Peer> client = world_->Connect();
    client->Send(head + "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    world_->Run();
    for (const std::unique_ptr<Peer>& peer : world_->upstream().peers()) {
      if (!peer->Take().empty()) peer->Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
    world_->Run();
    EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200"));
  };
  const std::string first = "PROXY TCP4 192.0.2.7 10.0.0.1 1234 80\r\n";
  ask(first);
  EXPECT_EQ(connector.foreign_source, net::Address::Ip("192.0.2.7", 0));
  EXPECT_TRUE(connector.sources.empty());
  EXPECT_EQ(connector.mark, 7u);
  ask(first);
  EXPECT_EQ(connector.connects, 1);  // by the same connection
  ask("PROXY TCP4 192.0.2.8 10.0.0.1 1234 80\r\n");
  EXPECT_EQ(connector.foreign_source, net::Address::Ip("192.0.2.8", 0));
  EXPECT_EQ(connector.connects, 2);
  // The host has no address of that family, which the socket finds out.
  ask("PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n");
  EXPECT_EQ(connector.foreign_source, net::Address::Ip("2001:db8::7", 0));
  EXPECT_EQ(connector.mark, 7u);
  TearDown();  // before the connector
}

TEST_F(OptionsTest, TcpKeepalive) {
  KeepaliveConnector connector;
  Start({.cluster = "upstream_connection_options: {tcp_keepalive: {keepalive_probes: 3, keepalive_time: 60, "
                    "keepalive_interval: 7}}",
         .connector = &connector});
  connector.loopback = std::make_unique<LoopbackConnector>(world_->simulation().network(), world_->simulation().loop(0));
  EXPECT_TRUE(Answered(Ok()).starts_with("HTTP/1.1 200"));
  ASSERT_TRUE(connector.keepalive.has_value());
  EXPECT_EQ(connector.keepalive->probes, 3u);
  EXPECT_EQ(connector.keepalive->time_s, 60u);
  EXPECT_EQ(connector.keepalive->interval_s, 7u);
  TearDown();  // before the connector
}

TEST_F(OptionsTest, UpstreamBindConfig) {
  KeepaliveConnector connector;
  Start({.cluster = "upstream_bind_config: {source_address: {address: 127.0.0.6, port_value: 0}}",
         .connector = &connector});
  connector.loopback = std::make_unique<LoopbackConnector>(world_->simulation().network(), world_->simulation().loop(0));
  EXPECT_TRUE(Answered(Ok()).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(connector.sources, std::vector{*net::Address::Ip("127.0.0.6", 0)});
  EXPECT_FALSE(connector.keepalive.has_value());
  TearDown();  // before the connector
}

}  // namespace
}  // namespace pillion::test
