// What is counted of all requests, for who judges by it.

#include "source/stats/traffic.h"

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

class TrafficTest : public testing::Test {
 protected:
  void Make(const ProxySettings& settings = {}) {
    world_ = std::make_unique<ProxyWorld>(settings);
    world_->context().traffic = &traffic_;
  }
  // What the upstream answers; empty: nothing.
  std::string Ask(const std::string& answer, const std::string& head = "GET / HTTP/1.1\r\nhost: h\r\n\r\n") {
    const auto client = world_->Connect();
    client->Send(head);
    world_->Run();
    if (!answer.empty()) {
      world_->upstream().peer(world_->upstream().size() - 1).Send(answer);
      world_->Run();
    }
    return client->Take();
  }
  std::string Counted() {
    stats::BucketCounts counts{};
    traffic_.milliseconds.AddTo(counts);
    uint64_t timed = 0;
    for (const uint64_t count : counts) timed += count;
    return std::to_string(traffic_.requests.value()) + " requests, " + std::to_string(traffic_.errors.value()) + " errors, " +
           std::to_string(traffic_.overflows.value()) + " overflows, " + std::to_string(timed) + " timed";
  }

  stats::Traffic traffic_;  // outlives the world
  std::unique_ptr<ProxyWorld> world_;
};

TEST_F(TrafficTest, Answers) {
  Make();
  Ask("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  Ask("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(Counted(), "2 requests, 0 errors, 0 overflows, 2 timed");
  Ask("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(Counted(), "3 requests, 1 errors, 0 overflows, 3 timed");
}

TEST_F(TrafficTest, AnswersOfItsOwn) {
  Make({.first_routes = "- {match: {path: /gone}, direct_response: {status: 503}}\n"});
  Ask("", "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_EQ(Counted(), "1 requests, 0 errors, 0 overflows, 1 timed");
  Ask("", "GET /gone HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_EQ(Counted(), "2 requests, 1 errors, 0 overflows, 2 timed");
}

TEST_F(TrafficTest, ThereIsNoRoute) {
  Make({.domains = "[h]"});
  EXPECT_TRUE(Ask("", "GET / HTTP/1.1\r\nhost: other\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_EQ(Counted(), "1 requests, 1 errors, 0 overflows, 1 timed");
}

TEST_F(TrafficTest, AnAnswerThatIsBrokenOff) {
  Make();
  const auto client = world_->Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world_->Run();
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal");
  world_->Run();
  world_->upstream().peer(0).Close();
  world_->Run();
  EXPECT_EQ(Counted(), "1 requests, 1 errors, 0 overflows, 1 timed");
}

TEST_F(TrafficTest, AClientThatGoesIsNoError) {
  Make();
  const auto client = world_->Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world_->Run();
  client->Reset();
  world_->Run();
  EXPECT_EQ(Counted(), "1 requests, 0 errors, 0 overflows, 1 timed");
}

TEST_F(TrafficTest, ABreakerRefuses) {
  Make({.cluster = "circuit_breakers: {thresholds: [{max_requests: 0, max_pending_requests: 0}]}"});
  EXPECT_TRUE(Ask("").starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(Counted(), "1 requests, 1 errors, 1 overflows, 1 timed");
}

TEST_F(TrafficTest, StatusOfGrpc) {
  Make();
  const std::string head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n";
  for (const char* const status : {"0", "5", "7"}) {
    Ask(std::string("HTTP/1.1 200 OK\r\ncontent-length: 0\r\ngrpc-status: ") + status + "\r\n\r\n", head);
  }
  EXPECT_EQ(Counted(), "3 requests, 0 errors, 0 overflows, 3 timed");
  for (const char* const status : {"2", "4", "12", "13", "14", "15"}) {
    Ask(std::string("HTTP/1.1 200 OK\r\ncontent-length: 0\r\ngrpc-status: ") + status + "\r\n\r\n", head);
  }
  EXPECT_EQ(Counted(), "9 requests, 6 errors, 0 overflows, 9 timed");
}

}  // namespace
}  // namespace pillion::test
