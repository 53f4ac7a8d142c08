#include "source/guard/guard.h"

#include <gtest/gtest.h>

#include <map>

#include "test/support/simulated_timers.h"
#include "test/support/stat.h"
#include "test/unit/xds/talk.h"

namespace pillion::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using xds::Holdings;
using xds::Kind;
using Lines = std::vector<std::string>;

constexpr const char* kShort[] = {"cds", "eds", "lds", "srds", "rds", "sds", "ecds", "rtds"};

// A control plane and what the process has of it, as xds::TypeProtocol has it; requests as the test says.
class GuardTest : public testing::Test {
 protected:
  void SetUp() override {
    config::Guard config;
    config.window = seconds(10);
    config.least_requests = 20;
    config.error_ratio.emplace();
    config.endpoints = true;
    Use(config);
  }
  void Use(const config::Guard& config) { guard_.Set(std::make_shared<const config::Guard>(config)); }
  // With this that serves well.
  void Settle() {
    guard_.Start();
    for (const auto& [name, content] : std::map<std::string, std::string>{{"pay", "1"}, {"cart", "1"}}) {
      Push(Kind::kClusters, name, content);
      Push(Kind::kEndpoints, name, content);
    }
    Push(Kind::kListeners, "in", "1");
    Push(Kind::kRoutes, "main", "1");
    Serve(30);
    said_.clear();
  }
  // Ten requests a second, so many of which are bad.
  void Serve(int for_seconds, uint64_t bad = 0) {
    for (int i = 0; i < for_seconds * 10; ++i) {
      timers_.Advance(milliseconds(100));
      ++totals_.requests;
      if (bad > static_cast<uint64_t>(i % 10)) ++totals_.errors;
    }
  }

  // Why it is refused; empty: it is taken. An empty content removes.
  std::string Push(Kind kind, const std::string& name, const std::string& content, bool news = false) {
    const xds::ResourceId id{source_, kind, name};
    const auto found = held_.find({kind, name});
    if (content.empty()) {
      std::string objection = guard_.ObjectionToRemoval(id, news);
      if (objection.empty()) Set(kind, name, "");
      return objection;
    }
    const xds::Resource resource{.name = name, .version = "v" + content, .body = Body(content)};
    if (found == held_.end() || found->second.body->value() != content) {
      if (std::string objection = guard_.Objection(id, resource); !objection.empty()) return objection;
    }
    Set(kind, name, content);
    return "";
  }
  void Set(Kind kind, const std::string& name, const std::string& content, bool wanted = true) {
    const auto key = std::make_pair(kind, name);
    std::optional<Holdings::Held> before;
    if (const auto found = held_.find(key); found != held_.end()) before = found->second;
    held_.erase(key);
    if (!content.empty()) {
      held_[key] = {.version = "v" + content,
                    .hash = std::hash<std::string>()(content),
                    .body = Body(content),
                    .taken = clock_.WallNow()};
    }
    const auto now = held_.find(key);
    guard_.OnChange({source_, kind, name}, before ? &*before : nullptr, now == held_.end() ? nullptr : &now->second, wanted);
  }
  static std::shared_ptr<const google::protobuf::Any> Body(const std::string& content) {
    auto body = std::make_shared<google::protobuf::Any>();
    body->set_value(content);
    return body;
  }
  std::string Content(Kind kind, const std::string& name) {
    const auto found = held_.find({kind, name});
    return found == held_.end() ? "-" : found->second.body->value();
  }

  std::vector<xds::Refusal> Put(Kind kind, std::vector<xds::Resource> resources, const std::vector<std::string>& removed) {
    std::string line = std::string(kShort[static_cast<size_t>(kind)]) + ":";
    std::vector<xds::Refusal> refusals;
    for (const xds::Resource& resource : resources) {
      line += " " + resource.name + "=" + resource.body->value();
      if (impossible_ == resource.name) {
        refusals.push_back({resource.name, {"its address is taken"}});
      } else {
        Set(kind, resource.name, resource.body->value());
      }
    }
    for (const std::string& name : removed) {
      line += " -" + name;
      Set(kind, name, "");
    }
    puts_.push_back(line);
    return refusals;
  }
  int64_t stat(std::string_view name) { return test::Stat(registry_, name); }

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{1};
  const config::ConfigSource source_ = config::ApiSource();
  Figures totals_;
  std::map<std::pair<Kind, std::string>, Holdings::Held> held_;
  std::string impossible_;
  Lines puts_;
  Lines noted_;
  Lines said_;
  std::vector<Return> told_;
  Guard guard_{{.timers = timers_,
                .clock = clock_,
                .registry = registry_,
                .figures = [this] { return totals_; },
                .put = [this](const config::ConfigSource&, Kind kind, std::vector<xds::Resource> resources,
                              const std::vector<std::string>& removed) { return Put(kind, std::move(resources), removed); },
                .note_refused =
                    [this](const xds::ResourceId& id, const std::string&, const Holdings::Held* now) {
                      noted_.push_back(id.name + " " + (now == nullptr ? "-" : now->version));
                    },
                .tell = [this](const Return& last) { told_.push_back(last); },
                .warn = [this](std::string_view line) { said_.emplace_back(line); },
                .own = "ours"}};
};

