#include "source/xds/rest_subscription.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/xds/subscription_stats.h"
#include "test/support/fake_http_caller.h"
#include "test/support/simulated_timers.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using std::chrono::seconds;
using Held = std::map<std::string, std::string>;

class RestSubscriptionTest : public testing::Test {
 protected:
  RestSubscriptionTest() { node_.set_id("me"); }

  void Make(const std::string& type_name, bool all) {
    const config::ApiSource source{.protocol = config::ApiSource::Protocol::kRest,
                                   .cluster = "cp",
                                   .refresh_delay = seconds(10),
                                   .request_timeout = seconds(3)};
    subscription_ = std::make_unique<RestSubscription>(
        "cds:cp", "/v3/discovery:x", source,
        TypeSubscription::Options{.type_name = type_name, .all = all, .stats = all ? &stats_ : nullptr}, wanter_,
        RestSubscription::Surroundings{.caller = caller_,
                                       .timers = timers_,
                                       .clock = clock_,
                                       .random = random_,
                                       .unknown = unknown_,
                                       .node = node_,
                                       .target = [this] { return target_; },
                                       .log = {.warn = [this](std::string_view line) { log_.emplace_back(line); },
                                               .info = [this](std::string_view line) { told_.emplace_back(line); }}});
    subscription_->Start();
    timers_.Advance(base::Duration::zero());
  }
  static std::string Clusters(const std::string& version, const std::vector<std::string>& names) {
    std::string text = R"({"version_info": ")" + version + R"(", "resources": [)";
    for (const std::string& name : names) {
      text += (text.back() == '[' ? "" : ", ") + (R"({"@type": ")" + Url(kClusters)) + R"(", "name": ")" + name + "\"}";
    }
    return text + "]}";
  }
  void Answer(int status, std::string body = "") { caller_.Answer(client::HttpAnswer{status, std::move(body)}); }
  // Until it asks again.
  base::Duration Wait() {
    const base::MonotonicTime begun = clock_.MonotonicNow();
    while (!caller_.open() && clock_.MonotonicNow() - begun < seconds(60)) timers_.Advance(std::chrono::milliseconds(1));
    return clock_.MonotonicNow() - begun;
  }
  uint64_t Count(const std::string& name) { return registry_.control().counter(registry_.AddCounter("x." + name))->value(); }

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  base::Random random_{1};
  stats::Registry registry_{1};
  SubscriptionStats stats_{registry_, clock_, stats::Prefix("x")};
  envoy::config::core::v3::Node node_;
  const config::UnknownRule unknown_;
  std::optional<client::Target> target_ = client::Target{};
  test::FakeHttpCaller caller_;
  Wanter wanter_;
  std::vector<std::string> log_, told_;
  std::unique_ptr<RestSubscription> subscription_;
};

TEST_F(RestSubscriptionTest, AsksAgainAndAgain) {
  Make(kClusters, true);
  ASSERT_TRUE(caller_.open());
  const client::HttpRequest& first = caller_.requests.at(0);
  EXPECT_EQ(first.method + " " + first.path, "POST /v3/discovery:x");
  EXPECT_THAT(first.headers, testing::Contains(std::pair<std::string, std::string>("content-type", "application/json")));
  EXPECT_EQ(first.timeout, seconds(3));
  EXPECT_EQ(first.body, R"({"node":{"id":"me"},"type_url":")" + Url(kClusters) + "\"}");
  Answer(200, Clusters("7", {"a", "b"}));
  EXPECT_EQ(wanter_.held, (Held{{"a", "7"}, {"b", "7"}}));
  base::Duration least = seconds(100), most{0};
  for (int i = 0; i < 50; ++i) {
    const base::Duration waited = Wait();
    least = std::min(least, waited);
    most = std::max(most, waited);
    EXPECT_THAT(caller_.requests.back().body, HasSubstr(R"("version_info":"7")"));
    i % 2 == 0 ? Answer(304) : Answer(200, Clusters("7", {"a", "b"}));
  }
  EXPECT_GE(least, seconds(10));
  EXPECT_LE(most, seconds(20));
  EXPECT_GT(most - least, seconds(5));
  EXPECT_TRUE(wanter_.last.resources.at(0).same);
  EXPECT_EQ(Count("update_attempt"), 51u);
  EXPECT_EQ(Count("update_success"), 26u);
  Wait();
  Answer(200, Clusters("8", {"b"}));
  EXPECT_EQ(wanter_.held, (Held{{"b", "8"}}));
  EXPECT_THAT(log_, ElementsAre());
}

