#include "source/xds/file_subscription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "source/xds/subscription_stats.h"
#include "test/support/simulated_clock.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class FileSubscriptionTest : public testing::Test {
 protected:
  FileSubscriptionTest()
      : folder_(fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  // Puts a file in its place as it should be done, and has it told.
  void Replace(const std::string& text, const std::string& name = "file.yaml") {
    std::ofstream(folder_ / "beside") << text;
    fs::rename(folder_ / "beside", folder_ / name);
    Poll();
  }
  // What the kernel has told is there to be read when the call that did it has returned.
  void Poll() {
    io_.restart();
    io_.poll();
  }
  static std::string Response(const std::vector<std::string>& resources, const std::string& version = "1") {
    std::string text = "version_info: '" + version + "'\nresources:\n";
    for (const std::string& resource : resources) text += "- " + resource + "\n";
    return resources.empty() ? "version_info: '" + version + "'\n" : text;
  }
  static std::string Cluster(const std::string& name, const std::string& content = "", const std::string& more = "") {
    return "{'@type': " + Url(kClusters) + ", name: '" + name + "', alt_stat_name: '" + content + "'" + more + "}";
  }
  static std::string Hosts(const std::string& name, const std::string& more = "") {
    return "{'@type': " + Url(kEndpoints) + ", cluster_name: '" + name + "'" + more + "}";
  }

  void Make(const std::string& type_name, bool all, const std::string& name = "file.yaml") {
    subscription_ = std::make_unique<FileSubscription>(
        config::PathSource{folder_ / name, watched_}, Files{watcher_, unknown_},
        TypeSubscription::Options{.type_name = type_name, .all = all, .stats = all ? &stats_ : nullptr}, wanter_, clock_,
        Log{.warn = [this](std::string_view line) { log_.emplace_back(line); },
            .info = [this](std::string_view line) { told_.emplace_back(line); }});
    subscription_->Start();
  }
  uint64_t Count(const std::string& name) { return registry_.control().counter(registry_.AddCounter("x." + name))->value(); }
  std::string path() const { return folder_ / "file.yaml"; }

  const fs::path folder_;
  std::string watched_;
  boost::asio::io_context io_;
  event::FileWatcher watcher_{io_};
  config::UnknownRule unknown_;
  test::SimulatedClock clock_;
  stats::Registry registry_{1};
  SubscriptionStats stats_{registry_, clock_, stats::Prefix("x")};
  Wanter wanter_;
  std::vector<std::string> log_, told_;
  std::unique_ptr<FileSubscription> subscription_;
};

using Held = std::map<std::string, std::string>;

TEST_F(FileSubscriptionTest, AllOfAKind) {
  Replace(Response({Cluster("a", "one"), Cluster("b")}));
  Make(kClusters, true);
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}, {"b", "1"}}));
  Replace(Response({Cluster("a", "two"), Cluster("c")}, "2"));
  EXPECT_EQ(wanter_.held, (Held{{"a", "2"}, {"c", "2"}}));
  EXPECT_EQ(wanter_.contents["a"], "two");
  EXPECT_EQ(Count("update_attempt"), 2u);
  EXPECT_EQ(Count("update_success"), 2u);
  Replace(Response({}, "3"));
  EXPECT_EQ(wanter_.held, Held());
  EXPECT_EQ(subscription_->protocol().version(), "3");
  EXPECT_THAT(log_, ElementsAre());
}

// Of an answer on a stream, as somebody may have kept it.
TEST_F(FileSubscriptionTest, ANonceAndATypeAreNoMatter) {
  Replace("type_url: " + Url(kClusters) + "\nnonce: n1\n" + Response({Cluster("a")}));
  Make(kClusters, true);
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}}));
  EXPECT_THAT(log_, ElementsAre());
}

