// Checks over a loopback network: bytes that go out, and what the answers are taken for.

#include "source/health/probe.h"

#include <gtest/gtest.h>

#include "source/codec/http2/memory_pool.h"
#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"

namespace pillion::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const net::Address kHost = *net::Address::Ip("127.0.0.1", 80);

class ProbeTest : public testing::Test {
 public:
  ProbeTest() {
    cluster->name = "be";
    check->timeout = seconds(1);
  }
  ~ProbeTest() override {
    probe.reset();
    simulation.RunUntilIdle();
  }
  template <typename How>
  void Make(How how) {
    check->how = std::move(how);
    cluster->health_check = check;
    probe = Probe::Make(thread, {.cluster = cluster, .address = kHost, .authority = "be"},
                        [this](const Result& result) { results.push_back(result); });
  }
  static config::HttpHealthCheck Http() { return {.path = "/ready", .expected_statuses = {{200, 201}}}; }
  // One check, to which the host answers so; kTimeout stands for none yet.
  Outcome Check(const std::string& answer = "") {
    results.clear();
    probe->Begin();
    simulation.RunUntilIdle();
    if (!answer.empty()) {
      listener.peers().back()->Send(answer);
      simulation.RunUntilIdle();
    }
    return results.empty() ? Outcome::kTimeout : results.back().outcome;
  }
  std::string Sent() { return listener.peers().back()->Take(); }

  test::Simulation simulation;
  test::LoopbackConnector connector{simulation.network(), simulation.loop()};
  codec::http2::MemoryPool memory;
  const ProbeThread thread{simulation.worker(), connector, memory};
  test::PeerListener listener{simulation.network(), simulation.loop(), kHost};
  std::shared_ptr<config::Cluster> cluster = std::make_shared<config::Cluster>();
  std::shared_ptr<config::HealthCheck> check = std::make_shared<config::HealthCheck>();
  std::vector<Result> results;
  std::unique_ptr<Probe> probe;
};

const char* const kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

TEST_F(ProbeTest, Http) {
  Make(Http());
  EXPECT_EQ(Check(kOk), Outcome::kPassed);
  EXPECT_EQ(Sent(), "GET /ready HTTP/1.1\r\nhost: be\r\nuser-agent: Envoy/HC\r\n\r\n");
  EXPECT_EQ(Check("HTTP/1.1 204 No Content\r\n\r\n"), Outcome::kFailed);
  EXPECT_EQ(listener.size(), 1u);  // the same connection
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-length: 0\r\n\r\n"), Outcome::kDegraded);
  EXPECT_EQ(Check("HTTP/1.1 503 No\r\nx-envoy-immediate-health-check-fail: true\r\ncontent-length: 0\r\n\r\n"),
            Outcome::kFailed);
  EXPECT_TRUE(results[0].exclude);
}

TEST_F(ProbeTest, HttpRequest) {
  config::HttpHealthCheck http = Http();
  http.method = "POST";
  http.send = "ping";
  http.add = {{.name = "x-a", .value = "1"}, {.name = "user-agent", .value = "mine", .append = false}};
  http.remove = {http::FieldName("x-b")};
  Make(http);
  EXPECT_EQ(Check(kOk), Outcome::kPassed);
  EXPECT_EQ(Sent(),
            "POST /ready HTTP/1.1\r\nhost: be\r\nx-a: 1\r\nuser-agent: mine\r\ncontent-length: 4\r\n\r\nping");
}

TEST_F(ProbeTest, HttpStatuses) {
  config::HttpHealthCheck http = Http();
  http.expected_statuses = {{200, 300}, {404, 405}};
  http.retriable_statuses = {{503, 504}};
  Make(http);
  EXPECT_EQ(Check("HTTP/1.1 299 Ok\r\ncontent-length: 0\r\n\r\n"), Outcome::kPassed);
  EXPECT_EQ(Check("HTTP/1.1 404 Ok\r\ncontent-length: 0\r\n\r\n"), Outcome::kPassed);
  EXPECT_EQ(Check("HTTP/1.1 300 No\r\ncontent-length: 0\r\n\r\n"), Outcome::kFailed);
  EXPECT_EQ(Check("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"), Outcome::kRetriable);
}

TEST_F(ProbeTest, HttpBody) {
  config::HttpHealthCheck http = Http();
  http.receive = {"al", "ve"};
  http.response_buffer = 8;
  Make(http);
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nI alive"), Outcome::kPassed);
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nve alas"), Outcome::kFailed);
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nI am alive"), Outcome::kFailed);  // beyond the buffer
}

