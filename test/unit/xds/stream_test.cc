#include "source/xds/stream.h"

#include <gtest/gtest.h>

#include "source/xds/named_resources.h"
#include "source/xds/subscription_stats.h"
#include "test/unit/xds/stream_world.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

using codec::grpc::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Wanted final : NameWatcher {
  std::vector<std::string> OnResource(const Resource& resource) override {
    versions.push_back(resource.version);
    return errors;
  }
  void OnRemoved(const std::string&) override { ++removals; }
  void OnRequest() override { ++requests; }
  void OnFailure() override { ++failures; }

  std::vector<std::string> errors, versions;
  int removals = 0, requests = 0, failures = 0;
};

class StreamTest : public testing::Test, protected StreamWorld {
 protected:
  StreamTest() { node_.set_id("me"); }

  void Make(bool node_once = false) {
    secrets_.reset();
    stream_ = std::make_unique<Stream>(
        Stream::Options{.method = "/s/M", .metadata = {{"x", "1"}}, .max_message = 1000, .node_once = node_once, .name = "cp"},
        around());
    secrets_ = std::make_unique<NamedResources>(*stream_, kSecrets);
    secrets_->Watch("a", a_);
    secrets_->Watch("b", b_);
    stream_->Start();
  }
  static DiscoveryResponse Response(const std::string& version, const std::string& nonce,
                                    const std::vector<std::string>& names) {
    return State(kSecrets, version, nonce, names);
  }
  void Answer(const DiscoveryResponse& response) { caller_.Answer(response.SerializeAsString()); }
  DiscoveryRequest Sent() { return Parse<DiscoveryRequest>(caller_.last().sent.back()); }

  Wanted a_, b_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<NamedResources> secrets_;
};

TEST_F(StreamTest, AsksAndAcknowledges) {
  Make();
  EXPECT_EQ(caller_.last().request.path, "/s/M");
  EXPECT_EQ(caller_.last().request.metadata.at(0).first, "x");
  DiscoveryRequest request = Sent();
  EXPECT_EQ(request.node().id(), "me");
  EXPECT_EQ(request.resource_names_size(), 2);
  EXPECT_EQ(request.version_info() + request.response_nonce(), "");
  EXPECT_EQ(a_.requests, 1);
  Answer(Response("1", "n1", {"a", "b", "nobody wants it"}));
  request = Sent();
  EXPECT_EQ(request.version_info(), "1");
  EXPECT_EQ(request.response_nonce(), "n1");
  EXPECT_EQ(request.resource_names_size(), 2);
  EXPECT_FALSE(request.has_error_detail());
  EXPECT_TRUE(request.has_node());
  EXPECT_EQ(a_.versions, std::vector<std::string>{"1"});
  EXPECT_EQ(Gauge("control_plane.connected_state"), 1);
  Answer(Response("2", "n2", {"b"}));  // of others nothing is said: they stay
  EXPECT_EQ(Sent().version_info(), "2");
  EXPECT_EQ(a_.versions.size(), 1u);
  EXPECT_EQ(b_.versions.size(), 2u);
}

TEST_F(StreamTest, NodeInTheFirstMessageOnly) {
  Make(true);
  EXPECT_TRUE(Sent().has_node());
  Answer(Response("1", "n1", {}));
  EXPECT_FALSE(Sent().has_node());
  caller_.End({Code::kUnavailable, "x"});
  timers_.Advance(milliseconds(500));
  EXPECT_TRUE(Sent().has_node());
}

TEST_F(StreamTest, RefusesWhatIsBadAndTakesTheRest) {
  Make();
  Answer(Response("1", "n1", {"a", "b"}));
  a_.errors = {"field: is bad"};
  Answer(Response("2", "n2", {"a", "b"}));
  const DiscoveryRequest request = Sent();
  EXPECT_EQ(request.version_info(), "1");
  EXPECT_EQ(request.response_nonce(), "n2");
  EXPECT_EQ(request.error_detail().message(), "\"a\": field: is bad");
  EXPECT_EQ(b_.versions.size(), 2u);
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_EQ(log_[0], "cp: refused version \"2\": \"a\": field: is bad");
}

TEST_F(StreamTest, WhatIsWrongWithAnAnswer) {
  Make();
  DiscoveryResponse response = Response("1", "n1", {"a", "a"});
  Answer(response);
  EXPECT_EQ(Sent().error_detail().message(), "\"a\": twice in one answer, expected once");
  response = Response("2", "n2", {"a"});
  response.mutable_resources(0)->set_type_url("type.googleapis.com/x.Y");
  Answer(response);
  timers_.Advance(Backoff::kMost);
  EXPECT_TRUE(Sent().error_detail().message().starts_with("resources[0]: \"type.googleapis.com/x.Y\", expected "));
  response = Response("3", "n3", {"a"});
  response.mutable_resources(0)->set_value("\xff\xff");
  Answer(response);
  timers_.Advance(Backoff::kMost);
  EXPECT_TRUE(Sent().error_detail().message().starts_with("resources[0]: bytes that are no "));
  response = Response("4", "n4", {});
  response.set_type_url("x");
  Answer(response);
  timers_.Advance(Backoff::kMost);
  EXPECT_TRUE(Sent().error_detail().message().starts_with("type_url: \"x\", expected "));
}

