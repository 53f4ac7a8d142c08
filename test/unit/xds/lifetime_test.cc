// Resources that live as long as they are spoken of.

#include <gtest/gtest.h>

#include "source/xds/type_protocol.h"
#include "test/unit/xds/stream_world.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

using std::chrono::seconds;
using envoy::service::discovery::v3::Resource;

class LifetimeTest : public testing::TestWithParam<Form>, protected StreamWorld {
 protected:
  LifetimeTest() {
    stream_.Add({.type_name = kClusters, .all = true}, cluster_);
    stream_.Start();
  }

  // An answer with "a", which lives for so long. `body`: not only a sign of life.
  void Answer(const std::string& version, std::optional<seconds> ttl, bool body = true, const std::string& name = "a") {
    Resource resource;
    resource.set_name(name);
    resource.set_version(version);
    if (ttl) resource.mutable_ttl()->set_seconds(ttl->count());
    if (body) *resource.mutable_resource() = Body(kClusters, name);
    if (GetParam() == Form::kState) {
      DiscoveryResponse response = State(kClusters, version, "n", {});
      response.add_resources()->PackFrom(resource);
      caller_.Answer(response.SerializeAsString());
    } else {
      DeltaDiscoveryResponse response = Delta(kClusters, "n", {});
      *response.add_resources() = resource;
      caller_.Answer(response.SerializeAsString());
    }
  }
  std::string Error() {
    const std::string& sent = caller_.last().sent.back();
    return GetParam() == Form::kState ? Parse<DiscoveryRequest>(sent).error_detail().message()
                                      : Parse<DeltaDiscoveryRequest>(sent).error_detail().message();
  }

  Wanter cluster_;
  Stream stream_{{.method = "/m", .form = GetParam(), .max_message = 1000, .name = "cp"},
                 around()};
};

TEST_P(LifetimeTest, HeartbeatsKeepAlive) {
  Answer("1", seconds(10));
  EXPECT_EQ(cluster_.last.resources.at(0).ttl, seconds(10));
  for (int i = 0; i < 5; ++i) {
    timers_.Advance(seconds(9));
    clock_.JumpWall(std::chrono::hours(1000));  // it is no matter of the clock on the wall
    Answer("1", seconds(10), false);
    EXPECT_EQ(Error(), "");
  }
  EXPECT_EQ(cluster_.updates, 1);
  timers_.Advance(seconds(9));
  EXPECT_EQ(cluster_.held.size(), 1u);
  timers_.Advance(seconds(1));
  EXPECT_EQ(cluster_.last.removed, std::vector<std::string>{"a"});
  EXPECT_EQ(cluster_.updates, 2);
  EXPECT_EQ(timers_.armed(), 0u);
  // It has to come anew: also from a control plane that thinks it is there.
  Answer("1", seconds(10), false);
  EXPECT_EQ(Error(), "\"a\": no resource, and version \"1\" was not taken");
  caller_.End({codec::grpc::Code::kUnavailable, "gone"});
  timers_.Advance(seconds(1));
  if (GetParam() == Form::kState) {
    EXPECT_EQ(Line(Parse<DiscoveryRequest>(caller_.last().sent.at(0))), "Cluster node");
  } else {
    EXPECT_EQ(Line(Parse<DeltaDiscoveryRequest>(caller_.last().sent.at(0))), "Cluster node");
  }
}

// What is bad does not take the last good one away: whoever speaks of it wants it to live.
TEST_P(LifetimeTest, OfWhatWasRefused) {
  Answer("1", seconds(10));
  timers_.Advance(seconds(9));
  cluster_.refused = {"a"};
  Answer("2", seconds(10));
  for (int i = 0; i < 3; ++i) {
    timers_.Advance(seconds(9));
    Answer("2", seconds(10), false);
  }
  EXPECT_EQ(cluster_.held.at("a"), "1");
  timers_.Advance(Backoff::kMost);
  EXPECT_TRUE(cluster_.held.empty());
}

TEST_P(LifetimeTest, EndsWithoutAStream) {
  Answer("1", seconds(10));
  caller_.End({codec::grpc::Code::kUnavailable, "gone"});
  timers_.Advance(seconds(10));
  EXPECT_TRUE(cluster_.held.empty());
}

TEST_P(LifetimeTest, NoLifetimeAnyMore) {
  Answer("1", seconds(10));
  Answer("1", std::nullopt, false);
  timers_.Advance(seconds(100));
  EXPECT_EQ(cluster_.held.size(), 1u);
  Answer("2", seconds(10));
  Answer("3", std::nullopt);
  timers_.Advance(seconds(100));
  EXPECT_EQ(cluster_.held.at("a"), "3");
}

TEST_P(LifetimeTest, LifetimesThatAreNone) {
  for (const seconds ttl : {seconds(0), seconds(-1), seconds::min()}) {
    Answer("1", ttl);
    timers_.Advance(Backoff::kMost);
    EXPECT_EQ(Error(), "\"a\": ttl: expected more than 0s");
  }
  Answer("1", seconds::max());
  EXPECT_EQ(Error(), "");
  timers_.Advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(cluster_.held.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Forms, LifetimeTest, testing::Values(Form::kState, Form::kDelta),
                         [](const auto& info) { return info.param == Form::kState ? "State" : "Delta"; });

}  // namespace
}  // namespace pillion::xds
