// The protocol of one type in differences.

#include <gtest/gtest.h>

#include "source/xds/type_protocol.h"
#include "test/support/simulated_clock.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

using Lines = std::vector<std::string>;
using Held = std::map<std::string, std::string>;

class DeltaTest : public testing::Test {
 protected:
  static Lines Ask(TypeProtocol& protocol, const Asking::Node* node = nullptr) {
    Lines lines;
    while (protocol.due()) lines.push_back(Line(Parse<DeltaDiscoveryRequest>(protocol.NextRequest(node).bytes)));
    return lines;
  }
  // The reply.
  DeltaDiscoveryRequest Tell(TypeProtocol& protocol, const DeltaDiscoveryResponse& response) {
    const std::optional<Answer> answer = ReadAnswer(Form::kDelta, response.SerializeAsString());
    const std::string error = protocol.Take(*answer);
    return Parse<DeltaDiscoveryRequest>(protocol.Reply(answer->nonce, error, nullptr));
  }

  test::SimulatedClock clock_;
  Asking::Node node_;
  Wanter cluster_, endpoint_;
  TypeProtocol all_{Form::kDelta, kClusters, true, cluster_, clock_};
  TypeProtocol named_{Form::kDelta, kEndpoints, false, endpoint_, clock_};
};

TEST_F(DeltaTest, AsTheRealOneAsks) {
  EXPECT_EQ(Ask(all_, &node_), (Lines{"Cluster node"}));
  EXPECT_EQ(Ask(named_), Lines{});
  const DeltaDiscoveryRequest reply = Tell(all_, Delta(kClusters, "n1", {{"c1", "1"}, {"c2", "7"}}));
  EXPECT_EQ(reply.type_url(), Url(kClusters));
  EXPECT_EQ(Line(reply), "Cluster N=n1");
  EXPECT_EQ(cluster_.held, (Held{{"c1", "1"}, {"c2", "7"}}));
  EXPECT_EQ(cluster_.last.version, "sn1");
  EXPECT_EQ(all_.version(), "sn1");
  named_.Subscribe("c1");
  named_.Subscribe("c2");
  EXPECT_EQ(Ask(named_), (Lines{"ClusterLoadAssignment +c1 +c2"}));
  named_.Unsubscribe("c1");
  named_.Subscribe("c3");
  EXPECT_EQ(Ask(named_), (Lines{"ClusterLoadAssignment +c3 -c1"}));
  named_.Subscribe("c4");
  named_.Unsubscribe("c4");
  EXPECT_EQ(Ask(named_), Lines{});
}

TEST_F(DeltaTest, Removal) {
  Ask(all_);
  Tell(all_, Delta(kClusters, "n1", {{"c1", "1"}, {"c2", "1"}}));
  EXPECT_EQ(Line(Tell(all_, Delta(kClusters, "n2", {}, {"c2", "never there", "c2"}))), "Cluster N=n2");
  EXPECT_EQ(cluster_.last.removed, Lines{"c2"});
  EXPECT_EQ(cluster_.held, (Held{{"c1", "1"}}));
  // By name: that there is none is an answer, too.
  named_.Subscribe("a");
  Ask(named_);
  EXPECT_EQ(Line(Tell(named_, Delta(kEndpoints, "n1", {}, {"a", "nobody wants it"}))), "ClusterLoadAssignment N=n1");
  EXPECT_EQ(endpoint_.last.removed, Lines{"a"});
  Tell(named_, Delta(kEndpoints, "n2", {{"a", "1"}}));  // it may come to be
  EXPECT_EQ(endpoint_.held, (Held{{"a", "1"}}));
}