TEST_F(GuardTest, GoesBackAndSaysSo) {
  Settle();
  EXPECT_EQ(Push(Kind::kRoutes, "main", "2"), "");
  EXPECT_EQ(stat("guard.watching"), 1);
  Serve(1, 5);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "2");  // too few requests to be believed
  Serve(2, 5);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "1");
  EXPECT_EQ(puts_, Lines{"rds: main=1"});
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_TRUE(said_[0].starts_with("guard: error ratio 0 % -> 5")) << said_[0];
  EXPECT_NE(said_[0].find(" s after route table \"main\" changed: returned to the content of "), std::string::npos) << said_[0];
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].whats, Lines{"route table \"main\""});
  EXPECT_EQ(noted_, Lines{"main v2"});
  EXPECT_EQ(stat("guard.returns"), 1);
  EXPECT_EQ(stat("guard.returned_resources"), 1);
  EXPECT_EQ(stat("guard.remembered"), 1);
  EXPECT_EQ(stat("guard.watching"), 0);
  // What it put back itself is no change.
  Serve(30, 9);
  EXPECT_EQ(puts_.size(), 1u);
}

// The first of a name is an answer; and the guard itself may come as an extension.
TEST_F(GuardTest, FiltersThatComeApart) {
  Settle();
  Push(Kind::kExtensions, "ours", "1");
  Push(Kind::kExtensions, "edit", "1");
  EXPECT_EQ(stat("guard.watching"), 0);
  Push(Kind::kExtensions, "ours", "2");
  EXPECT_EQ(stat("guard.watching"), 0);
  Push(Kind::kExtensions, "edit", "2");
  Push(Kind::kListeners, "in", "2");
  EXPECT_EQ(stat("guard.watching"), 2);
  Serve(5, 9);
  EXPECT_EQ(puts_, (Lines{"ecds: edit=1", "lds: in=1"}));
  EXPECT_EQ(told_.at(0).whats, (Lines{"listener \"in\"", "extension \"edit\""}));
  EXPECT_NE(Push(Kind::kExtensions, "edit", "2"), "");
  EXPECT_EQ(Push(Kind::kExtensions, "edit", "3"), "");
}

TEST_F(GuardTest, WhatIsGoodStands) {
  Settle();
  Push(Kind::kRoutes, "main", "2");
  Serve(11);
  EXPECT_EQ(stat("guard.watching"), 0);
  EXPECT_EQ(stat("guard.settled"), 1);
  // It is too late for that, and the next one goes back to it.
  Serve(2, 9);
  Serve(20);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "2");
  Push(Kind::kRoutes, "main", "3");
  Serve(5, 9);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "2");
}

TEST_F(GuardTest, WhatComesAgainIsRefused) {
  Settle();
  Push(Kind::kRoutes, "main", "2");
  Serve(5, 9);
  const std::string why = Push(Kind::kRoutes, "main", "2");
  EXPECT_TRUE(why.starts_with("the guard went back from this at ")) << why;
  EXPECT_NE(why.find(" (error ratio 0 % -> "), std::string::npos) << why;
  EXPECT_TRUE(why.ends_with("), expected another content")) << why;
  EXPECT_EQ(stat("guard.refused"), 1);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "1");
  EXPECT_EQ(Push(Kind::kRoutes, "other", "2"), "");
  // Another content is taken, and watched.
  Serve(20);
  EXPECT_EQ(Push(Kind::kRoutes, "main", "3"), "");
  Serve(5, 9);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "1");
  EXPECT_NE(Push(Kind::kRoutes, "main", "2"), "");
  EXPECT_NE(Push(Kind::kRoutes, "main", "3"), "");
  EXPECT_EQ(stat("guard.returns"), 2);
}

