// Connects that fail, or take long, and those who wait for them.

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "source/config/priority.h"
#include "source/net/connect_options.h"
#include "test/unit/upstream/pool_fixture.h"

namespace pillion::upstream {
namespace {

using Kind = Pool::Result::Kind;
using std::chrono::milliseconds;

using PoolConnectTest = PoolFixture;

TEST_F(PoolConnectTest, ConnectRefusedFailsTheWaiter) {
  Make();
  auto request = NewRequest();
  EXPECT_EQ(request->Ask(h1()), Kind::kQueued);
  EXPECT_FALSE(request->failure);
  Run();
  EXPECT_EQ(request->failure, PoolFailure::kConnectFailed);
  EXPECT_EQ(request->error, ECONNREFUSED);
  EXPECT_EQ(Stat("upstream_cx_connect_fail"), 1);
  EXPECT_EQ(Stat("upstream_cx_connect_timeout"), 0);
  EXPECT_EQ(host().Sum(HostFigures::kCxConnectFail), 1u);
  ExpectNothingHeld();
}

TEST_F(PoolConnectTest, NoDescriptorLeft) {  // hostile inputs, O2
  Make();
  simulation.network().faults(kHost) = {.connect_error = EMFILE, .connect_error_at_once = true};
  auto request = NewRequest();
  EXPECT_EQ(request->Ask(h2()), Kind::kQueued);
  Run();
  EXPECT_EQ(request->failure, PoolFailure::kConnectFailed);
  EXPECT_EQ(request->error, EMFILE);
  ExpectNothingHeld();
}

// The host is one, whichever of its addresses answers.
TEST_F(PoolConnectTest, OneOfSeveralAddresses) {
  const net::Address other = *net::Address::Ip("2001:db8::1", 80);
  config->endpoints[0].additional_addresses = std::make_shared<const std::vector<config::Address>>(
      std::vector<config::Address>{config::SocketAddress{.ip = "2001:db8::1", .is_ipv6 = true, .port = 80}});
  Make();
  test::PeerListener there(simulation.network(), simulation.loop(), other);
  for (Pool* pool : {&h1(), &h2()}) {
    auto request = NewRequest();
    request->Ask(*pool);
    Run();
    ASSERT_FALSE(request->failure);
    ASSERT_NE(request->connection, nullptr);
    EXPECT_EQ(request->connection->other_remote_text(), "[2001:db8::1]:80");
  }
  EXPECT_EQ(Stat("upstream_cx_total"), 2);
  EXPECT_EQ(Stat("upstream_cx_connect_fail"), 0);
  EXPECT_EQ(host().address_text(), "10.0.0.1:80");
}

// Notes where each connect comes from.
struct NotingConnector final : net::Connector {
  explicit NotingConnector(net::Connector& to) : connector(to) {}

  std::unique_ptr<net::Transport> Connect(const net::Address& address, const net::ConnectOptions* options) override {
    sources.push_back(options == nullptr || !options->foreign_source ? "" : options->foreign_source->ip());
    return connector.Connect(address, nullptr);
  }

