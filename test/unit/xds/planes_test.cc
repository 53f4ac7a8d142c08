#include "source/xds/planes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "source/xds/subscription_stats.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_timers.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Lines = std::vector<std::string>;

struct Name final : NameWatcher {
  std::vector<std::string> OnResource(const Resource& resource) override {
    seen.push_back(resource.version + " of " + resource.answer_version);
    return {};
  }
  void OnRemoved(const std::string& version) override { seen.push_back("gone with " + version); }
  void OnRequest() override { ++requests; }
  void OnFailure() override {}
  void OnRefused() override { ++refused; }

  Lines seen;
  int requests = 0, refused = 0;
};

class PlanesTest : public testing::Test {
 protected:
  PlanesTest() : folder_(fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  // What was sent on the call that was made last, since it was asked.
  Lines Sent() {
    Lines lines;
    for (; caller_.size() > 0 && seen_ < caller_.last().sent.size(); ++seen_) {
      lines.push_back(Line(Parse<DeltaDiscoveryRequest>(caller_.last().sent[seen_])));
    }
    return lines;
  }
  void Answer(const google::protobuf::Message& response) { caller_.Answer(response.SerializeAsString()); }
  config::PathSource File(const std::string& text) const {
    std::ofstream(folder_ / "file.json") << text;
    return {folder_ / "file.json", ""};
  }

  const fs::path folder_;
  const config::ConfigSource ads_ =
      config::ApiSource{.protocol = config::ApiSource::Protocol::kDelta, .aggregated = true, .cluster = "cp"};
  boost::asio::io_context io_;
  event::FileWatcher watcher_{io_};
  const config::UnknownRule unknown_;
  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{1};
  SubscriptionStats stats_{registry_, clock_, stats::Prefix("x")};
  test::FakeCaller caller_;
  Planes planes_{{.caller = caller_,
                  .timers = timers_,
                  .clock = clock_,
                  .registry = registry_,
                  .node = {},
                  .host_of = [](const std::string&) { return client::Target{}; },
                  .log = {.warn = [](std::string_view) {}},
                  .seed = 1,
                  .files = Files{watcher_, unknown_}}};
  Name a_, b_, c_;
  Wanter wanter_;
  size_t seen_ = 0;
};

TEST_F(PlanesTest, ABatchIsOneRequestForEachType) {
  planes_.Start();
  {
    const Planes::Batch batch(planes_);
    planes_.Named(ads_, Kind::kRoutes).Watch("r", a_);  // the stream begins within
    planes_.Named(ads_, Kind::kEndpoints).Watch("a", b_);
    const Planes::Batch inner(planes_);
    planes_.Named(ads_, Kind::kEndpoints).Watch("b", c_);
    EXPECT_EQ(caller_.size(), 0u);
  }
  EXPECT_THAT(Sent(), ElementsAre("ClusterLoadAssignment node +a +b", "RouteConfiguration node +r"));
  EXPECT_EQ(b_.requests, 1);
  {
    const Planes::Batch batch(planes_);
    planes_.Named(ads_, Kind::kRoutes).Watch("s", b_);
    planes_.Named(ads_, Kind::kRoutes).Watch("t", b_);
    EXPECT_THAT(Sent(), IsEmpty());
  }
  EXPECT_THAT(Sent(), ElementsAre("RouteConfiguration node +s +t"));
}

// What an answer of one source makes its watcher want of another goes out in one request, too.
TEST_F(PlanesTest, WhatAFileLeadsToIsAskedForTogether) {
  planes_.Start();
  NamedResources& endpoints = planes_.Named(ads_, Kind::kEndpoints);
  wanter_.then = [&](const Update& update) {
    for (const Resource& resource : update.resources) endpoints.Watch(resource.name, a_);
  };
  const std::string type = "'@type': " + Url(kClusters);
  planes_.All(File("{version_info: '1', resources: [{" + type + ", name: a}, {" + type + ", name: b}]}"), Kind::kClusters, stats_,
              wanter_);
  EXPECT_EQ(wanter_.held.size(), 2u);
  EXPECT_THAT(Sent(), ElementsAre("ClusterLoadAssignment node +a +b"));
  size_t held = 0;
  planes_.ForEachHeld(Kind::kClusters, [&](const ResourceId& id, const Holdings::Held&) {
    EXPECT_TRUE(std::holds_alternative<config::PathSource>(id.source));
    ++held;
  });
  EXPECT_EQ(held, 2u);
}

// Figures show the version of the answer, as Envoy's do; what looks at a resource, its own.
TEST_F(PlanesTest, BothVersionsAreTold) {
  planes_.Start();
  NamedResources& endpoints = planes_.Named(ads_, Kind::kEndpoints);
  endpoints.Watch("a", a_);
  Answer(Delta(kEndpoints, "1", {{"a", "7"}}));
  Answer(Delta(kEndpoints, "2", {}, {"a"}));
  EXPECT_THAT(a_.seen, ElementsAre("7 of s1", "gone with s2"));
  planes_.Put(ads_, Kind::kEndpoints,
              {{.name = "a", .version = "5", .body = std::make_shared<const google::protobuf::Any>(Body(kEndpoints, "a"))}}, {});
  EXPECT_EQ(a_.seen.back(), "5 of 5");
}

// It is counted for the one that it is about, too, where nobody could look into it.
TEST_F(PlanesTest, WhoIsMeantHearsOfWhatIsRefusedBefore) {
  planes_.Start();
  planes_.Named(ads_, Kind::kEndpoints).Watch("a", a_);
  planes_.Named(ads_, Kind::kEndpoints).Watch("b", b_);
  Answer(Delta(kEndpoints, "1", {{"a", "1"}, {"a", "2"}, {"b", "1"}}));
  EXPECT_EQ(a_.refused, 1);
  EXPECT_EQ(b_.refused, 0);
  EXPECT_THAT(b_.seen, ElementsAre("1 of s1"));
}

}  // namespace
}  // namespace pillion::xds
