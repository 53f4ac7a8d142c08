// How many connections, requests, waiters and pools there may be.

#include <gtest/gtest.h>

#include <set>

#include "test/unit/upstream/pool_fixture.h"
#include "source/config/priority.h"

namespace pillion::upstream {
namespace {

using Kind = Pool::Result::Kind;

using PoolLimitsTest = PoolFixture;

TEST_F(PoolLimitsTest, PendingBreaker) {
  config->circuit_breakers[0].max_pending_requests = 2;
  config->circuit_breakers[1].max_pending_requests = 1;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest(), c = NewRequest(), d = NewRequest(config::Priority::kHigh);
  EXPECT_EQ(a->Ask(h1()), Kind::kQueued);
  EXPECT_EQ(Stat("circuit_breakers.default.rq_pending_open"), 0);
  EXPECT_EQ(b->Ask(h1()), Kind::kQueued);
  EXPECT_EQ(Stat("circuit_breakers.default.rq_pending_open"), 1);
  EXPECT_EQ(c->Ask(h1()), Kind::kOverflow);
  EXPECT_EQ(d->Ask(h1()), Kind::kQueued);  // another priority, another bound
  EXPECT_EQ(Stat("upstream_rq_pending_overflow"), 1);
  Run();
  EXPECT_EQ(Stat("circuit_breakers.default.rq_pending_open"), 0);
  EXPECT_EQ(c->Ask(h1()), Kind::kQueued);
}

TEST_F(PoolLimitsTest, RequestsBreakerAtOnceAndFromTheQueue) {
  config->circuit_breakers[0].max_requests = 1;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest(), c = NewRequest();
  a->Ask(h2());
  b->Ask(h2());
  Run();
  EXPECT_NE(a->stream, nullptr);
  EXPECT_EQ(b->failure, PoolFailure::kOverflow);
  EXPECT_EQ(Stat("circuit_breakers.default.rq_open"), 1);
  EXPECT_EQ(c->Ask(h2()), Kind::kOverflow);
  EXPECT_EQ(Stat("upstream_rq_active_overflow"), 2);
  EXPECT_EQ(Stat("upstream_rq_pending_overflow"), 0);
  a->End();
  EXPECT_EQ(Stat("circuit_breakers.default.rq_open"), 0);
  EXPECT_EQ(c->Ask(h2()), Kind::kReady);
}

TEST_F(PoolLimitsTest, APoolWithoutAConnectionMayAlwaysHaveOne) {
  config->circuit_breakers[0].max_connections = 0;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest(), c = NewRequest();
  a->Ask(h1());
  b->Ask(h1());
  Run();
  EXPECT_NE(a->stream, nullptr);
  EXPECT_EQ(b->stream, nullptr);
  // Another pool of the same cluster.
  c->Ask(h2());
  Run();
  EXPECT_NE(c->stream, nullptr);
  EXPECT_EQ(cluster->breakers(config::Priority::kDefault).connections.used(), 2u);
  EXPECT_EQ(Stat("circuit_breakers.default.cx_open"), 1);
  EXPECT_GE(Stat("upstream_cx_overflow"), 3);
}

TEST_F(PoolLimitsTest, AHostMayHaveSoManyConnections) {
  config->max_connections_per_host[0] = 1;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h1());
  b->Ask(h1());
  Run();
  EXPECT_NE(a->stream, nullptr);
  EXPECT_EQ(b->stream, nullptr);
  EXPECT_GE(Stat("upstream_cx_overflow"), 1);
  // The other priority has no such bound.
  auto c = NewRequest(config::Priority::kHigh);
  c->Ask(h2());
  Run();
  EXPECT_NE(c->stream, nullptr);
  a->End();
  Run();
  EXPECT_NE(b->stream, nullptr);
}

// A pool that is in use has its place; one that is idle makes room for another.
TEST_F(PoolLimitsTest, MaxConnectionPools) {
  config->circuit_breakers[0].max_connection_pools = 1;
  Make();
  Listen();
  const auto& target = cluster->hosts()->hosts.at(0);
  auto a = NewRequest();
  a->Ask(h1());
  Run();
  EXPECT_EQ(shard().PoolOf(target, Protocol::kHttp2, config::Priority::kDefault), nullptr);
  EXPECT_EQ(Stat("upstream_cx_pool_overflow"), 1);
  EXPECT_EQ(Stat("circuit_breakers.default.cx_pool_open"), 1);
  a->End();
  a.reset();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  EXPECT_NE(shard().PoolOf(target, Protocol::kHttp2, config::Priority::kDefault), nullptr);
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 0);  // what was idle ended with its pool
  EXPECT_EQ(cluster->breakers(config::Priority::kDefault).pools.used(), 1u);
  EXPECT_EQ(Stat("upstream_cx_pool_overflow"), 1);
  // The other priority has a bound of its own.
  EXPECT_NE(shard().PoolOf(target, Protocol::kHttp1, config::Priority::kHigh), nullptr);
  shards.clear();
  EXPECT_EQ(cluster->breakers(config::Priority::kDefault).pools.used(), 0u);
  EXPECT_EQ(cluster->breakers(config::Priority::kHigh).pools.used(), 0u);
}

