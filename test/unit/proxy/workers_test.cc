// What must hold over all workers, and what each has for itself.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

class WorkersTest : public testing::TestWithParam<uint32_t> {};

TEST_P(WorkersTest, CountersAndLogAreOfAllWorkers) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(world.Connect());
    clients.back()->Send(kGet);
    world.Run();
  }
  ASSERT_EQ(world.upstream().size(), 8u);
  EXPECT_EQ(world.stat("http.in.downstream_rq_active"), 8);
  EXPECT_EQ(world.stat("cluster.app.upstream_rq_active"), 8);
  for (int i = 0; i < 8; ++i) world.upstream().peer(i).Send(kOk);
  world.Run();
  for (const auto& client : clients) EXPECT_TRUE(client->received().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(world.stat("http.in.downstream_rq_2xx"), 8);
  EXPECT_EQ(world.stat("http.in.downstream_rq_active"), 0);
  EXPECT_EQ(world.TakeLog().size(), 8u);
}

// A pool belongs to its worker: connections are used again there only.
TEST_P(WorkersTest, PoolsAreEachWorkersOwn) {
  ProxyWorld world({.workers = GetParam()});
  for (uint32_t i = 0; i < 4 * GetParam(); ++i) {
    std::unique_ptr<Peer> client = world.Connect();
    client->Send(kGet);
    world.Run();
    for (size_t j = 0; j < world.upstream().size(); ++j) {
      if (!world.upstream().peer(j).Take().empty()) world.upstream().peer(j).Send(kOk);
    }
    world.Run();
    EXPECT_TRUE(client->received().starts_with("HTTP/1.1 200 OK\r\n"));
    client->Close();
    world.Run();
  }
  EXPECT_EQ(world.upstream().size(), GetParam());
}

// A breaker's budget is one for the process.
TEST_P(WorkersTest, BreakersCountAllWorkers) {
  ProxyWorld world({.cluster = "circuit_breakers: {thresholds: [{max_requests: 3}]}", .workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients;
  size_t refused = 0;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(world.Connect());
    clients.back()->Send(kGet);
    world.Run();
    if (clients.back()->received().find("x-envoy-overloaded: true") != std::string::npos) ++refused;
  }
  EXPECT_EQ(refused, 5u);
  EXPECT_EQ(world.stat("cluster.app.upstream_rq_active"), 3);
  // What ends on one worker makes room on every other.
  for (size_t i = 0; i < world.upstream().size(); ++i) {
    if (!world.upstream().peer(i).Take().empty()) world.upstream().peer(i).Send(kOk);
  }
  world.Run();
  EXPECT_EQ(world.stat("cluster.app.upstream_rq_active"), 0);
  for (int i = 0; i < 3; ++i) {
    clients.push_back(world.Connect());
    clients.back()->Send(kGet);
    world.Run();
    EXPECT_EQ(clients.back()->received(), "");
  }
}

TEST_P(WorkersTest, AllDrain) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(world.Connect());
    if (i % 2 == 0) clients.back()->Send(kGet);
    world.Run();
  }
  world.StartDrain();
  world.Wait(1000);  // what is on its way has come by then
  EXPECT_EQ(world.connections(), 4u);
  for (size_t i = 0; i < world.upstream().size(); ++i) world.upstream().peer(i).Send(kOk);
  world.Wait(1000);
  EXPECT_EQ(world.connections(), 0u);
  for (int i = 0; i < 8; i += 2) EXPECT_TRUE(clients[i]->received().starts_with("HTTP/1.1 200 OK\r\n"));
}

INSTANTIATE_TEST_SUITE_P(Workers, WorkersTest, testing::Values(1, 2, 4));

}  // namespace
}  // namespace pillion::test