TEST_F(GuardTest, WhatOthersNeedComesFirstAndGoesLast) {
  Settle();
  Push(Kind::kListeners, "in", "2");
  Push(Kind::kListeners, "new", "1");
  Push(Kind::kRoutes, "main", "2");
  Push(Kind::kClusters, "new", "1");
  Push(Kind::kEndpoints, "new", "1");
  Push(Kind::kClusters, "pay", "");
  Set(Kind::kEndpoints, "pay", "", false);
  Push(Kind::kEndpoints, "cart", "2");
  Serve(5, 9);
  EXPECT_EQ(puts_, (Lines{"cds: pay=1", "eds: cart=1 pay=1", "lds: in=1 -new", "rds: main=1", "cds: -new"}));
  EXPECT_EQ(told_.at(0).whats,
            (Lines{"cluster \"new\"", "cluster \"pay\"", "endpoints \"cart\"", "listener \"in\"", "listener \"new\"",
                   "route table \"main\""}));
  EXPECT_NE(said_.at(0).find(" after cluster \"new\", endpoints \"cart\", listener \"in\", listener \"new\" and route table \"main\" "
                             "changed and cluster \"pay\" was removed: "),
            std::string::npos)
      << said_[0];
  // The control plane has no hosts for it any more, and says so when it is asked for them again.
  EXPECT_NE(Push(Kind::kEndpoints, "pay", ""), "");
  EXPECT_EQ(Content(Kind::kEndpoints, "pay"), "1");
}

TEST_F(GuardTest, SecretsThatNobodyWantsAreNoMatter) {
  Settle();
  Push(Kind::kSecrets, "own", "1");
  Set(Kind::kSecrets, "own", "", false);
  Push(Kind::kRoutes, "main", "2");
  Serve(5, 9);
  EXPECT_EQ(puts_, Lines{"rds: main=1"});
  EXPECT_EQ(stat("guard.remembered"), 1);
}

TEST_F(GuardTest, AWindowThatIsProlonged) {
  Settle();
  Push(Kind::kRoutes, "main", "2");
  Serve(8);
  Push(Kind::kRoutes, "main", "3");
  Serve(5);
  Push(Kind::kClusters, "pay", "2");
  Serve(1);
  EXPECT_EQ(stat("guard.watching"), 2);
  // Seen since the last change, though it is little among all that came since the first.
  Serve(3, 1);
  EXPECT_EQ(Content(Kind::kClusters, "pay"), "1");
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "1");
  // What was replaced in between was never found to be bad.
  EXPECT_EQ(Push(Kind::kRoutes, "main", "2"), "");
  EXPECT_NE(Push(Kind::kClusters, "pay", "2"), "");
}

TEST_F(GuardTest, TheStartIsNoChange) {
  guard_.Start();
  EXPECT_NE(guard_.View().ToText().find("\narmed: no\n"), std::string::npos);
  Push(Kind::kRoutes, "main", "1");
  Serve(5);
  Push(Kind::kRoutes, "main", "2");
  Serve(4, 9);
  EXPECT_EQ(stat("guard.watching"), 0);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "2");
  Serve(1);
  EXPECT_NE(guard_.View().ToText().find("\narmed: yes\n"), std::string::npos);
}

TEST_F(GuardTest, ARemoval) {
  Settle();
  EXPECT_EQ(Push(Kind::kClusters, "pay", ""), "");
  Serve(5, 9);
  EXPECT_EQ(Content(Kind::kClusters, "pay"), "1");
  EXPECT_EQ(noted_, Lines{"pay -"});
  EXPECT_NE(said_.at(0).find(" s after cluster \"pay\" was removed: returned to the content of "), std::string::npos) << said_[0];
  EXPECT_NE(Push(Kind::kClusters, "pay", ""), "");
  EXPECT_NE(Push(Kind::kClusters, "pay", ""), "");
  EXPECT_EQ(stat("guard.refused"), 2);
  // The control plane has it again: that it goes then is another removal.
  EXPECT_EQ(Push(Kind::kClusters, "pay", "1"), "");
  EXPECT_EQ(stat("guard.remembered"), 0);
  Serve(20);
  EXPECT_EQ(Push(Kind::kClusters, "pay", ""), "");
  Serve(5, 9);
  EXPECT_NE(Push(Kind::kClusters, "pay", ""), "");
  // With something else it is another content.
  Serve(20);
  EXPECT_EQ(Push(Kind::kClusters, "pay", "", true), "");
  EXPECT_EQ(Content(Kind::kClusters, "pay"), "-");
  EXPECT_EQ(stat("guard.remembered"), 0);
  EXPECT_EQ(stat("guard.watching"), 1);
}