class PoolLimitsOfTwoWorkersTest : public PoolFixture {
 public:
  PoolLimitsOfTwoWorkersTest() : PoolFixture(2) {}
};

TEST_F(PoolLimitsOfTwoWorkersTest, BreakersHoldOverAllWorkers) {
  config->circuit_breakers[0].max_requests = 3;
  Make();
  Listen();
  std::vector<std::unique_ptr<TestRequest>> requests;
  int overflows = 0;
  for (uint32_t i = 0; i < 6; ++i) {
    requests.push_back(NewRequest(config::Priority::kDefault, i % 2));
    requests.back()->Ask(pool(Protocol::kHttp2, i % 2));
  }
  Run();
  for (const auto& request : requests) overflows += request->failure == PoolFailure::kOverflow;
  EXPECT_EQ(overflows, 3);
  EXPECT_EQ(cluster->breakers(config::Priority::kDefault).requests.used(), 3u);
  EXPECT_EQ(host().Sum(HostFigures::kRqActive), 3u);
  EXPECT_EQ(Stat("upstream_rq_active"), 3);
  for (const auto& request : requests) {
    if (request->stream != nullptr) request->End();
  }
  EXPECT_EQ(cluster->breakers(config::Priority::kDefault).requests.used(), 0u);
  EXPECT_EQ(host().Sum(HostFigures::kRqActive), 0u);
}

// A connection serves none that asks for something else; of such pools there is a bound.
TEST_F(PoolLimitsTest, NeedsOfRequests) {
  Make();
  Listen();
  const std::shared_ptr<Host> target = cluster->hosts()->hosts.at(0);
  const auto with = [&](const ConnectionNeeds& needs) {
    return shard().PoolOf(target, Protocol::kHttp1, config::Priority::kDefault, needs);
  };
  const std::set<Pool*> pools = {&h1(), with({.server_name = "a"}), with({.proxy_head = "a"}), with({.expected_names = "a"}),
                                 with({.alpn = "a"}), with({.expected_names = "a", .alpn = "a"})};
  EXPECT_EQ(pools.size(), 6u);
  EXPECT_EQ(with({.expected_names = std::string("a")}), with({.expected_names = "a"}));
  EXPECT_EQ(with({.alpn = "a"})->needs().alpn, "a");

  // Those that nobody uses make room.
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 1100; ++i) {
    Pool* const pool = with({.expected_names = std::to_string(i)});
    if (pool == nullptr) break;
    requests.push_back(NewRequest());
    requests.back()->Ask(*pool);
  }
  EXPECT_EQ(requests.size(), 1024u);
  EXPECT_EQ(with({.alpn = "other"}), nullptr);
  EXPECT_GT(Stat("upstream_cx_pool_overflow"), 0);
  EXPECT_NE(with({}), nullptr);
  requests.clear();
  Run();
}

}  // namespace
}  // namespace pillion::upstream
