#include "source/upstream/pool.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "test/unit/upstream/pool_fixture.h"

namespace pillion::upstream {
namespace {

using Kind = Pool::Result::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

class PoolTest : public PoolFixture {};

TEST_F(PoolTest, OpensAConnectionAndUsesItAgain) {
  Make();
  Listen();
  auto first = NewRequest();
  EXPECT_EQ(first->Ask(h1()), Kind::kQueued);
  EXPECT_EQ(first->stream, nullptr);
  EXPECT_EQ(Stat("upstream_rq_pending_active"), 1);
  Run();
  ASSERT_NE(first->stream, nullptr);
  EXPECT_EQ(first->served_before, 0u);
  EXPECT_EQ(&first->connection->host(), &host());
  EXPECT_EQ(first->connection->remote_address(), kHost);
  EXPECT_EQ(first->connection->local_address().ip(), "127.0.0.1");
  EXPECT_EQ(first->connection->protocol(), Protocol::kHttp1);
  EXPECT_EQ(Stat("upstream_rq_active"), 1);
  EXPECT_EQ(Stat("upstream_rq_pending_active"), 0);
  EXPECT_EQ(host().Sum(HostFigures::kRqActive), 1u);
  EXPECT_EQ(host().Sum(HostFigures::kCxActive), 1u);
  first->End();
  EXPECT_EQ(Stat("upstream_rq_active"), 0);

  auto second = NewRequest();
  EXPECT_EQ(second->Ask(h1()), Kind::kReady);
  EXPECT_EQ(second->id, first->id);
  EXPECT_EQ(second->served_before, 1u);
  second->End();
  Run();
  EXPECT_EQ(listener->size(), 1u);
  EXPECT_EQ(Stat("upstream_cx_total"), 1);
  EXPECT_EQ(Stat("upstream_cx_http1_total"), 1);
  EXPECT_EQ(Stat("upstream_rq_total"), 2);
  EXPECT_EQ(Stat("upstream_rq_pending_total"), 1);
  EXPECT_EQ(host().Sum(HostFigures::kRqTotal), 2u);
  EXPECT_EQ(host().Sum(HostFigures::kCxTotal), 1u);
}

TEST_F(PoolTest, Http1TakesTheIdleConnectionThatWasUsedLast) {
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h1());
  b->Ask(h1());
  Run();
  EXPECT_NE(a->id, b->id);
  b->End();
  a->End();
  auto c = NewRequest();
  EXPECT_EQ(c->Ask(h1()), Kind::kReady);
  EXPECT_EQ(c->id, a->id);
  auto d = NewRequest();
  EXPECT_EQ(d->Ask(h1()), Kind::kReady);
  EXPECT_EQ(d->id, b->id);
}

TEST_F(PoolTest, WaitersAreServedInTheirOrder) {
  config->circuit_breakers[0].max_connections = 1;
  Make();
  Listen();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 5; ++i) {
    requests.push_back(NewRequest());
    EXPECT_EQ(requests.back()->Ask(h1()), Kind::kQueued);
  }
  EXPECT_EQ(Stat("upstream_cx_overflow"), 4);
  Run();
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) EXPECT_EQ(requests[j]->stream != nullptr, j == i) << i << " " << j;
    requests[i]->End();
    Run();
  }
  EXPECT_EQ(listener->size(), 1u);
  EXPECT_EQ(requests[4]->served_before, 4u);
}

TEST_F(PoolTest, ANewRequestDoesNotOvertakeThoseThatWait) {
  config->circuit_breakers[0].max_connections = 1;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest(), c = NewRequest();
  a->Ask(h1());
  b->Ask(h1());
  Run();
  a->End();  // b gets it in the next step
  EXPECT_EQ(c->Ask(h1()), Kind::kQueued);
  Run();
  EXPECT_NE(b->stream, nullptr);
  EXPECT_EQ(c->stream, nullptr);
}