TEST_F(StreamTest, APauseBetweenRefusalsOfOneVersion) {
  Make();
  a_.errors = {"bad"};
  Answer(Response("7", "n1", {"a"}));
  EXPECT_EQ(caller_.last().sent.size(), 2u);
  for (int i = 2; i < 8; ++i) {  // a control plane that sends the same again at once
    Answer(Response("7", "n" + std::to_string(i), {"a"}));
    EXPECT_EQ(caller_.last().sent.size(), static_cast<size_t>(i));
    timers_.Advance(Subscription::kMostPause);
    EXPECT_EQ(caller_.last().sent.size(), static_cast<size_t>(i) + 1);
    EXPECT_EQ(Sent().response_nonce(), "n" + std::to_string(i));
  }
  EXPECT_EQ(log_.size(), 1u);
  // What comes meanwhile and is good is answered at once, and the refusal is not sent any more.
  Answer(Response("7", "n8", {"a"}));
  a_.errors.clear();
  Answer(Response("8", "n9", {"a"}));
  EXPECT_EQ(Sent().version_info(), "8");
  const size_t sent = caller_.last().sent.size();
  timers_.Advance(seconds(60));
  EXPECT_EQ(caller_.last().sent.size(), sent);
}

// Who changes the version each time, or names none, is not answered faster.
TEST_F(StreamTest, APauseBetweenRefusalsOfAnyVersions) {
  for (const bool named : {true, false}) {
    Make();
    a_.errors = {"bad"};
    size_t sent = 1;
    for (int i = 0; i < 100; ++i) {
      Answer(Response(named ? std::to_string(i) : "", "n", {"a"}));
      if (i == 0) ++sent;  // the first refusal of all
      ASSERT_EQ(caller_.last().sent.size(), sent) << i;
    }
    timers_.Advance(Subscription::kMostPause);
    EXPECT_EQ(caller_.last().sent.size(), sent + 1);
    EXPECT_LT(log_.size(), 40u);
    // Also on the next stream.
    caller_.End({Code::kUnavailable, "gone"});
    timers_.Advance(Stream::kSoonTo);
    Answer(Response("x", "n", {"a"}));
    EXPECT_EQ(caller_.last().sent.size(), 1u);
  }
}

// Somebody mends one mistake after the other; but a control plane whose every answer is bad in a way of its own is paused.
TEST_F(StreamTest, NoPauseBeforeARefusalThatSaysSomethingElse) {
  Make();
  for (size_t i = 0; i < Subscription::kAtOnce; ++i) {
    a_.errors = {"bad " + std::to_string(i)};
    Answer(Response("7", "n" + std::to_string(i), {"a"}));
    EXPECT_EQ(caller_.last().sent.size(), i + 2);
    EXPECT_EQ(Sent().response_nonce(), "n" + std::to_string(i));
  }
  const size_t sent = caller_.last().sent.size();
  a_.errors = {"bad in yet another way"};
  Answer(Response("7", "o", {"a"}));
  EXPECT_EQ(caller_.last().sent.size(), sent);
  timers_.Advance(Subscription::kMostPause);
  EXPECT_EQ(caller_.last().sent.size(), sent + 1);
  a_.errors.clear();
  Answer(Response("8", "p", {"a"}));
  EXPECT_EQ(Sent().version_info(), "8");
  a_.errors = {"bad 0"};
  Answer(Response("9", "q", {"a"}));
  EXPECT_EQ(Sent().response_nonce(), "q");
}

TEST_F(StreamTest, ARefusalThatWaitsGoesBeforeOneThatSaysSomethingElse) {
  Make();
  a_.errors = {"bad"};
  Answer(Response("7", "n1", {"a"}));
  Answer(Response("7", "n2", {"a"}));
  const size_t sent = caller_.last().sent.size();
  a_.errors = {"worse"};
  Answer(Response("7", "n3", {"a"}));
  ASSERT_EQ(caller_.last().sent.size(), sent + 2);
  EXPECT_EQ(Parse<DiscoveryRequest>(caller_.last().sent[sent]).response_nonce(), "n2");
  EXPECT_EQ(Sent().response_nonce(), "n3");
  EXPECT_EQ(Gauge("control_plane.pending_requests"), 0);
}