TEST_F(GuardTest, BadTimesAreNothingToCompareWith) {
  Settle();
  Push(Kind::kRoutes, "main", "2");
  Serve(4, 9);
  EXPECT_EQ(stat("guard.returns"), 1);
  Push(Kind::kRoutes, "main", "3");
  Serve(4, 9);
  EXPECT_EQ(stat("guard.returns"), 2);
}

TEST_F(GuardTest, OnlyKindsThatAreWatched) {
  config::Guard config;
  config.window = seconds(10);
  config.error_ratio.emplace();
  config.least_requests = 20;
  config.endpoints = config.clusters = false;
  Use(config);
  Settle();
  Push(Kind::kEndpoints, "pay", "2");
  Push(Kind::kClusters, "pay", "2");
  Push(Kind::kSecrets, "own", "1");
  Push(Kind::kExtensions, "guard", "1");
  EXPECT_EQ(stat("guard.watching"), 0);
  Push(Kind::kListeners, "in", "2");
  EXPECT_EQ(stat("guard.watching"), 1);
}

TEST_F(GuardTest, AnotherGuardCountsAtOnce) {
  Settle();
  config::Guard deaf;
  deaf.window = seconds(10);
  deaf.breaker_opens.emplace();
  Use(deaf);
  Push(Kind::kRoutes, "main", "2");
  Serve(5, 9);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "2");
  config::Guard keen;
  keen.window = seconds(10);
  keen.least_requests = 20;
  keen.error_ratio.emplace();
  Use(keen);
  Serve(1);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "1");
}

TEST_F(GuardTest, WithoutAGuardNothingIsRefused) {
  Settle();
  Push(Kind::kRoutes, "main", "2");
  Serve(5, 9);
  EXPECT_NE(Push(Kind::kRoutes, "main", "2"), "");
  guard_.Set(nullptr);
  EXPECT_EQ(stat("guard.remembered"), 0);
  EXPECT_EQ(Push(Kind::kRoutes, "main", "2"), "");
  Serve(5, 9);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "2");
  EXPECT_EQ(guard_.View().ToText(), "guard: none\n");
}

TEST_F(GuardTest, WhatIsForgottenMayComeAgain) {
  Settle();
  Push(Kind::kRoutes, "main", "2");
  Serve(5, 9);
  EXPECT_EQ(guard_.Forget(), 1u);
  EXPECT_EQ(guard_.Forget(), 0u);
  EXPECT_EQ(Push(Kind::kRoutes, "main", "2"), "");
}

TEST_F(GuardTest, WhatCannotBePutBackIsSaid) {
  Settle();
  impossible_ = "in";
  Push(Kind::kListeners, "in", "2");
  Serve(5, 9);
  ASSERT_EQ(said_.size(), 2u);
  EXPECT_EQ(said_[0], "guard: listener \"in\" can't be put back: its address is taken; tried again for 10 s");
  EXPECT_TRUE(said_[1].ends_with("can't be put back: listener \"in\" (its address is taken; tried again)")) << said_[1];
  EXPECT_EQ(Content(Kind::kListeners, "in"), "2");
  EXPECT_EQ(stat("guard.returns"), 0);
  EXPECT_EQ(stat("guard.failing"), 1);
  EXPECT_EQ(stat("guard.remembered"), 0) << "what is in use is not refused";
  EXPECT_EQ(noted_, Lines{"in v2"});
  EXPECT_EQ(Returned(told_.at(0)), Lines{});
  Serve(10, 9);
  EXPECT_EQ(said_.back(), "guard: listener \"in\" can't be put back: its address is taken; given up, it stays as it was changed");
  EXPECT_EQ(stat("guard.failing"), 0);
  EXPECT_EQ(stat("guard.failed_resources"), 1);
  EXPECT_EQ(stat("guard.returns"), 0);
  EXPECT_NE(guard_.View().ToText().find("listener \"in\": its address is taken; given up\n"), std::string::npos) << guard_.View().ToText();
  const size_t tries = puts_.size();
  Serve(20, 9);
  EXPECT_EQ(puts_.size(), tries);
}