TEST_F(PoolTest, WhatBecomesFreeServesAWaiterBeforeTheConnectEnds) {
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h1());
  Run();
  simulation.network().faults(kHost).delay = milliseconds(10);
  auto b = NewRequest();
  EXPECT_EQ(b->Ask(h1()), Kind::kQueued);
  a->End();
  Run();
  EXPECT_EQ(b->id, a->id);
  // The connection that was opened for it becomes idle.
  Advance(milliseconds(20));
  EXPECT_EQ(listener->size(), 2u);
  auto c = NewRequest();
  EXPECT_EQ(c->Ask(h1()), Kind::kReady);
  EXPECT_NE(c->id, a->id);
}

TEST_F(PoolTest, ABurstOpensOneHttp2Connection) {
  Make();
  Listen();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 100; ++i) {
    requests.push_back(NewRequest());
    EXPECT_EQ(requests.back()->Ask(h2()), Kind::kQueued);
  }
  EXPECT_EQ(simulation.network().connects(), 1u);
  Run();
  for (const auto& request : requests) EXPECT_EQ(request->id, requests[0]->id);
  EXPECT_EQ(Stat("upstream_rq_active"), 100);
  EXPECT_EQ(Stat("upstream_cx_http2_total"), 1);
}

TEST_F(PoolTest, AnotherHttp2ConnectionOnlyWhenStreamsRunOut) {
  http2_streams = 3;  // less than was assumed
  Make();
  Listen();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 7; ++i) {
    requests.push_back(NewRequest());
    requests.back()->Ask(h2());
  }
  EXPECT_EQ(simulation.network().connects(), 1u);
  Run();
  for (const auto& request : requests) EXPECT_NE(request->stream, nullptr);
  EXPECT_EQ(simulation.network().connects(), 3u);
  for (const auto& request : requests) request->End();
  // Now there is room on all; the one used last is taken.
  auto next = NewRequest();
  EXPECT_EQ(next->Ask(h2()), Kind::kReady);
  EXPECT_EQ(next->id, requests[6]->id);
}

TEST_F(PoolTest, ThePeerMayGrantMoreStreamsLater) {
  http2_streams = 1;
  config->circuit_breakers[0].max_connections = 1;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h2());
  b->Ask(h2());
  Run();
  EXPECT_EQ(b->stream, nullptr);
  codecs[0]->SetMostStreams(2);
  Run();
  EXPECT_EQ(b->id, a->id);
}

TEST_F(PoolTest, GoawayMovesNewRequestsElsewhere) {
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h2());
  Run();
  codecs[0]->GoAway();
  auto b = NewRequest();
  EXPECT_EQ(b->Ask(h2()), Kind::kQueued);
  Run();
  EXPECT_NE(b->id, a->id);
  EXPECT_FALSE(a->reset);  // it goes on
  EXPECT_EQ(Stat("upstream_cx_active"), 2);
  a->End();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy_local"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy_with_active_rq"), 0);
}