  net::Connector& connector;
  std::vector<std::string> sources;
};

// Also a later attempt comes from the client's address: what it is made with outlives the call that begins the first.
TEST_F(PoolConnectTest, EachAddressFromTheClients) {
  config->endpoints[0].additional_addresses = std::make_shared<const std::vector<config::Address>>(
      std::vector<config::Address>{config::SocketAddress{.ip = "10.0.0.2", .port = 80}});
  Make();
  simulation.network().faults(kHost).connect_hangs = true;
  test::PeerListener there(simulation.network(), simulation.loop(), *net::Address::Ip("10.0.0.2", 80));
  NotingConnector connector(*connectors[0]);
  shards.push_back(std::make_unique<ClusterShard>(cluster, cluster->hosts(), simulation.worker(0), connector,
                                                  registry.shard(0), random, MakeCodecs(0)));
  auto request = NewRequest();
  request->Ask(*shard(1).PoolOf(cluster->hosts()->hosts.at(0), Protocol::kHttp1, config::Priority::kDefault,
                                {.source = "0 192.0.2.9"}));
  Advance(milliseconds(301));
  EXPECT_FALSE(request->failure);
  EXPECT_NE(request->connection, nullptr);
  EXPECT_EQ(connector.sources, (std::vector<std::string>{"192.0.2.9", "192.0.2.9"}));
}

// Those who waited are served in the next step: who asks before it opens nothing for them.
TEST_F(PoolConnectTest, AConnectionThatIsFreeIsCounted) {
  Listen();
  Make();
  auto first = NewRequest(), second = NewRequest(), third = NewRequest();
  first->Ask(h1());
  Run();
  ASSERT_NE(first->connection, nullptr);
  simulation.network().faults(kHost).connect_hangs = true;
  EXPECT_EQ(second->Ask(h1()), Kind::kQueued);
  first->End();
  EXPECT_EQ(third->Ask(h1()), Kind::kQueued);
  Run();
  EXPECT_NE(second->connection, nullptr);
  EXPECT_EQ(third->connection, nullptr);
  EXPECT_EQ(Stat("upstream_cx_total"), 2);
  second->End();
  Run();
  EXPECT_NE(third->connection, nullptr);
  third->End();
}

// The same while they are served.
TEST_F(PoolConnectTest, AConnectionWithRoomIsCounted) {
  Listen();
  Make();
  auto first = NewRequest(), second = NewRequest(), third = NewRequest();
  first->then = [&] { third->Ask(h2()); };
  first->Ask(h2());
  second->Ask(h2());
  Run();
  EXPECT_NE(second->connection, nullptr);
  EXPECT_NE(third->connection, nullptr);
  EXPECT_EQ(Stat("upstream_cx_total"), 1);
  first->End();
  second->End();
  third->End();
}

// The time for a connect is that of all attempts together.
TEST_F(PoolConnectTest, NoAddressInTime) {
  config->connect_timeout = milliseconds(450);
  config->endpoints[0].additional_addresses = std::make_shared<const std::vector<config::Address>>(
      std::vector<config::Address>{config::SocketAddress{.ip = "10.0.0.2", .port = 80}});
  Make();
  simulation.network().faults(kHost).connect_hangs = true;
  simulation.network().faults(*net::Address::Ip("10.0.0.2", 80)).connect_hangs = true;
  auto request = NewRequest();
  request->Ask(h1());
  Advance(milliseconds(449));
  EXPECT_FALSE(request->failure);
  EXPECT_EQ(simulation.network().connects(), 2u);
  Advance(milliseconds(1));
  EXPECT_EQ(request->failure, PoolFailure::kConnectTimeout);
  EXPECT_EQ(Stat("upstream_cx_connect_fail"), 1);
  ExpectNothingHeld();
}

TEST_F(PoolConnectTest, ConnectTimeout) {
  config->connect_timeout = milliseconds(250);
  Make();
  simulation.network().faults(kHost).connect_hangs = true;
  auto request = NewRequest();
  request->Ask(h1());
  Advance(milliseconds(249));
  EXPECT_FALSE(request->failure);
  Advance(milliseconds(1));
  EXPECT_EQ(request->failure, PoolFailure::kConnectTimeout);
  EXPECT_EQ(Stat("upstream_cx_connect_fail"), 1);
  EXPECT_EQ(Stat("upstream_cx_connect_timeout"), 1);
  ExpectNothingHeld();
}

TEST_F(PoolConnectTest, AFailedHttp2ConnectFailsAllThatWaitedForIt) {
  Make();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 10; ++i) {
    requests.push_back(NewRequest());
    requests.back()->Ask(h2());
  }
  Run();
  for (const auto& request : requests) EXPECT_EQ(request->failure, PoolFailure::kConnectFailed);
  EXPECT_EQ(simulation.network().connects(), 1u);
  ExpectNothingHeld();
}

TEST_F(PoolConnectTest, EachFailedHttp1ConnectFailsTheOldestWaiter) {
  Make();
  Listen();
  auto& faults = simulation.network().faults(kHost);
  faults.connect_error = ECONNREFUSED;
  auto a = NewRequest();
  a->Ask(h1());
  faults = {.delay = milliseconds(10)};
  auto b = NewRequest();
  b->Ask(h1());
  Run();
  EXPECT_EQ(a->failure, PoolFailure::kConnectFailed);
  EXPECT_FALSE(b->failure);
  Advance(milliseconds(20));
  EXPECT_NE(b->stream, nullptr);
}

TEST_F(PoolConnectTest, AWaiterMayAskAgainWhenItFails) {
  Make();
  auto request = NewRequest();
  int attempts = 0;
  request->then = [&] {
    if (++attempts < 3) request->Ask(h1());
  };
  request->Ask(h1());
  Run();
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(simulation.network().connects(), 3u);
  ExpectNothingHeld();
}

TEST_F(PoolConnectTest, AWaiterMayDestroyOthersWhenItIsTold) {
  Make();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(NewRequest());
  requests[0]->then = [&] {
    requests[1].reset();
    requests[3].reset();
  };
  for (const auto& request : requests) request->Ask(h2());
  Run();
  EXPECT_EQ(requests[2]->failure, PoolFailure::kConnectFailed);
  EXPECT_EQ(Stat("upstream_rq_cancelled"), 2);
  ExpectNothingHeld();
}

TEST_F(PoolConnectTest, ConnectDurationAndTimeAreMeasured) {
  Make();
  Listen();
  simulation.network().faults(kHost).delay = milliseconds(15);
  auto a = NewRequest();
  a->Ask(h1());
  Advance(milliseconds(100));
  EXPECT_EQ(a->connection->connect_duration(), milliseconds(30));
  for (const auto& histogram : registry.Read().histograms) {
    if (histogram.description->name() != "cluster.be.upstream_cx_connect_ms") continue;
    EXPECT_EQ(stats::Summarize(histogram.cumulative).count, 1u);
    EXPECT_EQ(stats::Summarize(histogram.cumulative).sum, 30);
  }
}

}  // namespace
}  // namespace pillion::upstream
