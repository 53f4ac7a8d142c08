// What the log says of a stream: what changes, and that a control plane is lost and back.

#include <gtest/gtest.h>

#include "test/unit/xds/ads_fixture.h"

namespace pillion::xds {
namespace {

using codec::grpc::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A line for each answer that changes something, that of hosts for who debugs.
TEST_F(AdsTest, TellsWhatChanges) {
  Make(Form::kState);
  told_.clear();
  Answer(State(kClusters, "1", "n1", {"c1", "c2", "c3", "c4", "c5", "c6", "c7"}));
  Answer(With(State(kClusters, "2", "n2", {"c1", "c2", "c3", "c4"}), {{"c8", "bad"}}));
  Answer(State(kClusters, "3", "n3", {"c1", "c2", "c3", "c4"}));
  Answer(With(State(kClusters, "4", "n4", {"c1", "c2", "c3"}), {{"c4", "other"}, {"c5", "bad"}, {"c9\n", "new"}}));
  Answer(With(State(kClusters, "5", "n5", {"c1", "c2", "c3"}), {{"c4", "other"}, {"c5", "bad"}, {"c9\n", "new"}}));
  EXPECT_EQ(told_, (Lines{"ads: reached, at ",
                          R"(ads, Cluster: version "1": 7 added ("c1", "c2", "c3", "c4", "c5" and 2 more))",
                          R"(ads, Cluster: version "2": 3 removed ("c5", "c6", "c7"), 1 refused ("c8"))",
                          R"(ads, Cluster: version "4": 1 added ("c9\n"), 1 changed ("c4"), 1 refused ("c5"))"}));
  Answer(State(kEndpoints, "1", "n6", {"c1"}));
  EXPECT_EQ(details_, (Lines{R"(ads, Cluster: version "3": nothing is different)",
                             R"(ads, ClusterLoadAssignment: version "1": 1 added ("c1"))"}));
}

// What has no effect is no change, neither when it comes nor when it goes.
TEST_F(AdsTest, TellsWhatIsPassedOver) {
  Make(Form::kDelta);
  cluster_.passed_over = {"mine"};
  Answer(Delta(kClusters, "n1", {{"c1", "1"}, {"mine", "1"}}));
  EXPECT_EQ(told_.back(), R"(ads, Cluster: version "sn1": 1 added ("c1"), 1 passed over ("mine"))");
  const size_t told = told_.size();
  Answer(Delta(kClusters, "n2", {{"mine", "2"}}));
  Answer(Delta(kClusters, "n3", {}, {"mine"}));
  EXPECT_EQ(told_.size(), told);
  EXPECT_EQ(details_, (Lines{R"(ads, Cluster: version "sn2": 1 passed over ("mine"))",
                             R"(ads, Cluster: version "sn3": nothing is different)"}));
}

TEST_F(AdsTest, TellsThatAControlPlaneIsLostAndBack) {
  Make(Form::kDelta);
  EXPECT_EQ(told_, Lines{});
  Answer(Delta(kClusters, "n1", {}));
  for (int i = 0; i < 5; ++i) {
    caller_.End({codec::grpc::Code::kUnavailable, "gone"});
    timers_.Advance(Backoff::kMost);
  }
  EXPECT_EQ(log_.size(), 1u);
  EXPECT_EQ(told_, (Lines{"ads: reached, at "}));
  Answer(Delta(kClusters, "n1", {}));
  Answer(Delta(kClusters, "n2", {}));
  EXPECT_EQ(told_, (Lines{"ads: reached, at ", "ads: back, at "}));
}

// It has nothing new to say, and so says nothing; but it is there.
TEST_F(AdsTest, AControlPlaneIsBackThatSaysNothing) {
  Make(Form::kDelta);
  Answer(Delta(kClusters, "n1", {{"c1", "1"}}));
  const auto lose = [this] {
    caller_.End({Code::kUnavailable, "Connection refused"});
    timers_.Advance(Backoff::kMost);
  };
  lose();
  caller_.Open();
  timers_.Advance(Stream::kStands - milliseconds(1));
  EXPECT_EQ(Gauge("control_plane.connected_state"), 0);
  lose();  // one that ends at once was not there
  EXPECT_EQ(told_.back(), R"(ads, Cluster: version "sn1": 1 added ("c1"))");
  caller_.Open();
  timers_.Advance(Stream::kStands);
  EXPECT_EQ(Gauge("control_plane.connected_state"), 1);
  EXPECT_EQ(told_.back(), "ads: back, at ");
  EXPECT_EQ(log_.size(), 1u);
  const size_t told = told_.size();
  Answer(Delta(kClusters, "n2", {}));  // in the end
  EXPECT_EQ(told_.size(), told);
  EXPECT_EQ(Gauge("control_plane.connected_state"), 1);
  lose();
  EXPECT_EQ(Gauge("control_plane.connected_state"), 0);
  EXPECT_EQ(log_.size(), 2u);
}

TEST_F(AdsTest, AControlPlaneThatFlapsIsNotTheWholeLog) {
  Make(Form::kDelta);
  const auto live = [this](base::Duration life) {
    caller_.Open();
    timers_.Advance(life);
    caller_.End({Code::kUnavailable, "no healthy upstream"});
    timers_.Advance(Backoff::kMost);
  };
  for (int i = 0; i < 100; ++i) live(seconds(5));
  EXPECT_EQ(told_.size(), 3u);  // after 1, 2 and 4 s
  EXPECT_EQ(log_.size(), 3u);
  EXPECT_EQ(Gauge("control_plane.connected_state"), 0);
  // Then one that stays, and what comes after it is told of as soon as at first.
  live(2 * Stream::kStandsLongest);
  EXPECT_EQ(log_.size(), 4u);
  live(Stream::kStands);
  EXPECT_EQ(told_.size(), 5u);
  EXPECT_EQ(log_.size(), 5u);
}

}  // namespace
}  // namespace pillion::xds
