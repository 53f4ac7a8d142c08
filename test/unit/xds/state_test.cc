// The protocol of one type as a state of the world.

#include <gtest/gtest.h>

#include "source/xds/type_protocol.h"
#include "test/support/simulated_clock.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

using Lines = std::vector<std::string>;
using Held = std::map<std::string, std::string>;

class StateTest : public testing::Test {
 protected:
  static Lines Ask(TypeProtocol& protocol, const Asking::Node* node = nullptr) {
    Lines lines;
    while (protocol.due()) lines.push_back(Line(Parse<DiscoveryRequest>(protocol.NextRequest(node).bytes)));
    return lines;
  }
  // The reply.
  DiscoveryRequest Tell(TypeProtocol& protocol, const DiscoveryResponse& response) {
    const std::optional<Answer> answer = ReadAnswer(Form::kState, response.SerializeAsString());
    const std::string error = protocol.Take(*answer);
    return Parse<DiscoveryRequest>(protocol.Reply(answer->nonce, error, nullptr));
  }

  test::SimulatedClock clock_;
  Asking::Node node_;
  Wanter cluster_, route_;
  TypeProtocol all_{Form::kState, kClusters, true, cluster_, clock_};
  TypeProtocol named_{Form::kState, kRoutes, false, route_, clock_};
};

TEST_F(StateTest, OfAWholeType) {
  EXPECT_EQ(Ask(all_, &node_), (Lines{"Cluster node"}));
  EXPECT_EQ(Line(Tell(all_, State(kClusters, "1", "n1", {"a", "b"}))), "Cluster V=1 N=n1");
  EXPECT_EQ(cluster_.held, (Held{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(Line(Tell(all_, State(kClusters, "2", "n2", {"b", "c"}))), "Cluster V=2 N=n2");
  EXPECT_EQ(cluster_.last.removed, Lines{"a"});
  EXPECT_TRUE(cluster_.last.resources.at(0).same);
  EXPECT_FALSE(cluster_.last.resources.at(1).same);
  all_.Begin();
  EXPECT_EQ(Ask(all_, &node_), (Lines{"Cluster node V=2"}));
  // M9: empty is a state, too.
  EXPECT_EQ(Line(Tell(all_, State(kClusters, "3", "n1", {}))), "Cluster V=3 N=n1");
  EXPECT_EQ(cluster_.held, Held{});
}

// M10: of names, what is not said stays.
TEST_F(StateTest, OfNames) {
  named_.Subscribe("a");
  named_.Subscribe("b");
  EXPECT_EQ(Ask(named_), (Lines{"RouteConfiguration [a b]"}));
  EXPECT_EQ(Line(Tell(named_, State(kRoutes, "1", "n1", {"a", "b", "nobody wants it"}))), "RouteConfiguration V=1 N=n1 [a b]");
  EXPECT_EQ(Line(Tell(named_, State(kRoutes, "2", "n2", {"b"}))), "RouteConfiguration V=2 N=n2 [a b]");
  EXPECT_EQ(Line(Tell(named_, State(kRoutes, "3", "n3", {}))), "RouteConfiguration V=3 N=n3 [a b]");
  EXPECT_EQ(route_.held, (Held{{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(route_.last.removed.empty());
  named_.Unsubscribe("a");
  EXPECT_EQ(Ask(named_), (Lines{"RouteConfiguration V=3 N=n3 [b]"}));
  named_.Begin();
  EXPECT_EQ(Ask(named_), (Lines{"RouteConfiguration V=3 [b]"}));
}

// M3
TEST_F(StateTest, OneBadAmongAHundred) {
  Ask(all_);
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("c" + std::to_string(i));
  Tell(all_, State(kClusters, "1", "n1", names));
  cluster_.refused = {"c50"};
  names.pop_back();
  const DiscoveryRequest reply = Tell(all_, State(kClusters, "2", "n2", names));
  EXPECT_EQ(Line(reply), "Cluster V=1 N=n2 error");
  EXPECT_EQ(reply.error_detail().message(), "\"c50\": is bad; \"c50\": and worse");
  EXPECT_EQ(cluster_.held.size(), 99u);
  EXPECT_EQ(cluster_.held.at("c50"), "1");
  EXPECT_EQ(cluster_.held.at("c51"), "2");
  EXPECT_EQ(cluster_.last.removed, Lines{"c99"});
  all_.Begin();
  EXPECT_EQ(Ask(all_), (Lines{"Cluster V=1"}));
}

// What can't be read may be any of those that are not named: none of them is removed.
TEST_F(StateTest, WhatHasNoNameRemovesNothing) {
  Ask(all_);
  Tell(all_, State(kClusters, "1", "n1", {"a", "b"}));
  DiscoveryResponse response = State(kClusters, "2", "n2", {"a", "b"});
  response.mutable_resources(1)->set_value("\xff\xff");
  EXPECT_TRUE(Tell(all_, response).error_detail().message().starts_with("resources[1]: bytes that are no "));
  EXPECT_EQ(cluster_.held, (Held{{"a", "2"}, {"b", "1"}}));
}

// M12: a version is a name, not a number.
TEST_F(StateTest, VersionsGoBackwards) {
  Ask(all_);
  Tell(all_, State(kClusters, "9", "n1", {"a"}));
  EXPECT_EQ(Line(Tell(all_, State(kClusters, "1", "", {"a"}))), "Cluster V=1");
  EXPECT_EQ(Line(Tell(all_, State(kClusters, "", "n3", {"a"}))), "Cluster N=n3");
  EXPECT_EQ(cluster_.updates, 3);
}

// A file has no stream: what it says goes the same way.
TEST_F(StateTest, AFile) {
  EXPECT_EQ(all_.Take(ToAnswer(State(kClusters, "1", "", {"a", "b"}))), "");
  EXPECT_EQ(all_.Take(ToAnswer(State(kClusters, "2", "", {"b"}))), "");
  EXPECT_EQ(cluster_.last.removed, Lines{"a"});
  EXPECT_EQ(all_.version(), "2");
}

TEST_F(StateTest, ASubscriptionThatEndsWithinAnAnswer) {
  named_.Subscribe("a");
  named_.Subscribe("b");
  Ask(named_);
  route_.then = [this](const Update&) { named_.Unsubscribe("a"); };
  EXPECT_EQ(Line(Tell(named_, State(kRoutes, "1", "n1", {"a", "b"}))), "RouteConfiguration V=1 N=n1 [a b]");
  EXPECT_EQ(Ask(named_), (Lines{"RouteConfiguration V=1 N=n1 [b]"}));
  EXPECT_EQ(named_.holdings().all().size(), 1u);
}

}  // namespace
}  // namespace pillion::xds
