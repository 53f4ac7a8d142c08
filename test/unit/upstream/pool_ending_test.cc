// How connections of a pool end: by the peer, by their time, with their host, with the cluster's.

#include <gtest/gtest.h>

#include "test/unit/upstream/pool_fixture.h"

namespace pillion::upstream {
namespace {

using Kind = Pool::Result::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

using PoolEndingTest = PoolFixture;

TEST_F(PoolEndingTest, AWaiterIsNotLeftBehindWhenTheLastConnectionRetires) {
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

TEST_F(PoolEndingTest, AWaiterIsNotLeftBehindWhenABusyConnectionBreaks) {
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

TEST_F(PoolEndingTest, ARetryFromTheResetGetsAnotherConnection) {
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

TEST_F(PoolEndingTest, AnIdleConnectionThatThePeerClosedIsNotUsed) {
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

TEST_F(PoolEndingTest, IdleTimeout) {
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

TEST_F(PoolEndingTest, AConnectionThatWasNeverUsedIdlesOutToo) {
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

TEST_F(PoolEndingTest, NoIdleTimeoutWhenItIsZero) {
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

TEST_F(PoolEndingTest, MaxConnectionDurationLetsStreamsFinish) {
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

TEST_F(PoolEndingTest, MaxRequestsPerConnection) {
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

TEST_F(PoolEndingTest, MaxRequestsCountIntoWhatAConnectWillTake) {
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

TEST_F(PoolEndingTest, DrainServesWhatIsThereAndKeepsNothing) {
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

// Who has a connection of its own.
struct Watching final : HostWatch {
  explicit Watching(const Host& host) : host(host) {}
  const Host& watched_host() const override { return host; }
  void OnHostFailed() override { ++failures; }

  const Host& host;
  int failures = 0;
};

TEST_F(PoolEndingTest, ConnectionsEndWithTheHealthOfTheirHost) {
  config->close_on_health_failure = true;
  Make();
  Listen();
  auto busy = NewRequest();
  ASSERT_EQ(busy->Ask(h1()), Pool::Result::kQueued);
  Run();
  auto done = NewRequest();
  ASSERT_EQ(done->Ask(h1()), Pool::Result::kQueued);
  Run();
  done->End();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 2);
  Watching watching(host());
  shard().Watch(watching);

  const auto set_health = [this](bool well) {
    well ? host().ClearFlags(kFailedActiveCheck) : host().SetFlags(kFailedActiveCheck);
    cluster->HealthChanged();
    shard().SetHosts(cluster->hosts());
    Run();
  };
  set_health(false);
  EXPECT_EQ(watching.failures, 1);
  EXPECT_EQ(Stat("upstream_cx_active"), 1) << "the idle one is gone";
  set_health(false);
  EXPECT_EQ(watching.failures, 1) << "once for each failure";
  busy->End();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 0) << "no other request came on it";
  set_health(true);
  auto after = NewRequest();
  EXPECT_EQ(after->Ask(h1()), Pool::Result::kQueued) << "by a new one";
  Run();
  ASSERT_NE(after->stream, nullptr);
  set_health(false);
  EXPECT_EQ(watching.failures, 2);
  after->End();
  Run();

  // What the control plane says of it is another matter.
  set_health(true);
  host().SetFlags(kFailedEds);
  cluster->HealthChanged();
  shard().SetHosts(cluster->hosts());
  EXPECT_EQ(watching.failures, 2);
}

TEST_F(PoolEndingTest, AHostThatGoesDrainsAndIsKeptByItsRequests) {
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

TEST_F(PoolEndingTest, AShardThatEndsEndsItsConnections) {
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

}  // namespace
}  // namespace pillion::upstream