TEST_F(GuardTest, WhatCannotBePutBackIsTriedAgain) {
  Settle();
  impossible_ = "in";
  Push(Kind::kListeners, "in", "2");
  Push(Kind::kRoutes, "main", "2");
  Push(Kind::kClusters, "new", "1");
  Serve(5, 9);
  EXPECT_EQ(puts_.at(0), "lds: in=1");
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "1");
  EXPECT_EQ(Content(Kind::kClusters, "new"), "1") << "the listener may need it";
  EXPECT_TRUE(said_.back().find(", but for cluster \"new\" (it is new, and stays for what could not be put back; tried again) and listener "
                                "\"in\" (its address is taken; tried again)") != std::string::npos)
      << said_.back();
  EXPECT_EQ(stat("guard.failing"), 2);
  impossible_.clear();
  Serve(1);
  EXPECT_EQ(Content(Kind::kListeners, "in"), "1");
  EXPECT_EQ(Content(Kind::kClusters, "new"), "-");
  EXPECT_EQ(said_.back(), "guard: listener \"in\" is put back after all");
  EXPECT_EQ(stat("guard.failing"), 0);
  EXPECT_EQ(stat("guard.failed_resources"), 0);
  EXPECT_EQ(stat("guard.returned_resources"), 3);
  EXPECT_EQ(stat("guard.returns"), 1);
  EXPECT_EQ(guard_.View().ToText().find("not put back"), std::string::npos);
  EXPECT_NE(Push(Kind::kListeners, "in", "2"), "");
}

TEST_F(GuardTest, WhatComesInsteadOfWhatCannotBePutBack) {
  Settle();
  impossible_ = "in";
  Push(Kind::kListeners, "in", "2");
  Push(Kind::kClusters, "new", "1");
  Serve(5, 9);
  EXPECT_EQ(stat("guard.failing"), 2);
  EXPECT_EQ(Push(Kind::kListeners, "in", "3"), "");
  EXPECT_EQ(stat("guard.failing"), 0);
  impossible_.clear();
  Serve(5);
  EXPECT_EQ(Content(Kind::kListeners, "in"), "3");
  EXPECT_EQ(Content(Kind::kClusters, "new"), "1") << "it may be named by what came";
}

TEST_F(GuardTest, ChangesWithoutEndAreStillJudged) {
  Settle();
  for (int i = 2; i < 100; ++i) {
    Push(Kind::kEndpoints, "cart", std::to_string(i));
    Serve(1);
  }
  EXPECT_EQ(stat("guard.returns"), 0);
  Push(Kind::kRoutes, "main", "2");
  for (int i = 100; i < 110 && stat("guard.returns") == 0; ++i) {
    Push(Kind::kEndpoints, "cart", std::to_string(i));
    Serve(1, 9);
  }
  EXPECT_EQ(stat("guard.returns"), 1);
  EXPECT_EQ(Content(Kind::kRoutes, "main"), "1");
}

TEST_F(GuardTest, View) {
  Settle();
  Push(Kind::kRoutes, "main", "2");
  Serve(1, 5);
  const std::string watching = guard_.View().ToText();
  EXPECT_TRUE(watching.starts_with("guard:\n  window: 10 s\n  least requests: 20\n  error ratio: worse if it rises by more than 5 percentage points\n"))
      << watching;
  EXPECT_NE(watching.find("watching:\n  changes:\n    - route table \"main\", 1 s ago\n  before:\n    requests: 100\n"),
            std::string::npos)
      << watching;
  Serve(4, 5);
  const std::string json = guard_.View().ToJson();
  EXPECT_NE(json.find("\"what\": \"error ratio 0 % -"), std::string::npos) << json;
  EXPECT_NE(json.find("\"remembered\": 1"), std::string::npos) << json;
}

TEST_F(GuardTest, AsManyReturnsAsAreShown) {
  Settle();
  for (size_t i = 0; i < Guard::kMostReturns + 2; ++i) {
    Serve(11);
    Push(Kind::kRoutes, "main", "bad" + std::to_string(i));
    Serve(5, 9);
  }
  EXPECT_EQ(stat("guard.returns"), static_cast<int64_t>(Guard::kMostReturns) + 2);
  const std::string text = guard_.View().ToText();
  size_t shown = 0;
  for (size_t at = text.find("- time:"); at != std::string::npos; at = text.find("- time:", at + 1)) ++shown;
  EXPECT_EQ(shown, Guard::kMostReturns);
}

}  // namespace
}  // namespace pillion::guard