TEST_F(FileSubscriptionTest, WhatIsNoAnswerChangesNothingAndIsSaidOnce) {
  Replace(Response({Cluster("a")}));
  Make(kClusters, true);
  for (const char* broken : {"{", "[]", "", "resources: 1", "resourcs: []"}) {
    log_.clear();
    const uint64_t failures = Count("update_failure");
    Replace(broken);
    Replace(broken);
    EXPECT_EQ(Count("update_failure"), failures + 2) << broken;
    ASSERT_EQ(log_.size(), 1u) << broken;
    EXPECT_THAT(log_[0], StartsWith(path() + ": "));
    EXPECT_THAT(log_[0], HasSubstr("; what was taken stays"));
  }
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}}));
  EXPECT_EQ(wanter_.failures, 10);
  EXPECT_EQ(Count("update_rejected"), 0u);
  fs::remove(path());
  Poll();
  EXPECT_EQ(wanter_.failures, 10);  // of that nobody is told
  Replace(Response({Cluster("b")}, "2"));
  EXPECT_EQ(wanter_.held, (Held{{"b", "2"}}));
}

TEST_F(FileSubscriptionTest, OneThatIsBadAmongGoodOnes) {
  Replace(Response({Cluster("a", "one"), Cluster("b")}));
  Make(kClusters, true);
  Replace(Response({Cluster("a", "two", ", conect_timeout: 1s"), Cluster("c")}, "2"));
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}, {"c", "2"}}));
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_THAT(log_[0], StartsWith(path() + ": refused version \"2\": \"a\": line 3: unknown field \"conect_timeout\""));
  Replace(Response({Cluster("a", "bad"), Hosts("b"), "{'@type': type.googleapis.com/no.Such}"}, "3"));
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}, {"c", "2"}}));  // which of them is not there any more can't be told
  ASSERT_EQ(log_.size(), 2u);
  EXPECT_THAT(log_[1], HasSubstr("\"a\": is bad"));
  EXPECT_THAT(log_[1], HasSubstr("resources[1]: \"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\", expected"));
  EXPECT_THAT(log_[1], HasSubstr("resources[2]: line 5: unknown type \"type.googleapis.com/no.Such\""));
  EXPECT_EQ(Count("update_rejected"), 2u);
  EXPECT_EQ(Count("update_success"), 1u);
  EXPECT_TRUE(subscription_->protocol().refused().all().contains("a"));
}

TEST_F(FileSubscriptionTest, UnknownFieldsArePassedOverWhereTheRuleSaysSo) {
  config::PassedOver passed_over;
  unknown_ = {.fields = config::UnknownFields::kPassOver, .passed_over = &passed_over, .disabled_extensions = {}};
  Replace(Response({Cluster("a", "", ", nonsense: 1")}));
  Make(kClusters, true);
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}}));
  EXPECT_EQ(passed_over.count(), 1u);
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_THAT(log_[0], HasSubstr("unknown field \"nonsense\""));
}

TEST_F(FileSubscriptionTest, TheOneThatIsWanted) {
  Replace(Response({Hosts("service")}));
  Make(kEndpoints, false);
  EXPECT_EQ(wanter_.requests, 0);  // nothing is wanted yet
  subscription_->Subscribe("service");
  EXPECT_EQ(wanter_.held, (Held{{"service", "1"}}));
  EXPECT_THAT(wanter_.asked, ElementsAre("service"));

  Replace(Response({Hosts("other")}));
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_THAT(log_[0], HasSubstr("resources[0].cluster_name: \"other\", expected \"service\""));
  Replace(Response({Hosts("service"), Hosts("service")}));
  ASSERT_EQ(log_.size(), 2u);
  EXPECT_THAT(log_[1], HasSubstr("2 resources, expected the one ClusterLoadAssignment"));
  Replace(Response({Hosts("")}));
  EXPECT_THAT(log_.at(2), HasSubstr("resources[0]: cluster_name: missing, but required"));
  Replace(Response({Hosts("service", ", policy: {drop_overloads: 1}")}));
  EXPECT_THAT(log_.at(3), HasSubstr("\"service\": line 3: policy.drop_overloads"));
  EXPECT_EQ(wanter_.refused_early, 4);
  EXPECT_EQ(wanter_.held, (Held{{"service", "1"}}));
  EXPECT_EQ(wanter_.failures, 0);

  Replace(Response({}, "2"));
  EXPECT_EQ(wanter_.held, Held());
  Replace(Response({Hosts("service")}, "3"));
  EXPECT_EQ(wanter_.held, (Held{{"service", "3"}}));
  EXPECT_FALSE(wanter_.last.resources.at(0).same);

  subscription_->Unsubscribe("service");
  Replace(Response({Hosts("service")}, "4"));
  EXPECT_EQ(wanter_.held, (Held{{"service", "3"}}));  // nobody looks
}

