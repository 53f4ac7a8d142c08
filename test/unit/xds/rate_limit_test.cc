// A source that says how often it may be told something.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/xds/stream_world.h"

namespace pillion::xds {
namespace {

using codec::grpc::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TokenBucketTest, SoManyAtOnceAndThenAsFastAsTheyComeBack) {
  base::MonotonicTime now{seconds(100)};
  TokenBucket bucket({.max_tokens = 2, .fill_rate = 4}, now);
  EXPECT_TRUE(bucket.Take(now) && bucket.Take(now));
  EXPECT_FALSE(bucket.Take(now));
  for (int i = 0; i < 1000; ++i) {
    const base::Duration wait = bucket.UntilNext(now);
    EXPECT_LE(wait, milliseconds(251));
    now += wait;
    ASSERT_TRUE(bucket.Take(now)) << i;
    ASSERT_FALSE(bucket.Take(now)) << i;
  }
  EXPECT_GT(now, base::MonotonicTime{seconds(349)});
  now += seconds(60);
  EXPECT_TRUE(bucket.Take(now) && bucket.Take(now));  // never more than it holds
  EXPECT_FALSE(bucket.Take(now));
}

TEST(TokenBucketTest, OddLimits) {
  const base::MonotonicTime now{seconds(100)};
  TokenBucket none({.max_tokens = 0, .fill_rate = 1e-300}, now);
  EXPECT_TRUE(none.Take(now));
  EXPECT_GE(none.UntilNext(now), TokenBucket::kLongest);
  EXPECT_LT(none.UntilNext(now), TokenBucket::kLongest + seconds(1));
  TokenBucket fast({.max_tokens = 1, .fill_rate = 1e300}, now);
  EXPECT_TRUE(fast.Take(now));
  EXPECT_TRUE(fast.Take(now + fast.UntilNext(now)));
}

class RateLimitTest : public testing::Test, protected StreamWorld {
 protected:
  void Make(Form form, config::RateLimit limit) {
    form_ = form;
    stream_ = std::make_unique<Stream>(
        Stream::Options{.method = "/ads", .form = form, .aggregated = true, .max_message = 1000, .node_once = true,
                        .rate_limit = limit, .name = "ads"},
        around());
    clusters_ = &stream_->Add({.type_name = kClusters, .all = true}, cluster_);
    endpoints_ = &stream_->Add({.type_name = kEndpoints}, endpoint_);
    routes_ = &stream_->Add({.type_name = kRoutes}, route_);
    stream_->Start();
  }
  void Answer(const google::protobuf::Message& response) { caller_.Answer(response.SerializeAsString()); }
  Lines Sent() { return SentSince(form_); }
  int64_t Pending() { return Gauge("control_plane.pending_requests"); }
  uint64_t Enforced() { return Count("control_plane.rate_limit_enforced"); }

  Form form_ = Form::kState;
  Wanter cluster_, endpoint_, route_;
  std::unique_ptr<Stream> stream_;
  Subscription* clusters_ = nullptr;
  Subscription* endpoints_ = nullptr;
  Subscription* routes_ = nullptr;
};

TEST_F(RateLimitTest, WhatWaitsIsSaidInOneRequestForEachType) {
  for (const Form form : {Form::kState, Form::kDelta}) {
    Make(form, {.max_tokens = 2, .fill_rate = 1});
    endpoints_->Subscribe("a");
    EXPECT_EQ(Sent().size(), 2u);
    EXPECT_EQ(Pending(), 0);
    routes_->Subscribe("r");
    endpoints_->Subscribe("b");
    endpoints_->Subscribe("c");
    routes_->Subscribe("s");
    endpoints_->Unsubscribe("b");
    EXPECT_THAT(Sent(), IsEmpty());
    EXPECT_EQ(Pending(), 2);
    const int requests = route_.requests;
    timers_.Advance(milliseconds(999));
    EXPECT_THAT(Sent(), IsEmpty());
    timers_.Advance(milliseconds(2));
    EXPECT_THAT(Sent(), ElementsAre(form == Form::kState ? "RouteConfiguration [r s]" : "RouteConfiguration +r +s"));
    EXPECT_EQ(route_.requests, requests + 1);
    EXPECT_EQ(Pending(), 1);
    timers_.Advance(seconds(1));
    EXPECT_THAT(Sent(), ElementsAre(form == Form::kState ? "ClusterLoadAssignment [a c]" : "ClusterLoadAssignment +c"));
    EXPECT_EQ(Pending(), 0);
    timers_.Advance(seconds(60));
    EXPECT_THAT(Sent(), IsEmpty());
  }
  EXPECT_EQ(Enforced(), 4u);
}

// However many answers come: of each type one acknowledgement waits, and one refusal.
TEST_F(RateLimitTest, RepliesWait) {
  Make(Form::kDelta, {.max_tokens = 1, .fill_rate = 1});
  Sent();
  for (int i = 1; i <= 50; ++i) Answer(Delta(kClusters, "n" + std::to_string(i), {{"a", std::to_string(i)}}));
  cluster_.refused = {"a"};
  Answer(Delta(kClusters, "bad", {{"a", "x"}}));
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_EQ(Pending(), 1);
  timers_.Advance(milliseconds(1001));
  EXPECT_THAT(Sent(), ElementsAre("Cluster N=n50"));
  EXPECT_EQ(Pending(), 1);
  timers_.Advance(seconds(1));
  EXPECT_THAT(Sent(), ElementsAre("Cluster N=bad error"));
  EXPECT_EQ(Pending(), 0);
}

TEST_F(RateLimitTest, WhatWaitsEndsWithTheStream) {
  Make(Form::kDelta, {.max_tokens = 1, .fill_rate = 0.01});
  Answer(Delta(kClusters, "n1", {{"a", "1"}}));
  endpoints_->Subscribe("e");
  EXPECT_EQ(Pending(), 2);
  caller_.End({Code::kUnavailable, "gone"});
  EXPECT_EQ(Pending(), 0);
  timers_.Advance(Stream::kSoonTo);
  ASSERT_TRUE(caller_.open());
  EXPECT_THAT(Sent(), IsEmpty());  // a new stream brings no new tokens
  EXPECT_EQ(Pending(), 2);
  timers_.Advance(seconds(101));
  EXPECT_THAT(Sent(), ElementsAre("Cluster node {a:1}"));
  stream_.reset();
  EXPECT_EQ(Pending(), 0);
}

// A control plane that is replaced every few seconds is no reason to wait; one that ends at once is.
TEST_F(RateLimitTest, RestartsAreFoundSoon) {
  Make(Form::kDelta, {.max_tokens = 1000, .fill_rate = 1000});
  for (const base::Duration lives : {base::Duration(seconds(5)), base::Duration(Stream::kSettled)}) {
    for (int i = 0; i < 20; ++i) {
      Answer(Delta(kClusters, "n1", {{"a", "1"}}));
      timers_.Advance(lives);
      caller_.End({Code::kUnavailable, "gone"});
      timers_.Advance(Stream::kSoonTo);
      ASSERT_TRUE(caller_.open()) << i;
    }
  }
}

}  // namespace
}  // namespace pillion::xds
