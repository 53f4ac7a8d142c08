// What comes from within the process, and who looks at what is taken.

#include <gtest/gtest.h>

#include "source/xds/type_protocol.h"
#include "test/support/simulated_clock.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

using Lines = std::vector<std::string>;
using Held = std::map<std::string, std::string>;

// Writes down what it sees; objects to what it is told to.
struct Witness final : TypeProtocol::Observer {
  static std::string Version(const Holdings::Held* held) { return held == nullptr ? "-" : held->version; }

  std::string Objection(const Resource& resource) override {
    return unwelcome.contains(resource.name) ? "it is not welcome" : "";
  }
  std::string ObjectionToRemoval(const std::string& name, bool news) override {
    return !news && missed.contains(name) ? "it is missed" : "";
  }
  void OnChange(const std::string& name, const Holdings::Held* before, const Holdings::Held* now, bool wanted) override {
    seen.push_back(name + " " + Version(before) + ">" + Version(now) + (wanted ? "" : " unwanted"));
  }

  std::set<std::string> unwelcome;
  std::set<std::string> missed;  // unless something else comes
  Lines seen;
};

class WithinTest : public testing::Test {
 protected:
  static Resource Of(const std::string& name, const std::string& version) {
    return {.name = name,
            .version = version,
            .body = std::make_shared<const google::protobuf::Any>(Body(kClusters, name, version))};
  }
  static std::string Tell(TypeProtocol& protocol, const DeltaDiscoveryResponse& response) {
    return protocol.Take(*ReadAnswer(Form::kDelta, response.SerializeAsString()));
  }
  Lines Seen() { return std::exchange(witness_.seen, {}); }

  test::SimulatedClock clock_;
  Wanter cluster_, endpoint_;
  Witness witness_;
  TypeProtocol all_{Form::kDelta, kClusters, true, cluster_, clock_, &witness_};
  TypeProtocol named_{Form::kDelta, kEndpoints, false, endpoint_, clock_, &witness_};
};

TEST_F(WithinTest, WhatIsPutIsHeldUntilSomethingElseComes) {
  EXPECT_TRUE(all_.Put({Of("a", "1"), Of("b", "1")}, {}).empty());
  EXPECT_EQ(cluster_.held, (Held{{"a", "1"}, {"b", "1"}}));
  // A stream that begins later is told of it, and says what is otherwise.
  all_.Begin();
  EXPECT_EQ(Line(Parse<DeltaDiscoveryRequest>(all_.NextRequest(nullptr).bytes)), "Cluster {a:1} {b:1}");
  EXPECT_EQ(Tell(all_, Delta(kClusters, "n1", {{"a", "1"}, {"c", "1"}}, {"b"})), "");
  EXPECT_TRUE(cluster_.last.resources.at(0).same);
  EXPECT_EQ(cluster_.held, (Held{{"a", "1"}, {"c", "1"}}));
  EXPECT_EQ(Seen(), (Lines{"a ->1", "b ->1", "b 1>-", "a 1>1", "c ->1"}));
}

TEST_F(WithinTest, WhatIsPutIsJudged) {
  const std::vector<Refusal> refusals = all_.Put({Of("a", "bad"), Of("b", "1")}, {});
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].name, "a");
  EXPECT_EQ(all_.refused().all().at("a").details, "is bad; and worse");
  EXPECT_EQ(cluster_.held, (Held{{"b", "1"}}));
}

