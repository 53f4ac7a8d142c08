// Connections that are opened before a request asks for them.

#include <gtest/gtest.h>

#include <algorithm>

#include "test/unit/upstream/pool_fixture.h"
#include "source/config/priority.h"

namespace pillion::upstream {
namespace {

class PreconnectTest : public PoolFixture {
 protected:
  int64_t Connections() { return Stat("upstream_cx_total"); }
  // As many hosts in all.
  void AddHosts(int count) {
    for (int i = 2; i <= count; ++i) {
      config::Endpoint endpoint;
      endpoint.target = config::Address(config::SocketAddress{.ip = "10.0.0." + std::to_string(i), .port = 80});
      config->endpoints.push_back(endpoint);
    }
  }
  // As requests do it. The host's number.
  char Ask(TestRequest& request) {
    const ClusterShard::Choice choice = shard().Choose({});
    shard().PreconnectAhead(Protocol::kHttp1, config::Priority::kDefault, {});
    request.Ask(*shard().PoolOf(choice.host, Protocol::kHttp1, config::Priority::kDefault));
    return choice.host->address().ip().back();
  }
};

TEST_F(PreconnectTest, PerHost) {
  config->preconnect.per_host = 2;
  Make();
  Listen();
  auto first = NewRequest(), second = NewRequest();
  first->Ask(h1());
  EXPECT_EQ(Connections(), 2);
  Run();
  ASSERT_NE(first->stream, nullptr);
  // It finds one open, and another one is opened for who comes next: four for two.
  EXPECT_EQ(second->Ask(h1()), Pool::Result::kReady);
  EXPECT_EQ(Connections(), 4);
  Run();
  first->End();
  second->End();
  auto third = NewRequest();
  EXPECT_EQ(third->Ask(h1()), Pool::Result::kReady);
  EXPECT_EQ(Connections(), 4);
  third->End();
}

TEST_F(PreconnectTest, OneConnectionOfHttp2HasRoomForMany) {
  config->preconnect.per_host = 3;
  Make();
  Listen();
  auto first = NewRequest(), second = NewRequest();
  first->Ask(h2());
  Run();
  second->Ask(h2());
  EXPECT_EQ(Connections(), 1);
  first->End();
  second->End();
}

TEST_F(PreconnectTest, NoMoreThanTheBreakerLets) {
  config->preconnect.per_host = 3;
  config->circuit_breakers[0].max_connections = 2;
  Make();
  Listen();
  auto request = NewRequest();
  request->Ask(h1());
  EXPECT_EQ(Connections(), 2);
  EXPECT_EQ(Stat("upstream_cx_overflow"), 1);
  Run();
  request->End();
}

TEST_F(PreconnectTest, NotToHostsThatAreNotHealthy) {
  config->preconnect.per_host = 2;
  config->endpoints[0].health = config::EndpointHealth::kDegraded;
  Make();
  Listen();
  auto request = NewRequest();
  request->Ask(h1());
  EXPECT_EQ(Connections(), 1);
  Run();
  request->End();
}

TEST_F(PreconnectTest, NextInTurn) {
  config->preconnect.predictive = 1.5;
  AddHosts(3);
  Make();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 6; ++i) requests.push_back(NewRequest());
  // What was foreseen for the next one is what it gets.
  std::string chosen;
  for (auto& request : requests) chosen += Ask(*request);
  EXPECT_EQ(chosen.substr(0, 3), chosen.substr(3));
  std::sort(chosen.begin(), chosen.begin() + 3);
  EXPECT_EQ(chosen.substr(0, 3), "123");
  // One and a half for each, rounded up.
  EXPECT_GE(Connections(), 9);
  EXPECT_LE(Connections(), 11);
}

TEST_F(PreconnectTest, NoMoreHostsAreForeseenThanThereAre) {
  config->preconnect.predictive = 3;
  AddHosts(2);
  Make();
  auto request = NewRequest();
  Ask(*request);
  EXPECT_EQ(Stat("upstream_rq_pending_active"), 1);
  EXPECT_LE(Connections(), 4);
  // Others than before: what was foreseen holds no more.
  const config::Endpoint other = config->endpoints[1];
  cluster->UpdateHosts({{*net::Address::Ip("10.0.0.2", 80), &other}});
  shard().SetHosts(cluster->hosts());
  EXPECT_EQ(shard().Choose({}).host->address_text(), "10.0.0.2:80");
}

TEST_F(PreconnectTest, NotByHashes) {
  config->preconnect.predictive = 3;
  config->load_balancing.policy = config::LoadBalancing::Policy::kRingHash;
  AddHosts(3);
  Make();
  auto request = NewRequest();
  Ask(*request);
  EXPECT_EQ(Connections(), 1);
}

}  // namespace
}  // namespace pillion::upstream
