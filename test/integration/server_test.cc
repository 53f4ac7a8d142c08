// A server with all its threads and thousands of connections: each request gets its own answer, whatever the others do,
// whoever asks the administration meanwhile, and when the server ends.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "source/net/listener.h"
#include "test/integration/crowd.h"
#include "test/integration/running_server.h"

namespace pillion::test {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr size_t kMany = 50;
#else
constexpr size_t kMany = 1000;
#endif

// A listener with one virtual host, whose routes are these.
std::string Listener(const std::string& name, const std::string& address, const std::string& routes) {
  return "  - name: " + name + "\n    address: " + address + R"(
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: )" + name + R"(
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [)" + routes + "]}\n";
}

std::string Cluster(const std::string& name, const std::string& path, bool http2) {
  std::string text = "  - name: " + name + "\n    circuit_breakers: {thresholds: [{max_connections: 10000, "
                     "max_pending_requests: 10000, max_requests: 10000}]}\n";
  if (http2) {
    text += R"(    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
)";
  }
  return text + "    load_assignment: {cluster_name: " + name +
         ", endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: \"" + path + "\"}}}}]}]}\n";
}

std::string Route(const std::string& prefix, const std::string& cluster) {
  return "{match: {prefix: " + prefix + "}, route: {cluster: " + cluster + "}}, ";
}

// A socket that connections queue at, and that nobody ever accepts from.
class SilentSocket {
 public:
  SilentSocket() : path_(SocketPath("silent")) {
    auto socket = net::ListenSocket::Open(*net::Address::Unix(path_), {});
    EXPECT_TRUE(socket.ok()) << socket.status();
    socket_ = *std::move(socket);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  std::unique_ptr<net::ListenSocket> socket_;
};

// "front" passes to "back" of the same server, by HTTP/1 and HTTP/2; what goes to /silent is never answered.
std::string Resources(const SilentSocket& silent) {
  const std::string back = SocketPath("back");
  return "  listeners:\n" +
         Listener("front", "{socket_address: {address: 127.0.0.1, port_value: 0}}",
                  Route("/1", "back1") + Route("/2", "back2") + Route("/silent", "silent")) +
         Listener("back", "{pipe: {path: \"" + back + "\"}}",
                  "{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: here}}}") +
         "  clusters:\n" + Cluster("back1", back, false) + Cluster("back2", back, true) +
         Cluster("silent", silent.path(), false);
}

std::string GetRequest(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nhost: h\r\n\r\n"; }

// Asks for everything that the administration reads from other threads, until it is destroyed.
class Curious {
 public:
  explicit Curious(const RunningServer& server) : thread_([this, &server] {
    while (!enough_) {
      for (const char* path : {"/stats", "/stats/prometheus", "/stats?format=json", "/clusters", "/memory", "/server_info"}) {
        EXPECT_NE(server.Get(path), "") << path;
      }
    }
  }) {}
  ~Curious() {
    enough_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> enough_ = false;
  std::thread thread_;
};

class ServerTest : public testing::TestWithParam<uint32_t> {
 protected:
  SilentSocket silent_;
  RunningServer server_{Resources(silent_), GetParam()};
};

TEST_P(ServerTest, EachOfManyConnectionsIsServed) {
  const Curious curious(server_);
  Crowd crowd(server_.front(), 2 * kMany);
  const Crowd::Result http1 = crowd.Exchange(GetRequest("/1"), "here", 4);
  EXPECT_EQ(http1.answers, 8 * kMany);
  const Crowd::Result http2 = crowd.Exchange(GetRequest("/2"), "here", 4);
  EXPECT_EQ(http2.answers, 8 * kMany);
  EXPECT_EQ(server_.stat("http.front.downstream_cx_active"), static_cast<int64_t>(2 * kMany));
  EXPECT_EQ(server_.stat("http.front.downstream_rq_2xx"), static_cast<int64_t>(16 * kMany));
  EXPECT_EQ(server_.stat("http.back.downstream_rq_2xx"), static_cast<int64_t>(16 * kMany));
}

TEST_P(ServerTest, ResetsCostNobodyElseAnything) {
  const Curious curious(server_);
  Crowd leaving(server_.front(), kMany);
  leaving.Send(GetRequest("/silent"));
  EXPECT_TRUE(Until([&] { return server_.stat("cluster.silent.upstream_rq_active") == static_cast<int64_t>(kMany); }));
  Crowd staying(server_.front(), kMany);
  std::thread reset([&] { leaving.Reset(); });
  const Crowd::Result result = staying.Exchange(GetRequest("/1"), "here", 10);
  reset.join();
  EXPECT_EQ(result.answers, 10 * kMany);
  EXPECT_TRUE(Until([&] { return server_.stat("http.front.downstream_cx_active") == static_cast<int64_t>(kMany); }));
  EXPECT_EQ(server_.stat("http.front.downstream_rq_active"), 0);
  EXPECT_EQ(server_.stat("cluster.silent.upstream_rq_active"), 0);
  EXPECT_EQ(server_.stat("http.front.downstream_rq_rx_reset"), static_cast<int64_t>(kMany));
}

// Each connection has a request on its way at every moment: each is answered, and the last answer says so.
TEST_P(ServerTest, DrainLosesNothing) {
  Crowd crowd(server_.front(), kMany);
  EXPECT_EQ(crowd.Exchange(GetRequest("/1"), "here", 1).answers, kMany);
  std::thread signal([&] { server_.Terminate(); });
  const Crowd::Result result = crowd.Exchange(GetRequest("/1"), "here", 1'000'000);
  signal.join();
  EXPECT_EQ(result.told, kMany);
  EXPECT_EQ(result.cut, 0u);
  EXPECT_EQ(result.wrong, 0u);
  EXPECT_TRUE(server_.Ended());
}

// What is in flight is cut short; the server is gone, and another may have its place.
TEST_P(ServerTest, EndsAtOnceWithRequestsInFlight) {
  Crowd crowd(server_.front(), kMany);
  crowd.Send(GetRequest("/silent"));
  server_.Terminate();
  EXPECT_TRUE(Until([&] { return server_.Get("/ready") != "LIVE\n"; }));
  server_.Terminate();
  EXPECT_TRUE(server_.Ended());
}

TEST(Server, StartsAndEndsOften) {
  const SilentSocket silent;
  for (int i = 0; i < 10; ++i) {
    RunningServer server(Resources(silent), 4);
    Crowd crowd(server.front(), 20);
    EXPECT_EQ(crowd.Exchange(GetRequest(i % 2 == 0 ? "/1" : "/2"), "here", 2).answers, 40u);
    crowd.Send(GetRequest("/silent"));
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, ServerTest, testing::Values(1, 2, 4));

}  // namespace
}  // namespace pillion::test
