#include "source/push/feed.h"

#include <gmock/gmock.h>

#include "test/unit/push/pushed.h"

namespace pillion::push {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using xds::Kind;

google::protobuf::Any Cluster(const std::string& yaml) { return config::Resource<envoy::config::cluster::v3::Cluster>(yaml); }

class FeedTest : public PushedTest {
 protected:
  void Start(Kind kind) {
    feed_ = std::make_unique<Feed>(
        kind, stats::Prefix("some").Add("feed"),
        Feed::Target{.set = [this](const Feed::Bodies& resources) {
                       std::vector<Lines> errors;
                       for (const auto& resource : resources) {
                         const config::Judged<config::Cluster> judged = process_.resources->BuildCluster(*resource, ads());
                         errors.emplace_back();
                         if (judged.part == nullptr) errors.back() = {judged.errors[0].path + " is wrong"};
                         if (judged.part != nullptr) done_.push_back("set " + judged.part->name);
                       }
                       if (!warms_next_.empty()) warming_.insert(std::exchange(warms_next_, ""));
                       return errors;
                     },
                     .remove = [this](const std::string& name) { done_.push_back("remove " + name); },
                     .configured = [this](const std::string& name) { return name == "cp" && cp_is_configured_; },
                     .done = [this] { done_.push_back("."); },
                     .warming = [this](const std::string& name) { return warming_.contains(name); },
                     .when_warm =
                         [this](std::function<void()> warm) { warming_.empty() ? warm() : when_warm_.push_back(std::move(warm)); }},
        with());
    config::Feed from = *process_.bootstrap->dynamic->clusters;
    feed_->Start(planes_, from, [this] { ++ready_; });
    planes_.Start();
  }
  Lines Done() { return std::exchange(done_, {}); }