TEST_F(RestSubscriptionTest, WhatFailsChangesNothing) {
  Make(kClusters, true);
  Answer(200, Clusters("1", {"a"}));
  Wait();
  caller_.Answer(absl::UnavailableError("127.0.0.1:1: Connection refused"));
  Wait();
  Answer(503, Clusters("2", {}));
  for (const char* broken : {"", "{", "[]", "\0", R"({"resources": 1})"}) {
    Wait();
    Answer(200, broken);
  }
  Wait();
  Answer(200, R"({"resources": [{"@type": "type.googleapis.com/no.Such"}]})");
  target_.reset();
  timers_.Advance(seconds(20));
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}}));
  EXPECT_EQ(Count("update_failure"), 8u);
  EXPECT_EQ(Count("update_rejected"), 1u);
  EXPECT_EQ(log_.at(0), "cds:cp: 127.0.0.1:1: Connection refused; what was taken stays");
  EXPECT_EQ(log_.at(1), "cds:cp: status 503, expected 200; what was taken stays");
  EXPECT_EQ(log_.back(), "cds:cp: there is no host; what was taken stays");
  target_ = client::Target{};
  Wait();
  EXPECT_THAT(caller_.requests.back().body, HasSubstr(R"("version_info":"1")"));
}

TEST_F(RestSubscriptionTest, NamesAreAskedForTogetherAndAtOnce) {
  Make(kEndpoints, false);
  EXPECT_EQ(caller_.requests.size(), 0u);  // nothing is wanted yet
  subscription_->Subscribe("a");
  subscription_->Subscribe("b");
  timers_.Advance(base::Duration::zero());
  ASSERT_EQ(caller_.requests.size(), 1u);
  EXPECT_THAT(caller_.requests[0].body, HasSubstr(R"("resource_names":["a","b"])"));
  subscription_->Subscribe("c");  // while it is asked for others
  timers_.Advance(base::Duration::zero());
  EXPECT_EQ(caller_.requests.size(), 1u);
  wanter_.then = [this](const Update&) {
    wanter_.then = nullptr;
    subscription_->Subscribe("d");  // and what the answer leads to
  };
  const std::string type = R"({"@type": ")" + Url(kEndpoints) + R"(", "cluster_name": ")";
  Answer(200, R"({"version_info": "1", "resources": [)" + type + "a\"}]}");
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}}));
  timers_.Advance(base::Duration::zero());
  ASSERT_EQ(caller_.requests.size(), 2u);
  EXPECT_THAT(caller_.requests[1].body, HasSubstr(R"("resource_names":["a","b","c","d"])"));
  EXPECT_THAT(caller_.requests[1].body, testing::Not(HasSubstr("version_info")));  // for it was said of others
  Answer(200, R"({"version_info": "1", "resources": [)" + type + "c\"}]}");
  EXPECT_EQ(wanter_.held, (Held{{"a", "1"}, {"c", "1"}}));  // what it has not stays
  for (const char* name : {"a", "b", "c", "d"}) subscription_->Unsubscribe(name);
  timers_.Advance(seconds(100));
  EXPECT_EQ(caller_.requests.size(), 2u);
  EXPECT_EQ(timers_.armed(), 0u);
}

TEST_F(RestSubscriptionTest, TellsWhatComesAndWhoIsBack) {
  Make(kClusters, true);
  Answer(200, Clusters("7", {"a", "b"}));
  for (int i = 0; i < 3; ++i) {
    Wait();
    caller_.Answer(absl::UnavailableError("127.0.0.1:1: Connection refused"));
  }
  Wait();
  Answer(304);
  Wait();
  Answer(200, Clusters("8", {"b"}));
  EXPECT_THAT(told_, ElementsAre("cds:cp: reached, at " + target_->address.text(),
                                 R"(cds:cp: version "7": 2 added ("a", "b"))", "cds:cp: back, at " + target_->address.text(),
                                 R"(cds:cp: version "8": 1 removed ("a"))"));
  EXPECT_EQ(log_.size(), 1u);
}

// It is said that none is understood, and what comes so nevertheless is named.
TEST_F(RestSubscriptionTest, WhatIsEncoded) {
  Make(kClusters, true);
  EXPECT_THAT(caller_.requests.at(0).headers,
              testing::Contains(std::pair<std::string, std::string>("accept-encoding", "identity")));
  caller_.Answer(client::HttpAnswer{.status = 200, .body = "\x1f\x8b", .encoding = "gzip"});
  EXPECT_THAT(log_, ElementsAre(R"(cds:cp: content-encoding "gzip", expected none; what was taken stays)"));
  Wait();
  caller_.Answer(client::HttpAnswer{.status = 200, .body = Clusters("7", {"a"}), .encoding = "identity"});
  EXPECT_EQ(wanter_.held, (Held{{"a", "7"}}));
}

}  // namespace
}  // namespace pillion::xds