TEST_F(FileSubscriptionTest, WhatIsWantedWhileItIsRead) {
  Replace(Response({Hosts("a")}));
  Make(kEndpoints, false);
  wanter_.then = [this](const Update&) {
    wanter_.then = nullptr;
    subscription_->Subscribe("b");
    EXPECT_EQ(wanter_.updates, 1);  // not from within
  };
  subscription_->Subscribe("a");
  EXPECT_EQ(wanter_.updates, 2);
  EXPECT_EQ(wanter_.refused_early, 1);
}

TEST_F(FileSubscriptionTest, AMountedVolume) {
  watched_ = folder_;
  const auto publish = [this](const std::string& number, const std::string& text) {
    fs::create_directory(folder_ / number);
    std::ofstream(folder_ / number / "file.yaml") << text;
    fs::create_directory_symlink(number, folder_ / "..data_tmp");
    fs::rename(folder_ / "..data_tmp", folder_ / "..data");
    Poll();
  };
  publish("..1", Response({Cluster("a")}));
  fs::create_symlink("..data/file.yaml", folder_ / "file.yaml");
  Make(kClusters, true);
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}}));
  publish("..2", Response({Cluster("b")}, "2"));
  EXPECT_EQ(wanter_.held, (Held{{"b", "2"}}));
}

TEST_F(FileSubscriptionTest, Formats) {
  Replace("version_info: \"t\" resources { [" + Url(kClusters) + "] { name: \"a\" } }", "file.pb_text");
  Make(kClusters, true, "file.pb_text");
  EXPECT_EQ(wanter_.held, (Held{{"a", "t"}}));
  Replace(State(kClusters, "b", "", {"b"}).SerializeAsString(), "file.pb");
  Make(kClusters, true, "file.pb");
  EXPECT_EQ(wanter_.held.at("b"), "b");
  Replace("\xff\xff", "file.pb");
  EXPECT_EQ(Count("update_failure"), 1u);
}

TEST_F(FileSubscriptionTest, WhatCantBeWatchedIsReadAllTheSame) {
  Replace(Response({Cluster("a")}));
  watched_ = "/not/there";
  Make(kClusters, true);
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}}));
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_THAT(log_[0], StartsWith(path() + ": it is read, but not watched: /not/there: "));
}

TEST_F(FileSubscriptionTest, TellsWhatIsDifferent) {
  Replace(Response({Cluster("a", "one"), Cluster("b")}));
  Make(kClusters, true);
  Replace(Response({Cluster("a", "two"), Cluster("c")}, "2"));
  EXPECT_THAT(told_, ElementsAre(path() + R"(: version "1": 2 added ("a", "b"))",
                                 path() + R"(: version "2": 1 added ("c"), 1 changed ("a"), 1 removed ("b"))"));
}

TEST_F(FileSubscriptionTest, ALifetimeHasNoEffectAndIsNamedOnce) {
  const std::string wrapped = "{'@type': type.googleapis.com/envoy.service.discovery.v3.Resource, name: a, ttl: 1s, resource: " +
                              Cluster("a") + "}";
  Replace(Response({wrapped}));
  Make(kClusters, true);
  Replace(Response({wrapped}, "2"));
  clock_.Advance(std::chrono::hours(1));
  EXPECT_EQ(wanter_.held, (Held{{"a", "2"}}));
  EXPECT_THAT(log_, ElementsAre(path() + ": ttl is of streams, and has no effect here: what was taken stays until something else is"));
}

}  // namespace
}  // namespace pillion::xds
