#include "source/upstream/pool.h"

#include <gtest/gtest.h>

#include "test/unit/upstream/pool_fixture.h"

namespace pillion::upstream {
namespace {

using Kind = Pool::Result::Kind;
using std::chrono::milliseconds;

using PoolTest = PoolFixture;

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
  EXPECT_EQ(first->connection->other_remote_text(), "");
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

}  // namespace
}  // namespace pillion::upstream