TEST_F(ProbeTest, ServiceName) {
  config::HttpHealthCheck http = Http();
  http.service_name = match::StringMatcher(match::StringMatcher::Kind::kPrefix, "be");
  Make(http);
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\nx-envoy-upstream-healthchecked-cluster: be-1\r\ncontent-length: 0\r\n\r\n"),
            Outcome::kPassed);
  EXPECT_TRUE(results[0].name_compared);
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\nx-envoy-upstream-healthchecked-cluster: fe\r\ncontent-length: 0\r\n\r\n"),
            Outcome::kFailed);
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Outcome::kFailed);
}

TEST_F(ProbeTest, ConnectionsAreUsedAgainWhereThatIsWanted) {
  Make(Http());
  EXPECT_EQ(Check("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"), Outcome::kPassed);
  EXPECT_EQ(Check(kOk), Outcome::kPassed);
  EXPECT_EQ(listener.size(), 2u);
  listener.peer(1).Close();  // between checks: the next one connects anew
  simulation.RunUntilIdle();
  EXPECT_EQ(Check(kOk), Outcome::kPassed);
  EXPECT_EQ(listener.size(), 3u);
  check->reuse_connection = false;
  EXPECT_EQ(Check(kOk), Outcome::kPassed);
  EXPECT_EQ(Check(kOk), Outcome::kPassed);
  EXPECT_EQ(listener.size(), 4u);
  EXPECT_TRUE(listener.peer(3).ended());
}

TEST_F(ProbeTest, NoAnswer) {
  Make(Http());
  EXPECT_EQ(Check(), Outcome::kTimeout);
  simulation.AdvanceTime(milliseconds(999));
  EXPECT_TRUE(results.empty());
  simulation.AdvanceTime(milliseconds(2));
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].outcome, Outcome::kTimeout);
  EXPECT_TRUE(listener.peer(0).ended());
  EXPECT_EQ(Check(kOk), Outcome::kPassed);  // on a new one

  EXPECT_EQ(Check("HTTP/1.1 "), Outcome::kTimeout);
  listener.peers().back()->Close();
  simulation.RunUntilIdle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].outcome, Outcome::kNetworkFailure);
  EXPECT_EQ(Check("garbage\r\n\r\n"), Outcome::kNetworkFailure);

  simulation.network().faults(kHost).connect_error = ECONNREFUSED;
  EXPECT_EQ(Check(), Outcome::kNetworkFailure);
  simulation.network().faults(kHost).connect_error = 0;
  simulation.network().faults(kHost).connect_hangs = true;
  EXPECT_EQ(Check(), Outcome::kTimeout);
  simulation.AdvanceTime(seconds(2));
  EXPECT_EQ(results.size(), 1u);
}

TEST_F(ProbeTest, EndsWhileItWaits) {
  Make(Http());
  EXPECT_EQ(Check(), Outcome::kTimeout);
  probe.reset();
  simulation.RunUntilIdle();
  EXPECT_TRUE(results.empty());
  EXPECT_TRUE(listener.peer(0).ended());
}

TEST_F(ProbeTest, TcpConnect) {
  Make(config::TcpHealthCheck{});
  EXPECT_EQ(Check(), Outcome::kPassed);
  EXPECT_EQ(Check(), Outcome::kPassed);
  EXPECT_EQ(listener.size(), 2u);
  simulation.network().faults(kHost).connect_error = ECONNREFUSED;
  EXPECT_EQ(Check(), Outcome::kNetworkFailure);
}

TEST_F(ProbeTest, TcpBytes) {
  Make(config::TcpHealthCheck{.send = "PING", .receive = {"PO", "NG"}});
  EXPECT_EQ(Check("+PO"), Outcome::kTimeout);  // not all yet
  listener.peer(0).Send("XNG");
  simulation.RunUntilIdle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].outcome, Outcome::kPassed);
  EXPECT_EQ(Sent(), "PING");
  EXPECT_EQ(Check("NGPO"), Outcome::kTimeout);  // in the wrong order
  EXPECT_EQ(listener.size(), 1u);
  listener.peer(0).EndSending();
  simulation.RunUntilIdle();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].outcome, Outcome::kNetworkFailure);
  EXPECT_EQ(Check(std::string(100'000, 'x')), Outcome::kFailed);  // it would never end
}

}  // namespace
}  // namespace pillion::health