  std::set<std::string> warming_;
  std::string warms_next_;
  std::vector<std::function<void()>> when_warm_;
  std::unique_ptr<Feed> feed_;
  Lines done_;
  bool cp_is_configured_ = true;
  int ready_ = 0;
};

TEST_F(FeedTest, TheGoodIsTakenAndTheBadKeepsItsFormer) {
  Start(Kind::kClusters);
  EXPECT_THAT(Sent(), ElementsAre("Cluster node"));
  EXPECT_EQ(ready_, 0);
  Answer(Kind::kClusters, {{"a", Cluster("{name: a}")}, {"b", Cluster("{name: b}")}});
  EXPECT_THAT(Done(), ElementsAre("set a", "set b", "."));
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(Sent(), ElementsAre("Cluster node N=n1"));
  Answer(Kind::kClusters, {{"a", Cluster("{name: a, connect_timeout: 0s}")}, {"b", Cluster("{name: b, connect_timeout: 2s}")}});
  EXPECT_THAT(Done(), ElementsAre("set b", "."));
  EXPECT_THAT(Sent(), ElementsAre(HasSubstr("N=n2 error: ")));
  EXPECT_EQ(feed_->taken().at("a").version, "1");
  EXPECT_EQ(feed_->taken().at("b").version, "2");
  EXPECT_TRUE(feed_->protocol()->refused().all().contains("a"));
  EXPECT_EQ(Count("some.feed.update_rejected"), 1u);
  EXPECT_EQ(Count("some.feed.update_success"), 1u);
}

// A new name is there before the old one goes; but the address of a listener is free before another one takes it.
TEST_F(FeedTest, OrderWithinAnAnswer) {
  Start(Kind::kClusters);
  Answer(Kind::kClusters, {{"a", Cluster("{name: a}")}});
  Answer(Kind::kClusters, {{"b", Cluster("{name: b}")}}, {"a"});
  EXPECT_THAT(Done(), ElementsAre("set a", ".", "set b", "remove a", "."));
  EXPECT_FALSE(feed_->taken().contains("a"));
}

TEST_F(FeedTest, WhatIsTheSameOrConfiguredIsLeftAlone) {
  Start(Kind::kClusters);
  Answer(Kind::kClusters, {{"a", Cluster("{name: a}")}, {"cp", Cluster("{name: cp}")}});
  EXPECT_THAT(Done(), ElementsAre("set a", "."));
  EXPECT_THAT(log_, ElementsAre("cds: cp is passed over: it is one of the static resources"));
  EXPECT_THAT(told_.back(), HasSubstr(R"(: 1 added ("a"), 1 passed over ("cp"))"));
  Answer(Kind::kClusters, {{"a", Cluster("{name: a}")}}, {"cp"});
  EXPECT_THAT(Done(), ElementsAre("."));
  EXPECT_EQ(feed_->taken().at("a").version, "2");
}

TEST_F(FeedTest, WhatWasPassedOverIsTakenWhenItsNameIsFree) {
  Start(Kind::kClusters);
  Answer(Kind::kClusters, {{"cp", Cluster("{name: cp}")}, {"a", Cluster("{name: a}")}});
  EXPECT_THAT(Done(), ElementsAre("set a", "."));
  EXPECT_FALSE(feed_->taken().contains("cp"));
  for (const char* name : {"a", "b", "cp"}) feed_->TakePassedOver(name);
  EXPECT_THAT(Done(), ElementsAre("set cp", "."));
  EXPECT_EQ(feed_->taken().at("cp").version, "1");
  feed_->TakePassedOver("cp");
  EXPECT_THAT(Done(), ElementsAre());
  Answer(Kind::kClusters, {}, {"cp"});
  EXPECT_THAT(Done(), ElementsAre("remove cp", "."));
  Answer(Kind::kClusters, {{"cp", Cluster("{name: cp, connect_timeout: 0s}")}});
  feed_->TakePassedOver("cp");
  EXPECT_THAT(log_.back(), "cds: cp, which was passed over, can't be taken: connect_timeout is wrong");
  Answer(Kind::kClusters, {{"cp", Cluster("{name: cp}")}});
  Answer(Kind::kClusters, {}, {"cp"});
  Done();
  feed_->TakePassedOver("cp");
  EXPECT_THAT(Done(), ElementsAre()) << "it was taken away meanwhile";
  Answer(Kind::kClusters, {{"cp", Cluster("{name: cp}")}});
  cp_is_configured_ = false;
  Answer(Kind::kClusters, {{"cp", Cluster("{name: cp}")}});
  EXPECT_THAT(Done(), ElementsAre(".", "set cp", "."));
}

// What serves is known as long as another version of it warms.
TEST_F(FeedTest, TheFormerVersionOfOneThatWarms) {
  Start(Kind::kClusters);
  const auto answer = [this](const std::string& timeout) {
    Answer(Kind::kClusters, {{"a", Cluster("{name: a, connect_timeout: " + timeout + "}")}});
  };
  warming_ = {"a"};
  answer("1s");
  EXPECT_EQ(feed_->FormerOf("a"), nullptr);  // there is none yet
  warming_.clear();
  answer("2s");
  EXPECT_EQ(feed_->FormerOf("a"), nullptr);
  when_warm_.clear();
  Answer(Kind::kClusters, {{"b", Cluster("{name: b}")}});
  // It serves, and another version comes that does not yet.
  Answer(Kind::kClusters, {{"a", Cluster("{name: a, connect_timeout: 0s}")}});
  EXPECT_EQ(feed_->FormerOf("a"), nullptr);  // that was refused
  warms_next_ = "a";
  answer("3s");
  ASSERT_NE(feed_->FormerOf("a"), nullptr);
  EXPECT_EQ(feed_->FormerOf("a")->version, "2");
  EXPECT_EQ(feed_->taken().at("a").version, "5");
  answer("4s");
  EXPECT_EQ(feed_->FormerOf("a")->version, "2");
  ASSERT_EQ(when_warm_.size(), 1u);
  warming_.clear();
  when_warm_[0]();
  EXPECT_EQ(feed_->FormerOf("a"), nullptr);
}

TEST_F(FeedTest, NobodyAnswers) {
  Start(Kind::kClusters);
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(Count("some.feed.init_fetch_timeout"), 1u);
  Answer(Kind::kClusters, {{"a", Cluster("{name: a}")}});
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(Done(), ElementsAre("set a", "."));
}

}  // namespace
}  // namespace pillion::push