TEST_F(StreamTest, TextsOfAPeerAreBounded) {
  Make();
  const std::string euros = [] {
    std::string text = "x";
    while (text.size() < 70'000) text += "\xe2\x82\xac";
    return text;
  }();
  DiscoveryResponse response = Response(euros, euros, {"a"});
  response.mutable_control_plane()->set_identifier(euros);
  Answer(response);
  EXPECT_EQ(Sent().response_nonce(), euros);  // it is the peer's own
  EXPECT_EQ(Sent().version_info(), euros);
  EXPECT_EQ(a_.versions, std::vector<std::string>{euros});
  a_.errors = {euros};
  Answer(response);
  EXPECT_EQ(Sent().error_detail().message() == ("\"a\": " + euros).substr(0, 4095) + "...", true);  // between two characters
  EXPECT_LE(log_.back().size(), Complaints::kMostBytes + 3);
  a_.errors.clear();
  SubscriptionStats stats(registry_, clock_, stats::Prefix("sds").Add("a"));
  stats.Success(euros, clock_.MonotonicNow());
  caller_.End({Code::kUnavailable, euros});
  timers_.Advance(Backoff::kMost);
  EXPECT_TRUE(caller_.open());
}

TEST_F(StreamTest, APeerWritesNoLineOfTheLog) {
  Make();
  a_.errors = {"bad"};
  Answer(Response("1\n[critical] cp: owned", "n", {"a"}));
  EXPECT_EQ(log_.at(0), "cp: refused version \"1\\n[critical] cp: owned\": \"a\": bad");
}

TEST_F(StreamTest, NeverEndsOnAFailure) {
  Make();
  Answer(Response("1", "n1", {"a"}));
  caller_.End({Code::kUnavailable, "gone"});
  EXPECT_EQ(a_.failures, 1);
  EXPECT_EQ(Gauge("control_plane.connected_state"), 0);
  for (size_t i = 2; i < 20; ++i) {
    timers_.Advance(seconds(30));
    ASSERT_TRUE(caller_.open());
    EXPECT_EQ(caller_.size(), i);
    EXPECT_EQ(Sent().version_info(), "1");
    EXPECT_EQ(Sent().response_nonce(), "");
    caller_.End({Code::kUnavailable, "gone"});
  }
  EXPECT_EQ(log_.size(), 1u);  // said once
  EXPECT_EQ(log_[0], "cp: UNAVAILABLE: gone; what was taken stays, and it is tried again");
}

// A socket of this machine that is not there: it is looked for about each second, however long that takes.
TEST_F(StreamTest, AServerOfThisMachineIsLookedForOften) {
  target_->address = *net::Address::Unix("/run/cp.sock");
  Make();
  for (size_t i = 2; i < 50; ++i) {
    caller_.End({Code::kUnavailable, "/run/cp.sock: No such file or directory"});
    timers_.Advance(Backoff::kMostNearby);
    ASSERT_EQ(caller_.size(), i);
  }
  EXPECT_EQ(log_.size(), 1u);
}

TEST_F(StreamTest, BytesThatAreNoAnswer) {
  Make();
  caller_.Answer("\xff\xff\xff");
  EXPECT_FALSE(caller_.open());
  EXPECT_EQ(a_.failures, 1);
  timers_.Advance(milliseconds(500));
  EXPECT_TRUE(caller_.open());
}

TEST_F(StreamTest, WatchersThatComeAndGo) {
  Make();
  Answer(Response("1", "n1", {"a", "b"}));
  secrets_->Unwatch("a", a_);
  EXPECT_EQ(Line(Sent()), "Secret node V=1 N=n1 [b]");
  Answer(Response("2", "n2", {"a", "b"}));
  EXPECT_EQ(a_.versions.size(), 1u);
  Wanted c;
  secrets_->Watch("c", c);
  EXPECT_EQ(c.requests, 1);
  EXPECT_EQ(b_.requests, 3);  // the replies ask for the next
  Answer(Response("3", "n3", {"c"}));
  EXPECT_EQ(c.versions, std::vector<std::string>{"3"});
  caller_.End({Code::kUnavailable, "gone"});
  EXPECT_EQ(c.failures, 1);
  EXPECT_EQ(a_.failures, 0);
  // Nobody is left: nothing is asked; then somebody comes.
  secrets_->Unwatch("b", b_);
  secrets_->Unwatch("c", c);
  const size_t calls = caller_.size();
  timers_.Advance(seconds(60));
  EXPECT_EQ(caller_.size(), calls);
  secrets_->Watch("a", a_);
  EXPECT_EQ(caller_.size(), calls + 1);
  EXPECT_EQ(Line(Sent()), "Secret node [a]");
}

TEST_F(StreamTest, NoHost) {
  target_.reset();
  Make();
  EXPECT_EQ(caller_.size(), 0u);
  target_.emplace();
  timers_.Advance(milliseconds(500));
  EXPECT_TRUE(caller_.open());
}

TEST(BackoffTest, Bounds) {
  base::Random random(3);
  Backoff backoff(random);
  base::Duration bound = Backoff::kFirst;
  for (int i = 0; i < 20; ++i) {
    EXPECT_LT(backoff.Next(), bound);
    bound = std::min(bound * 2, Backoff::kMost);
  }
  backoff.Reset();
  EXPECT_LT(backoff.Next(), Backoff::kFirst);
  for (int i = 0; i < 20; ++i) EXPECT_GE(backoff.Longest(), Backoff::kMost / 2);
  EXPECT_LE(backoff.Longest(), Backoff::kMost);
}

}  // namespace
}  // namespace pillion::xds