TEST_F(DeltaTest, WhatIsHeldIsSaidOnTheNextStream) {
  Ask(all_);
  named_.Subscribe("a");
  named_.Subscribe("b");
  Ask(named_);
  Tell(all_, Delta(kClusters, "n1", {{"c1", "1"}, {"c2", "1"}}));
  Tell(all_, Delta(kClusters, "n2", {{"c1", "2"}}, {"c2"}));
  Tell(named_, Delta(kEndpoints, "n1", {{"a", "5"}}));
  all_.Begin();
  named_.Begin();
  EXPECT_EQ(Ask(all_, &node_), (Lines{"Cluster node {c1:2}"}));
  EXPECT_EQ(Ask(named_), (Lines{"ClusterLoadAssignment +a +b {a:5}"}));
  named_.Unsubscribe("a");
  named_.Begin();
  EXPECT_EQ(Ask(named_), (Lines{"ClusterLoadAssignment +b"}));
}

TEST_F(DeltaTest, ARefusedVersionIsNotHeld) {
  Ask(all_);
  Tell(all_, Delta(kClusters, "n1", {{"c1", "1"}, {"c2", "1"}}));
  cluster_.refused = {"c1", "c3"};
  const DeltaDiscoveryRequest reply = Tell(all_, Delta(kClusters, "n2", {{"c1", "2"}, {"c2", "2"}, {"c3", "1"}}));
  EXPECT_EQ(Line(reply), "Cluster N=n2 error");
  EXPECT_EQ(reply.error_detail().code(), 13);
  EXPECT_EQ(reply.error_detail().message(), "\"c1\": is bad; \"c1\": and worse; \"c3\": is bad; \"c3\": and worse");
  EXPECT_EQ(cluster_.held, (Held{{"c1", "1"}, {"c2", "2"}}));
  ASSERT_EQ(all_.refused().all().size(), 2u);
  const Refused::Entry& entry = all_.refused().all().at("c1");
  EXPECT_EQ(entry.details, "is bad; and worse");
  EXPECT_EQ(entry.version, "2");
  EXPECT_EQ(entry.time, clock_.WallNow());
  EXPECT_EQ(ContentOf(*entry.body), "2");
  // It is forgotten when it went well, and when it is gone.
  cluster_.refused = {"c2", "c3"};
  Tell(all_, Delta(kClusters, "n3", {{"c1", "3"}, {"c2", "3"}}));
  EXPECT_EQ(all_.refused().all().size(), 2u);
  Tell(all_, Delta(kClusters, "n4", {}, {"c3"}));
  EXPECT_EQ(all_.refused().all().size(), 1u);
  all_.Begin();
  EXPECT_EQ(Ask(all_), (Lines{"Cluster {c1:3} {c2:2}"}));
  EXPECT_EQ(all_.refused().all().size(), 1u);
  Tell(all_, Delta(kClusters, "n1", {}));  // what does not come again is not there any more
  EXPECT_TRUE(all_.refused().all().empty());
}

TEST_F(DeltaTest, ANameThatIsNotThatInside) {
  Ask(all_);
  DeltaDiscoveryResponse response = Delta(kClusters, "n1", {{"c1", "1"}, {"c2", "1"}, {"c3", "1"}});
  response.mutable_resources(0)->set_name("other");
  response.mutable_resources(1)->clear_name();
  const DeltaDiscoveryRequest reply = Tell(all_, response);
  EXPECT_EQ(reply.error_detail().message(),
            "resources[1]: name: empty; \"other\": \"c1\" inside, expected the same name");
  EXPECT_EQ(cluster_.held, (Held{{"c3", "1"}}));
}

// M11
TEST_F(DeltaTest, BroughtAndRemovedInOne) {
  Ask(all_);
  Tell(all_, Delta(kClusters, "n1", {{"c1", "1"}}));
  const DeltaDiscoveryRequest reply = Tell(all_, Delta(kClusters, "n2", {{"c1", "2"}, {"c2", "1"}}, {"c1"}));
  EXPECT_EQ(reply.error_detail().message(), "\"c1\": in resources and in removed_resources, expected in one");
  EXPECT_EQ(cluster_.held, (Held{{"c1", "1"}, {"c2", "1"}}));
}

}  // namespace
}  // namespace pillion::xds