TEST_F(WithinTest, BackToAFormerContent) {
  Tell(all_, Delta(kClusters, "n1", {{"a", "1"}, {"b", "1"}}));
  Tell(all_, Delta(kClusters, "n2", {{"a", "2"}, {"c", "1"}}, {"b"}));
  Seen();
  witness_.unwelcome = {"a"};  // who puts is not asked
  EXPECT_TRUE(all_.Put({Of("a", "1"), Of("b", "1")}, {"c", "nothing"}).empty());
  EXPECT_EQ(cluster_.held, (Held{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(cluster_.last.removed, Lines{"c"});
  EXPECT_EQ(Seen(), (Lines{"c 1>-", "a 2>1", "b ->1"}));
}

TEST_F(WithinTest, NobodyWantsIt) {
  named_.Subscribe("a");
  EXPECT_TRUE(named_.Put({Of("a", "1"), Of("b", "1")}, {}).empty());
  EXPECT_EQ(endpoint_.held, (Held{{"a", "1"}}));
  named_.Unsubscribe("a");
  EXPECT_EQ(Seen(), (Lines{"a ->1", "a 1>- unwanted"}));
}

TEST_F(WithinTest, AnObjectionIsARefusal) {
  Tell(all_, Delta(kClusters, "n1", {{"a", "1"}, {"b", "1"}}));
  Seen();
  witness_.unwelcome = {"a", "b"};
  // What is equal is no question.
  EXPECT_EQ(Tell(all_, Delta(kClusters, "n2", {{"a", "2"}, {"b", "1"}, {"c", "1"}})), "\"a\": it is not welcome");
  EXPECT_EQ(cluster_.held, (Held{{"a", "1"}, {"b", "1"}, {"c", "1"}}));
  EXPECT_EQ(all_.refused().all().at("a").version, "2");
  EXPECT_EQ(Seen(), (Lines{"b 1>1", "c ->1"}));
}

TEST_F(WithinTest, ARemovalIsRefusedUntilSomethingElseComes) {
  Tell(all_, Delta(kClusters, "n1", {{"a", "1"}, {"b", "1"}}));
  witness_.missed = {"a"};
  Seen();
  EXPECT_EQ(Tell(all_, Delta(kClusters, "n2", {}, {"a"})), "\"a\": it is missed");
  EXPECT_EQ(Tell(all_, Delta(kClusters, "n3", {{"b", "1"}}, {"a"})), "\"a\": it is missed");
  EXPECT_EQ(cluster_.held, (Held{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(all_.refused().all().at("a").details, "it is missed");
  EXPECT_EQ(Tell(all_, Delta(kClusters, "n4", {{"b", "2"}}, {"a"})), "");
  EXPECT_EQ(cluster_.held, (Held{{"b", "2"}}));
  EXPECT_TRUE(all_.refused().all().empty());
  EXPECT_EQ(Seen(), (Lines{"b 1>1", "a 1>-", "b 1>2"}));
}

TEST_F(WithinTest, ARemovalIsRefusedInTheStateOfTheWorld) {
  TypeProtocol world(Form::kState, kClusters, true, cluster_, clock_, &witness_);
  const auto tell = [&](const std::string& version, const std::vector<std::string>& names) {
    return world.Take(*ReadAnswer(Form::kState, State(kClusters, version, "n", names).SerializeAsString()));
  };
  EXPECT_EQ(tell("1", {"a", "b"}), "");
  witness_.missed = {"a"};
  EXPECT_EQ(tell("2", {"b"}), "\"a\": it is missed");
  EXPECT_EQ(tell("3", {"b"}), "\"a\": it is missed");
  EXPECT_EQ(world.refused().all().at("a").version, "3");
  EXPECT_EQ(cluster_.held, (Held{{"a", "1"}, {"b", "3"}}));
  EXPECT_EQ(tell("4", {"b", "c"}), "");
  EXPECT_EQ(cluster_.held, (Held{{"b", "4"}, {"c", "4"}}));
}

// What was put is no version of the control plane's: the next stream asks for all of it, and this one goes on as it was.
TEST_F(WithinTest, WhatIsPutIsNoVersionOfTheControlPlanes) {
  TypeProtocol world(Form::kState, kClusters, true, cluster_, clock_, &witness_);
  const auto next = [&] { return Line(Parse<DiscoveryRequest>(world.NextRequest(nullptr).bytes)); };
  const auto tell = [&](const std::string& version, const std::string& nonce) {
    return world.Take(*ReadAnswer(Form::kState, State(kClusters, version, nonce, {"a"}).SerializeAsString()));
  };
  world.Begin();
  next();
  tell("2", "n1");
  world.Put({Of("a", "1")}, {});
  EXPECT_EQ(Line(Parse<DiscoveryRequest>(world.Reply("n1", "", nullptr))), "Cluster V=2 N=n1");
  world.Begin();
  EXPECT_EQ(next(), "Cluster");
  // An answer that is taken says how things are.
  world.Put({Of("a", "1")}, {});
  tell("3", "n2");
  world.Begin();
  EXPECT_EQ(next(), "Cluster V=3");
}

TEST_F(WithinTest, SinceWhenItIsAsItIs) {
  Tell(all_, Delta(kClusters, "n1", {{"a", "1"}}));
  const base::WallTime first = clock_.WallNow();
  clock_.Advance(std::chrono::seconds(5));
  DeltaDiscoveryResponse again = Delta(kClusters, "n2", {{"a", "1"}});
  again.mutable_resources(0)->set_version("2");
  Tell(all_, again);
  EXPECT_EQ(all_.holdings().Find("a")->version, "2");
  EXPECT_EQ(all_.holdings().Find("a")->taken, first);
  EXPECT_EQ(Parse<envoy::config::cluster::v3::Cluster>(all_.holdings().Find("a")->body->value()).name(), "a");
}

}  // namespace
}  // namespace pillion::xds
