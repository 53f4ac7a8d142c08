// All types on one stream, as the real Envoy 1.39 speaks with a control plane.

#include <gtest/gtest.h>

#include "test/unit/xds/ads_fixture.h"

namespace pillion::xds {
namespace {

using codec::grpc::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(AdsTest, StateOfTheWorld) {
  Make(Form::kState);
  EXPECT_EQ(Sent(), (Lines{"Cluster node"}));
  Answer(State(kClusters, "1", "n1", {"c1"}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment [c1]", "Cluster V=1 N=n1"}));
  AddListeners();
  EXPECT_EQ(Sent(), (Lines{"Listener"}));
  Answer(State(kEndpoints, "1", "n2", {"c1"}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment V=1 N=n2 [c1]"}));
  Answer(With(State(kListeners, "1", "n3", {}), {{"l1", "r1"}}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration [r1]", "Listener V=1 N=n3"}));
  Answer(State(kRoutes, "1", "n5", {"r1"}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration V=1 N=n5 [r1]"}));
  // One that is bad: the good one beside it is taken all the same.
  Answer(With(State(kClusters, "2", "n7", {"c1"}), {{"c2", "bad"}}));
  EXPECT_EQ(Sent(), (Lines{"Cluster V=1 N=n7 error"}));
  EXPECT_EQ(cluster_.held, (std::map<std::string, std::string>{{"c1", "2"}}));
  Answer(State(kClusters, "3", "n8", {"c1", "c3"}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment V=1 N=n2 [c1 c3]", "Cluster V=3 N=n8"}));
  Answer(With(State(kListeners, "2", "n9", {}), {{"l1", "r2"}}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration V=1 N=n5 [r1 r2]", "Listener V=2 N=n9"}));
  Answer(State(kRoutes, "1", "n10", {"r2"}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration V=1 N=n10 [r1 r2]"}));
  Answer(State(kClusters, "4", "n11", {"c1"}));
  EXPECT_EQ(cluster_.last.removed, Lines{"c3"});
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment V=1 N=n2 [c1]", "Cluster V=4 N=n11"}));
  Cut();
  EXPECT_EQ(Sent(), (Lines{"Cluster node V=4", "ClusterLoadAssignment V=1 [c1]", "Listener V=2",
                           "RouteConfiguration V=1 [r1 r2]"}));
}

TEST_F(AdsTest, Differences) {
  Make(Form::kDelta);
  EXPECT_EQ(Sent(), (Lines{"Cluster node"}));
  Answer(Delta(kClusters, "n1", {{"c1", "1"}}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment +c1", "Cluster N=n1"}));
  AddListeners();
  EXPECT_EQ(Sent(), (Lines{"Listener"}));
  Answer(Delta(kEndpoints, "n2", {{"c1", "1"}}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment N=n2"}));
  Answer(With(Delta(kListeners, "n3", {}), "1", {{"l1", "r1"}}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration +r1", "Listener N=n3"}));
  Answer(Delta(kRoutes, "n4", {{"r1", "1"}}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration N=n4"}));
  Answer(With(Delta(kClusters, "n5", {{"c3", "1"}}), "2", {{"c1", "bad"}}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment +c3", "Cluster N=n5 error"}));
  Answer(Delta(kClusters, "n6", {}, {"c3"}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment -c3", "Cluster N=n6"}));
  Answer(With(Delta(kListeners, "n7", {}), "2", {{"l1", "r2"}}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration +r2", "Listener N=n7"}));
  Answer(Delta(kRoutes, "n8", {{"r2", "1"}}));
  EXPECT_EQ(Sent(), (Lines{"RouteConfiguration N=n8"}));
  Cut();
  // c1 is what was good of it.
  EXPECT_EQ(Sent(), (Lines{"Cluster node {c1:1}", "ClusterLoadAssignment +c1 {c1:1}", "Listener {l1:2}",
                           "RouteConfiguration +r1 +r2 {r1:1} {r2:1}"}));
}

// A server that sends what is bad again and again costs little, and no other type waits for it.
TEST_F(AdsTest, ARefusalThatWaitsKeepsNobodyElse) {
  Make(Form::kState);
  Answer(State(kClusters, "1", "n1", {"c1"}));
  Sent();
  for (int i = 0; i < 1000; ++i) {
    Answer(With(State(kClusters, "2", "b" + std::to_string(i), {"c1"}), {{"c2", "bad"}}));
    timers_.Advance(milliseconds(1));
  }
  EXPECT_LT(Sent().size(), 8u);
  EXPECT_EQ(Gauge("control_plane.pending_requests"), 1);
  EXPECT_GE(Count("control_plane.rate_limit_enforced"), 1u);
  EXPECT_EQ(log_.size(), 1u);
  Answer(State(kEndpoints, "1", "n2", {"c1"}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment V=1 N=n2 [c1]"}));
  timers_.Advance(Backoff::kMost);
  EXPECT_EQ(Sent(), (Lines{"Cluster V=1 N=b999 error"}));
  EXPECT_EQ(Gauge("control_plane.pending_requests"), 0);
  EXPECT_EQ(Count("cluster_manager.cds.update_rejected"), 1000u);
  // Much later one is answered at once again, and the clock on the wall has no part in it.
  clock_.JumpWall(-std::chrono::hours(10'000));
  timers_.Advance(Subscription::kQuiet);
  Answer(With(State(kClusters, "2", "x", {"c1"}), {{"c2", "bad"}}));
  EXPECT_EQ(Sent(), (Lines{"Cluster V=1 N=x error"}));
}

TEST_F(AdsTest, ARefusalThatWaitsGoesOutBeforeWhatFollows) {
  Make(Form::kDelta);
  Answer(With(Delta(kClusters, "n1", {}), "1", {{"c1", "bad"}}));
  Answer(With(Delta(kClusters, "n2", {}), "2", {{"c1", "bad"}}));
  EXPECT_EQ(Sent(), (Lines{"Cluster node", "Cluster N=n1 error"}));
  Answer(Delta(kClusters, "n3", {{"c2", "1"}}));
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment +c2", "Cluster N=n2 error", "Cluster N=n3"}));
  Answer(With(Delta(kClusters, "n4", {}), "1", {{"c1", "bad"}}));
  EXPECT_EQ(Sent(), (Lines{"Cluster N=n4 error"}));
  Answer(With(Delta(kClusters, "n5", {}), "1", {{"c1", "bad"}}));
  Cut();  // with the stream it is gone
  EXPECT_EQ(Sent(), (Lines{"Cluster node {c2:1}", "ClusterLoadAssignment +c2"}));
  EXPECT_EQ(Gauge("control_plane.pending_requests"), 0);
  timers_.Advance(Subscription::kQuiet);
  EXPECT_EQ(Sent(), Lines{});
}

TEST_F(AdsTest, APauseMakesOneOfMany) {
  for (const Form form : {Form::kState, Form::kDelta}) {
    Make(form);
    Sent();
    {
      const Subscription::Pause pause(*endpoints_);
      for (const char* name : {"a", "b", "c"}) endpoints_->Subscribe(name);
      const Subscription::Pause inner(*endpoints_);
      endpoints_->Unsubscribe("b");
      EXPECT_EQ(Sent(), Lines{});
    }
    EXPECT_EQ(Sent(), (form == Form::kState ? Lines{"ClusterLoadAssignment [a c]"} : Lines{"ClusterLoadAssignment +a +c"}));
    endpoints_->Unsubscribe("b");  // it is not there
    EXPECT_EQ(Sent(), Lines{});
    {  // An answer meanwhile is replied to; what it makes wanted waits on.
      const Subscription::Pause pause(*endpoints_);
      endpoints_->Subscribe("d");
      if (form == Form::kState) {
        Answer(State(kEndpoints, "1", "n", {"a"}));
        EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment V=1 N=n [a c]"}));
      } else {
        Answer(Delta(kEndpoints, "n", {{"a", "1"}}));
        EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment N=n"}));
      }
    }
    EXPECT_EQ(Sent().size(), 1u);
    stream_.reset();
  }
}

// One that is asked for again is forgotten first, where the other end would take it for known.
TEST_F(AdsTest, AskedAgain) {
  Make(Form::kState);
  endpoints_->Subscribe("a");
  endpoints_->Subscribe("b");
  Answer(State(kEndpoints, "1", "n1", {"a", "b"}));
  Sent();
  endpoint_.asked.clear();
  endpoints_->Subscribe("a");
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment V=1 N=n1 [b]", "ClusterLoadAssignment V=1 N=n1 [a b]"}));
  EXPECT_EQ(endpoint_.asked, Lines{"a"});
  Answer(State(kEndpoints, "1", "n2", {"a"}));
  EXPECT_FALSE(endpoint_.last.resources.at(0).same);
  Answer(State(kEndpoints, "1", "n3", {"a"}));
  EXPECT_TRUE(endpoint_.last.resources.at(0).same);
  stream_.reset();
  Make(Form::kDelta);
  endpoints_->Subscribe("a");
  Answer(Delta(kEndpoints, "n1", {{"a", "1"}}));
  Sent();
  endpoints_->Subscribe("a");
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment +a"}));
  Cut();  // before it came: it does not count as held
  EXPECT_EQ(Sent(), (Lines{"Cluster node", "ClusterLoadAssignment +a"}));
}

// Names that a control plane has not spoken of may be new to it, or not: with a version it would say nothing of them.
TEST_F(AdsTest, NamesThatCameWithoutAStream) {
  Make(Form::kState);
  endpoints_->Subscribe("a");
  Answer(State(kEndpoints, "1", "n1", {"a"}));
  caller_.End({Code::kUnavailable, "gone"});
  endpoints_->Subscribe("b");
  timers_.Advance(Stream::kSoonTo);
  EXPECT_EQ(Sent(), (Lines{"Cluster node", "ClusterLoadAssignment [a b]"}));
  Answer(State(kEndpoints, "1", "n1", {"a", "b"}));
  Sent();
  timers_.Advance(Stream::kAgain);
  Cut();
  EXPECT_EQ(Sent(), (Lines{"Cluster node", "ClusterLoadAssignment V=1 [a b]"}));
  // Nobody wants any more: nothing is asked, for that would mean everything.
  endpoints_->Unsubscribe("a");
  endpoints_->Unsubscribe("b");
  EXPECT_EQ(Sent(), (Lines{"ClusterLoadAssignment V=1 [b]", "ClusterLoadAssignment V=1"}));
  timers_.Advance(Stream::kAgain);
  Answer(State(kClusters, "", "n1", {}));
  Cut();
  EXPECT_EQ(Sent(), (Lines{"Cluster node"}));
}

// What nobody asked for on this stream is not replied to: that would ask for it.
TEST_F(AdsTest, WhatNobodyAskedFor) {
  for (const Form form : {Form::kState, Form::kDelta}) {
    Make(form);
    Sent();
    for (const char* type : {kEndpoints, "envoy.service.runtime.v3.Runtime", ""}) {
      if (form == Form::kState) {
        Answer(State(type, "1", "n", {"x"}));
      } else {
        Answer(Delta(type, "n", {{"x", "1"}}));
      }
      EXPECT_EQ(Sent(), Lines{});
      EXPECT_TRUE(caller_.open());
    }
    EXPECT_EQ(endpoint_.updates, 0);
    EXPECT_EQ(log_.back(), "ads: \"type.googleapis.com/\", which nobody asked for; it is passed over");
    stream_.reset();
  }
}

// M15: what came whole is taken, the rest is asked for again, and nothing is undone.
TEST_F(AdsTest, CutInTheMiddle) {
  Make(Form::kState);
  Answer(State(kClusters, "1", "n1", {"c1", "c2"}));
  Sent();
  Cut();
  EXPECT_EQ(cluster_.held.size(), 2u);
  EXPECT_EQ(Sent(), (Lines{"Cluster node V=1", "ClusterLoadAssignment [c1 c2]"}));
  // Within an answer: it is not one.
  std::string half = State(kClusters, "2", "n2", {"c3"}).SerializeAsString();
  half.pop_back();
  caller_.Answer(half);
  EXPECT_FALSE(caller_.open());
  EXPECT_EQ(cluster_.held.size(), 2u);
  timers_.Advance(Backoff::kMost);
  EXPECT_EQ(Sent(), (Lines{"Cluster node V=1", "ClusterLoadAssignment [c1 c2]"}));
}

// M14: it ends the stream, and the next tries come less and less often.
TEST_F(AdsTest, OversizedAnswers) {
  Make(Form::kState);
  EXPECT_EQ(caller_.last().request.max_message, 1000u);
  const base::MonotonicTime begun = clock_.MonotonicNow();
  for (int i = 0; i < 100; ++i) {
    caller_.End({Code::kResourceExhausted, "a message of 5000 bytes, at most 1000"});
    while (!caller_.open()) timers_.Advance(milliseconds(100));
  }
  EXPECT_GT(clock_.MonotonicNow() - begun, seconds(15) * 60);
  EXPECT_EQ(cluster_.failures, 100);
  EXPECT_EQ(Count("cluster_manager.cds.update_failure"), 100u);
}

// A server that answers and ends at once is not asked for ever at once.
TEST_F(AdsTest, AnswersAndEnds) {
  Make(Form::kState);
  const base::MonotonicTime begun = clock_.MonotonicNow();
  for (int i = 0; i < 200; ++i) {
    Answer(State(kClusters, "1", "n1", {"c1"}));
    caller_.End({Code::kUnavailable, "gone"});
    while (!caller_.open()) timers_.Advance(milliseconds(1));
  }
  EXPECT_GT(clock_.MonotonicNow() - begun, seconds(30));
  // One that lived is tried again soon, however often it was before.
  timers_.Advance(Stream::kAgain);
  Answer(State(kClusters, "1", "n1", {"c1"}));
  caller_.End({Code::kUnavailable, "gone"});
  timers_.Advance(Stream::kSoonFrom - milliseconds(1));
  EXPECT_FALSE(caller_.open());
  timers_.Advance(Stream::kSoonTo - Stream::kSoonFrom + milliseconds(1));
  EXPECT_TRUE(caller_.open());
}

TEST_F(AdsTest, WhoAnswers) {
  for (const Form form : {Form::kState, Form::kDelta}) {
    Make(form);
    DiscoveryResponse state = State(kClusters, "1", "n", {});
    state.mutable_control_plane()->set_identifier("of a state");
    DeltaDiscoveryResponse delta = Delta(kClusters, "n", {});
    delta.mutable_control_plane()->set_identifier("of differences");
    if (form == Form::kState) {
      Answer(state);
    } else {
      Answer(delta);
    }
    std::string shown;
    for (const auto& text : registry_.Read().texts) {
      if (text.value.starts_with("of ")) shown = text.value;
    }
    EXPECT_EQ(shown, form == Form::kState ? "of a state" : "of differences");
    stream_.reset();
  }
}

// A name that a control plane does not have, and one that it loses.
TEST_F(AdsTest, NamesThatAreNotThere) {
  struct Wanted final : NameWatcher {
    std::vector<std::string> OnResource(const Resource&) override {
      ++resources;
      return {};
    }
    void OnRemoved(const std::string&) override { ++removals; }
    void OnRequest() override {}
    void OnFailure() override {}
    int resources = 0, removals = 0;
  } wanted;
  Make(Form::kDelta);
  NamedResources secrets(*stream_, kSecrets);
  secrets.Watch("s", wanted);
  EXPECT_EQ(Sent(), (Lines{"Cluster node", "Secret +s"}));
  Answer(Delta(kSecrets, "n1", {}, {"s"}));
  EXPECT_EQ(wanted.removals, 1);
  Answer(Delta(kSecrets, "n2", {{"s", "1"}}));
  EXPECT_EQ(wanted.resources, 1);
  secrets.subscription().Subscribe("s");
  EXPECT_EQ(Sent(), (Lines{"Secret N=n1", "Secret N=n2", "Secret +s"}));
  Answer(Delta(kSecrets, "n3", {}, {"s"}));
  EXPECT_EQ(wanted.removals, 2);
  secrets.Unwatch("s", wanted);
  Answer(Delta(kSecrets, "n4", {{"s", "1"}}));
  EXPECT_EQ(wanted.resources, 1);
}

// Two that want one name, of whom one goes while it is told.
TEST_F(AdsTest, SeveralWhoWantOneName) {
  struct Wanted final : NameWatcher {
    std::vector<std::string> OnResource(const Resource&) override {
      ++resources;
      if (then) then();
      return errors;
    }
    void OnRemoved(const std::string&) override {}
    void OnRequest() override { ++requests; }
    void OnFailure() override { ++failures; }
    std::function<void()> then;
    std::vector<std::string> errors;
    int resources = 0, requests = 0, failures = 0;
  } one, two;
  Make(Form::kDelta);
  NamedResources secrets(*stream_, kSecrets);
  secrets.Watch("s", one);
  Answer(Delta(kSecrets, "n1", {{"s", "1"}}));
  secrets.Watch("s", two);  // is given what was taken, and nobody is asked again
  EXPECT_EQ(two.resources, 1);
  EXPECT_EQ(Sent(), (Lines{"Cluster node", "Secret +s", "Secret N=n1"}));
  two.errors = {"not for me"};
  Answer(Delta(kSecrets, "n2", {{"s", "1"}}));
  EXPECT_EQ(one.resources, 2);
  EXPECT_EQ(Sent(), (Lines{"Secret N=n2 error"}));
  one.then = [&] { secrets.Unwatch("s", two); };
  Answer(Delta(kSecrets, "n3", {{"s", "2"}}));
  EXPECT_EQ(one.resources, 3);
  EXPECT_EQ(two.resources, 2);
  EXPECT_EQ(Sent(), (Lines{"Secret N=n3"}));
  secrets.Unwatch("s", one);
  EXPECT_EQ(Sent(), (Lines{"Secret -s"}));
  EXPECT_EQ(one.requests, 4);  // and with each reply
  EXPECT_EQ(two.requests, 1);
}

// What a watcher says may be anything: what goes back is one line that can be read.
TEST_F(AdsTest, ErrorsWithStrangeBytes) {
  struct Strange final : TypeWatcher {
    std::vector<Refusal> OnUpdate(const Update& update) override {
      if (update.resources.empty()) return {};
      return {{update.resources[0].name, {"has \xff\n\x01"}}};
    }
  } strange;
  Make(Form::kState);
  stream_->Add({.type_name = kListeners, .all = true}, strange);
  Answer(State(kListeners, "1", "n1", {"l"}));
  EXPECT_EQ(Parse<DiscoveryRequest>(caller_.last().sent.back()).error_detail().message(), "\"l\": has \\xff\\n\\x01");
}

TEST_F(AdsTest, Counts) {
  Make(Form::kDelta);
  EXPECT_EQ(Count("cluster_manager.cds.update_attempt"), 1u);
  Answer(Delta(kClusters, "n1", {{"c1", "1"}}));
  EXPECT_EQ(Count("cluster_manager.cds.update_success"), 1u);
  EXPECT_EQ(Count("cluster_manager.cds.update_attempt"), 2u);  // the reply asks for the next
  EXPECT_EQ(Gauge("control_plane.connected_state"), 1);
  Answer(Delta(kEndpoints, "n1", {{"c1", "1"}}));
  EXPECT_EQ(endpoint_.asked, (Lines{"c1", "c1"}));
  Cut();
  EXPECT_EQ(Count("cluster_manager.cds.update_attempt"), 3u);
  EXPECT_EQ(Count("cluster_manager.cds.update_failure"), 1u);
  EXPECT_EQ(Gauge("control_plane.connected_state"), 0);
  EXPECT_EQ(endpoint_.asked, (Lines{"c1", "c1", "c1"}));
  Answer(Delta(kClusters, "n1", {}));
  EXPECT_EQ(Gauge("control_plane.connected_state"), 1);
  stats_.Connected(true);  // another stream
  EXPECT_EQ(Gauge("control_plane.connected_state"), 1);
  stats_.Connected(false);
  EXPECT_EQ(Gauge("control_plane.connected_state"), 1);
  stream_.reset();
  EXPECT_EQ(Gauge("control_plane.connected_state"), 0);
}

}  // namespace
}  // namespace pillion::xds