TEST_F(PoolTest, ConnectRefusedFailsTheWaiter) {
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

TEST_F(PoolTest, NoDescriptorLeft) {  // hostile inputs, O2
  Make();
  simulation.network().faults(kHost) = {.connect_error = EMFILE, .connect_error_at_once = true};
  auto request = NewRequest();
  EXPECT_EQ(request->Ask(h2()), Kind::kQueued);
  Run();
  EXPECT_EQ(request->failure, PoolFailure::kConnectFailed);
  EXPECT_EQ(request->error, EMFILE);
  ExpectNothingHeld();
}

TEST_F(PoolTest, ConnectTimeout) {
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

TEST_F(PoolTest, AFailedHttp2ConnectFailsAllThatWaitedForIt) {
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

TEST_F(PoolTest, EachFailedHttp1ConnectFailsTheOldestWaiter) {
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

TEST_F(PoolTest, AWaiterMayAskAgainWhenItFails) {
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

TEST_F(PoolTest, ACancelledWaitersConnectionBecomesIdle) {
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h1());
  h1().Cancel(*a);
  h1().Cancel(*a);
  EXPECT_EQ(Stat("upstream_rq_cancelled"), 1);
  EXPECT_EQ(Stat("upstream_rq_pending_active"), 0);
  Run();
  EXPECT_EQ(a->stream, nullptr);
  auto b = NewRequest();
  EXPECT_EQ(b->Ask(h1()), Kind::kReady);
}

TEST_F(PoolTest, ADestroyedWaiterIsCancelled) {
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h1());
  b->Ask(h1());
  a.reset();
  Run();
  EXPECT_NE(b->stream, nullptr);
  EXPECT_EQ(Stat("upstream_rq_cancelled"), 1);
}

TEST_F(PoolTest, AWaiterMayDestroyOthersWhenItIsTold) {
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

TEST_F(PoolTest, PendingBreaker) {
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

TEST_F(PoolTest, RequestsBreakerAtOnceAndFromTheQueue) {
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

TEST_F(PoolTest, APoolWithoutAConnectionMayAlwaysHaveOne) {
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

TEST_F(PoolTest, AHostMayHaveSoManyConnections) {
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
TEST_F(PoolTest, MaxConnectionPools) {
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

TEST_F(PoolTest, AWaiterIsNotLeftBehindWhenTheLastConnectionRetires) {
  config->circuit_breakers[0].max_connections = 1;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h1());
  b->Ask(h1());
  Run();
  EXPECT_EQ(b->stream, nullptr);
  codecs[0]->GoAway();  // it still has its stream, for ever
  Run();
  EXPECT_NE(b->stream, nullptr);
  EXPECT_NE(b->id, a->id);
}

TEST_F(PoolTest, AWaiterIsNotLeftBehindWhenABusyConnectionBreaks) {
  config->circuit_breakers[0].max_connections = 1;
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h1());
  b->Ask(h1());
  Run();
  listener->peer(0).Reset();
  Run();
  EXPECT_EQ(a->reset, codec::ResetReason::kConnectionEnd);
  EXPECT_NE(b->stream, nullptr);
  EXPECT_EQ(b->served_before, 0u);
  EXPECT_EQ(Stat("upstream_cx_destroy_remote"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy_remote_with_active_rq"), 1);
  EXPECT_EQ(Stat("upstream_rq_active"), 1);
}

TEST_F(PoolTest, ARetryFromTheResetGetsAnotherConnection) {
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h2());
  Run();
  a->then = [&] { b->Ask(h2()); };  // from inside the codec's Abort()
  listener->peer(0).Reset();
  Run();
  EXPECT_TRUE(a->reset);
  EXPECT_NE(b->stream, nullptr);
  EXPECT_NE(b->id, a->id);
}

TEST_F(PoolTest, AnIdleConnectionThatThePeerClosedIsNotUsed) {
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h1());
  Run();
  a->End();
  listener->peer(0).EndSending();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 0);
  EXPECT_EQ(Stat("upstream_cx_destroy_remote"), 1);
  auto b = NewRequest();
  EXPECT_EQ(b->Ask(h1()), Kind::kQueued);
  Run();
  EXPECT_NE(b->id, a->id);
  EXPECT_EQ(b->served_before, 0u);
}

TEST_F(PoolTest, IdleTimeout) {
  config->http.options.idle_timeout = seconds(10);
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h1());
  Run();
  Advance(seconds(60));  // busy all the time
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  a->End();
  Advance(milliseconds(9'990));
  auto b = NewRequest();
  EXPECT_EQ(b->Ask(h1()), Kind::kReady);
  Advance(seconds(5));
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  b->End();
  Advance(milliseconds(9'999));
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  Advance(milliseconds(2));
  EXPECT_EQ(Stat("upstream_cx_idle_timeout"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy_local"), 1);
  EXPECT_TRUE(listener->peer(0).ended());
  EXPECT_EQ(listener->peer(0).error(), 0);
  ExpectNothingHeld();
}

TEST_F(PoolTest, AConnectionThatWasNeverUsedIdlesOutToo) {
  config->http.options.idle_timeout = seconds(10);
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h2());
  h2().Cancel(*a);
  Advance(seconds(11));
  EXPECT_EQ(Stat("upstream_cx_idle_timeout"), 1);
  ExpectNothingHeld();
}

TEST_F(PoolTest, NoIdleTimeoutWhenItIsZero) {
  config->http.options.idle_timeout = base::Duration::zero();
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h1());
  Run();
  a->End();
  Advance(std::chrono::hours(48));
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
}

TEST_F(PoolTest, MaxConnectionDurationLetsStreamsFinish) {
  config->http.options.max_connection_duration = seconds(30);
  Make();
  Listen();
  auto a = NewRequest();
  a->Ask(h2());
  Run();
  Advance(seconds(31));
  EXPECT_EQ(Stat("upstream_cx_max_duration_reached"), 1);
  EXPECT_FALSE(a->reset);
  auto b = NewRequest();
  EXPECT_EQ(b->Ask(h2()), Kind::kQueued);
  Run();
  EXPECT_NE(b->id, a->id);
  a->End();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy_with_active_rq"), 0);
}

TEST_F(PoolTest, MaxRequestsPerConnection) {
  config->http.options.max_requests_per_connection = 2;
  Make();
  Listen();
  std::vector<uint64_t> ids;
  for (int i = 0; i < 5; ++i) {
    auto request = NewRequest();
    request->Ask(h1());
    Run();
    ids.push_back(request->id);
    request->End();
    Run();
  }
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
  EXPECT_EQ(ids[2], ids[3]);
  EXPECT_NE(ids[3], ids[4]);
  EXPECT_EQ(Stat("upstream_cx_max_requests"), 2);
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  EXPECT_EQ(listener->size(), 3u);
}

TEST_F(PoolTest, MaxRequestsCountIntoWhatAConnectWillTake) {
  config->http.options.max_requests_per_connection = 3;
  Make();
  Listen();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 7; ++i) {
    requests.push_back(NewRequest());
    requests.back()->Ask(h2());
  }
  EXPECT_EQ(simulation.network().connects(), 3u);
  Run();
  for (const auto& request : requests) EXPECT_NE(request->stream, nullptr);
  EXPECT_EQ(simulation.network().connects(), 3u);
}

TEST_F(PoolTest, ConnectDurationAndTimeAreMeasured) {
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

TEST_F(PoolTest, DrainServesWhatIsThereAndKeepsNothing) {
  Make();
  Listen();
  auto busy = NewRequest(), idle = NewRequest(), waiting = NewRequest();
  busy->Ask(h1());
  idle->Ask(h1());
  Run();
  idle->End();
  simulation.network().faults(kHost).delay = milliseconds(10);
  idle->Ask(h1());
  waiting->Ask(h1());
  idle->End();
  auto late = NewRequest();
  shard().Drain();
  Run();
  EXPECT_FALSE(busy->reset);
  late->Ask(h1());  // a stream of a downstream connection that drains
  Advance(milliseconds(20));
  EXPECT_NE(waiting->stream, nullptr);
  EXPECT_NE(late->stream, nullptr);
  waiting->End();
  late->End();
  busy->End();
  Advance(milliseconds(20));
  ExpectNothingHeld();
}

TEST_F(PoolTest, AHostThatGoesDrainsAndIsKeptByItsRequests) {
  Make();
  Listen();
  auto request = NewRequest();
  request->Ask(h1());
  Run();
  const std::weak_ptr<Host> gone = cluster->hosts()->hosts[0];
  Host* host_before = gone.lock().get();
  ASSERT_TRUE(cluster->UpdateHosts({}));
  shard().SetHosts(cluster->hosts());
  EXPECT_EQ(shard().Choose({}).host, nullptr);
  EXPECT_EQ(Stat("upstream_cx_none_healthy"), 1);
  Run();
  EXPECT_EQ(&request->connection->host(), host_before);
  request->End();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 0);
  EXPECT_FALSE(gone.expired());  // the request may still want its name for a log
  request.reset();
  Run();
  EXPECT_TRUE(gone.expired());
}

TEST_F(PoolTest, AShardThatEndsEndsItsConnections) {
  Make();
  Listen();
  auto a = NewRequest(), b = NewRequest();
  a->Ask(h1());
  b->Ask(h2());
  Run();
  a->End();
  b->End();
  a.reset();
  b.reset();
  shards.clear();
  Run();
  EXPECT_TRUE(listener->peer(0).ended());
  EXPECT_TRUE(listener->peer(1).ended());
  ExpectNothingHeld();
}

class TwoWorkersPoolTest : public PoolFixture {
 public:
  TwoWorkersPoolTest() : PoolFixture(2) {}
};

TEST_F(TwoWorkersPoolTest, BreakersHoldOverAllWorkers) {
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

}  // namespace
}  // namespace pillion::upstream
