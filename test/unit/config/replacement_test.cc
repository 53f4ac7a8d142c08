// A configuration that takes the place of the one that runs.

#include "source/config/replacement.h"

#include <gmock/gmock.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "source/config/named_secret.h"
#include "source/config/tls.h"
#include "source/identity/certificate.h"
#include "test/support/certificates.h"
#include "test/unit/config/loaded.h"
#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = StaticPart::Kind;

std::string ClusterText(const std::string& name, const std::string& more = "") { return "  - {name: " + name + more + "}\n"; }

std::string ListenerText(const std::string& name, int port, const std::string& cluster, const std::string& more = "") {
  return "  - {name: " + name + ", address: {socket_address: {address: 127.0.0.1, port_value: " + std::to_string(port) +
         "}}, filter_chains: [{filters: [{name: t, typed_config: {'@type': "
         "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: " +
         cluster + "}}]" + more + "}]}\n";
}

std::string Whole(const std::string& clusters, const std::string& listeners, const std::string& rest = "") {
  return "static_resources:\n  clusters:\n" + clusters + "  listeners:\n" + listeners + rest;
}

class ReplacementTest : public ::testing::Test {
 protected:
  void Run(const std::string& text) {
    Loaded loaded = LoadText(text, options_);
    ExpectGood(loaded);
    running_ = std::move(loaded.bootstrap);
  }

  // Takes what is good. "added a, b; removed c; refused cluster x" in Done(); errors of the last in refused_.
  Replacement::Outcome Replace(const std::string& text, bool list_too = false,
                               const std::function<void(Replacement&)>& meanwhile = nullptr) {
    Replacement next(running_, options_, [this](const StaticPart& part) { return given_.contains(part.name); });
    if (!next.Read({{"new", text}}, list_too)) {
      errors_ = Text(next.errors());
      return {};
    }
    errors_.clear();
    set_.clear();
    named_ = next.TakeSecrets();
    for (const auto& cluster : next.clusters()) set_.push_back(cluster->name);
    for (const auto& listener : next.listeners()) set_.push_back(listener->name);
    if (meanwhile) meanwhile(next);
    Replacement::Outcome outcome = next.Finish();
    running_ = outcome.bootstrap;
    done_ = Done(outcome);
    return outcome;
  }

  static std::string Done(const Replacement::Outcome& outcome) {
    std::string text;
    const auto add = [&text](const std::string& word, const std::vector<StaticPart>& parts) {
      if (parts.empty()) return;
      text += (text.empty() ? "" : "; ") + word;
      for (const StaticPart& part : parts) text += " " + part.name;
    };
    add("added", outcome.added);
    add("changed", outcome.changed);
    add("removed", outcome.removed);
    add("kept", outcome.kept);
    add("same", outcome.unchanged);
    std::vector<StaticPart> refused;
    for (const auto& each : outcome.refused) refused.push_back(each.part);
    add("refused", refused);
    return text;
  }

  static std::string Refusals(const Replacement::Outcome& outcome) {
    std::string text;
    for (const auto& each : outcome.refused) text += std::string(KindName(each.part.kind)) + ": " + Text(each.errors) + "\n";
    return text;
  }

  std::vector<std::string> Clusters() const {
    std::vector<std::string> names;
    for (const auto& cluster : running_->clusters) names.push_back(cluster->name);
    return names;
  }

  LoadOptions options_ = DynamicOptions();
  std::shared_ptr<const Bootstrap> running_;
  std::set<std::string> given_;
  std::vector<std::string> set_;
  std::set<std::string> named_;
  std::string done_;
  std::string errors_;
};

TEST_F(ReplacementTest, WhatIsNewChangedEqualAndGone) {
  Run(Whole(ClusterText("a") + ClusterText("b") + ClusterText("c"), ListenerText("l", 80, "a") + ListenerText("m", 81, "b")));
  const std::shared_ptr<const Cluster> a = running_->clusters[0];
  const std::shared_ptr<const Listener> l = running_->listeners[0];
  const auto outcome = Replace(Whole(ClusterText("d") + ClusterText("b", ", connect_timeout: 3s") + ClusterText("a"),
                                     ListenerText("n", 82, "d") + ListenerText("l", 80, "a")));
  EXPECT_EQ(done_, "added d n; changed b; removed c m; same a l");
  EXPECT_THAT(set_, ElementsAre("d", "b", "n"));
  EXPECT_THAT(Clusters(), ElementsAre("d", "b", "a"));
  EXPECT_EQ(running_->clusters[2], a) << "what is equal is the same object";
  EXPECT_EQ(running_->listeners[1], l);
  const auto& source = dynamic_cast<const envoy::config::bootstrap::v3::Bootstrap&>(*running_->source).static_resources();
  EXPECT_EQ(source.clusters(1).connect_timeout().seconds(), 3);
  EXPECT_EQ(source.listeners(0).name(), "n");
  EXPECT_THAT(outcome.needs_restart, IsEmpty());

  Replace(Whole(ClusterText("a") + ClusterText("b", ", connect_timeout: 3s") + ClusterText("d"),
                ListenerText("l", 80, "a") + ListenerText("n", 82, "d")));
  EXPECT_EQ(done_, "same a b d l n") << "order is no change";
}

TEST_F(ReplacementTest, ABadOneKeepsItsLastVersionAndGoodOnesApply) {
  Run(Whole(ClusterText("a") + ClusterText("b"), ListenerText("l", 80, "a")));
  const std::shared_ptr<const Cluster> b = running_->clusters[1];
  const auto outcome = Replace(Whole(ClusterText("a", ", connect_timeout: 2s") + ClusterText("b", ", connect_timeout: 0s") +
                                         ClusterText("x", ", unheard: 1") + ClusterText("y", ", lb_policy: MAYBE"),
                                     ListenerText("l", 80, "nobody") + ListenerText("m", 81, "y") + ListenerText("n", 82, "a")));
  EXPECT_EQ(done_, "added n; changed a; refused b x y l m");
  EXPECT_THAT(Refusals(outcome), AllOf(HasSubstr("cluster: new:4: static_resources.clusters[1].connect_timeout: 0s, expected"),
                                       HasSubstr("cluster: new:5: static_resources.clusters[2]: unknown field \"unheard\""),
                                       HasSubstr("new:6: static_resources.clusters[3].lb_policy: \"MAYBE\", expected one of"),
                                       HasSubstr("listener: new:8: static_resources.listeners[0].filter_chains[0].filters[0]."
                                                 "typed_config.cluster: unknown cluster 'nobody'")));
  EXPECT_THAT(Refusals(outcome), HasSubstr("unknown cluster 'y'")) << "what was refused is not there";
  EXPECT_THAT(Clusters(), ElementsAre("a", "b"));
  EXPECT_EQ(running_->clusters[1], b);
}

TEST_F(ReplacementTest, NothingGoesWhileSomethingIsRefused) {
  Run(Whole(ClusterText("a") + ClusterText("b"), ListenerText("l", 80, "b") + ListenerText("m", 81, "a")));
  // Who still uses it is refused, whether he changed or not.
  const auto outcome = Replace(Whole(ClusterText("a"), ListenerText("l", 80, "b")));
  EXPECT_EQ(done_, "kept b m; same a; refused l");
  EXPECT_THAT(Refusals(outcome), HasSubstr("unknown cluster 'b'"));
  EXPECT_THAT(Clusters(), ElementsAre("a", "b"));
  Replace(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  EXPECT_EQ(done_, "changed l; removed b m; same a");
}

TEST_F(ReplacementTest, Together) {
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  auto outcome = Replace(Whole(ClusterText("a") + ClusterText("a"), ListenerText("m", 80, "a") + ListenerText("l", 80, "a")));
  EXPECT_EQ(done_, "same a l; refused a m");
  EXPECT_THAT(Refusals(outcome), AllOf(HasSubstr("a second cluster \"a\""),
                                       HasSubstr("127.0.0.1:80 is already the address of listener \"l\"")));
  Replace(Whole(ClusterText("a"), ListenerText("m", 80, "a")));
  EXPECT_EQ(done_, "added m; removed l; same a") << "another name for the same address";
  given_ = {"theirs"};
  outcome = Replace(Whole(ClusterText("a") + ClusterText("theirs"), ListenerText("m", 80, "a")));
  EXPECT_EQ(done_, "same a m; refused theirs");
  EXPECT_THAT(Refusals(outcome), HasSubstr("a control plane gives a cluster of this name"));
}

TEST_F(ReplacementTest, WhatTheProcessItselfNeeds) {
  const std::string rest =
      "dynamic_resources: {cds_config: {ads: {}}, ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: "
      "[{envoy_grpc: {cluster_name: cp}}]}}\n";
  const std::string cp = "  - " + ControlPlaneCluster("cp") + "\n";
  Run(Whole(cp + ClusterText("a"), ListenerText("l", 80, "a"), rest));
  auto outcome = Replace(Whole(ClusterText("a"), ListenerText("l", 80, "a"), rest));
  EXPECT_EQ(done_, "kept cp; same a l; refused ");
  EXPECT_THAT(Refusals(outcome), HasSubstr("bootstrap: dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: "
                                           "unknown cluster 'cp'"));
  outcome = Replace(Whole(ClusterText("cp") + ClusterText("b"), ListenerText("m", 81, "b"), rest));
  EXPECT_EQ(done_, "added m; kept a l; refused cp b ") << "which one is to blame nobody knows";
  EXPECT_THAT(Refusals(outcome), HasSubstr("\"cp\", which does not speak HTTP/2"));
  Replace(Whole("  - " + ControlPlaneCluster("cp", ", connect_timeout: 1s") + "\n" + ClusterText("a"), ListenerText("l", 80, "a"), rest));
  EXPECT_EQ(done_, "changed cp; removed m; same a l");
}

TEST_F(ReplacementTest, WhatOnlyARestartCanChange) {
  const std::string admin = "admin: {address: {socket_address: {address: 127.0.0.1, port_value: ";
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a"), admin + "1}}}\nstats_flush_interval: 1s\n"));
  auto outcome = Replace(Whole(ClusterText("a"), ListenerText("l", 80, "a"), admin + "2}}}\nnode: {id: x}\n"));
  EXPECT_EQ(done_, "same a l");
  EXPECT_THAT(outcome.needs_restart, ElementsAre("node", "stats_flush_interval", "admin.address"));
  outcome = Replace(Whole(ClusterText("a"), ListenerText("l", 80, "a"), "cluster_manager: {local_cluster_name: b}\nunheard: 1\n"));
  EXPECT_THAT(Refusals(outcome), AllOf(HasSubstr("bootstrap: "), HasSubstr("unknown field \"unheard\"")));
  outcome = Replace(Whole(ClusterText("a"), ListenerText("l", 80, "a"), "cluster_manager: {local_cluster_name: b}\n"));
  EXPECT_THAT(Refusals(outcome), HasSubstr("new:6: cluster_manager.local_cluster_name: unknown cluster 'b'")) << "as a restart would";
  // Who sends resources alone says nothing of the rest.
  EXPECT_THAT(Replace(Whole(ClusterText("a"), ListenerText("l", 80, "a")), true).needs_restart, IsEmpty());
}

TEST_F(ReplacementTest, TextsThatAreNone) {
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  const std::shared_ptr<const Bootstrap> before = running_;
  Replace("a: [");
  EXPECT_THAT(errors_, HasSubstr("new:"));
  Replace("text");
  EXPECT_EQ(errors_, "new:1: expected an object with static_resources");
  Replace("text", true);
  EXPECT_EQ(errors_, "new:1: expected an object with static_resources or resources, or a list of resources");
  Replace("node: {id: x}");
  EXPECT_EQ(errors_, "new: static_resources: missing, expected it with nothing in it where all shall go");
  Replace("static_resource: {}", true);
  EXPECT_THAT(errors_, AllOf(HasSubstr("unknown field \"static_resource\", did you mean"), HasSubstr("static_resources: missing")));
  for (const char* empty : {"[]", "{resources: []}", "{version_info: '1', resources: []}"}) {
    Replace(empty, true);
    EXPECT_EQ(errors_, "new: resources: empty, expected some; where all shall go, static_resources: {}") << empty;
  }
  EXPECT_EQ(running_, before);
  Replace("static_resources: {}", true);
  EXPECT_EQ(done_, "removed a l");
  Replace("[]", true);  // nothing is lost by it
  EXPECT_EQ(errors_, "");
}

TEST_F(ReplacementTest, MoreErrorsThanAreKept) {
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  std::string unreadable, bad;
  for (int i = 0; i < 150; ++i) {
    unreadable += ClusterText("x" + std::to_string(i), ", connect_timeout: x");
    bad += ClusterText("x" + std::to_string(i), ", connect_timeout: 0s");
  }
  auto outcome = Replace(Whole(ClusterText("a") + unreadable + ClusterText("b"), ListenerText("l", 80, "a")));
  EXPECT_EQ(outcome.refused.size(), 150u);
  EXPECT_THAT(Refusals(outcome), AllOf(HasSubstr("static_resources.clusters[100].connect_timeout: \"x\""),
                                       HasSubstr("new:153: static_resources.clusters[150]: and 1 more error")));
  EXPECT_THAT(Clusters(), ElementsAre("a", "b"));
  outcome = Replace(Whole(ClusterText("a") + bad + ClusterText("c"), ListenerText("l", 80, "a")));
  EXPECT_EQ(outcome.refused.size(), 150u);
  EXPECT_THAT(Refusals(outcome), HasSubstr("new:153: static_resources.clusters[150]: and 1 more error"));
  EXPECT_THAT(Clusters(), ElementsAre("a", "c", "b"));
}

// Each round of judging finds one link.
TEST_F(ReplacementTest, AChainWhoseEndIsBad) {
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  std::string chain;
  constexpr int kLong = 60;
  for (int i = 0; i < kLong; ++i) {
    const std::string source = "{api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: "
                               "{cluster_name: c" + std::to_string(i + 1) + "}}]}}";
    chain += "  - " + ControlPlaneCluster("c" + std::to_string(i),
                                          ", transport_socket: {name: tls, typed_config: {'@type': type.googleapis.com/envoy."
                                          "extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: "
                                          "{validation_context_sds_secret_config: {name: s, sds_config: " + source + "}}}}") + "\n";
  }
  const auto outcome = Replace(Whole(ClusterText("a") + ClusterText("b") + chain, ListenerText("l", 80, "a")));
  EXPECT_EQ(outcome.refused.size(), size_t{kLong + 1}) << "what is new of their kind goes with them";
  EXPECT_THAT(Refusals(outcome), AllOf(HasSubstr("unknown cluster 'c60'"), HasSubstr("one needs the other in a long chain")));
  EXPECT_THAT(Clusters(), ElementsAre("a"));
}

TEST_F(ReplacementTest, Lists) {
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  const std::string cluster = "{'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, connect_timeout: 2s}";
  Replace("[" + cluster + "]", true);
  EXPECT_EQ(done_, "changed a; removed l");
  const std::string type = "{'@type': type.googleapis.com/envoy.config.";
  const auto outcome = Replace("resources:\n- " + cluster + "\n- " + type + "route.v3.RouteConfiguration, name: r}\n- " + type +
                                   "endpoint.v3.ClusterLoadAssignment, cluster_name: e}\n- " + type + "core.v3.Node}\n- " + type +
                                   "listener.v3.Listener, name: bad}\n- {name: x}\n",
                               true);
  EXPECT_EQ(done_, "same a; refused r e  bad ") << Refusals(outcome);
  EXPECT_THAT(Refusals(outcome),
              AllOf(HasSubstr("resource: new:3: resources[1]: a RouteConfiguration, expected it within its listener: route_config"),
                    HasSubstr("new:4: resources[2]: a ClusterLoadAssignment, expected it within its cluster: load_assignment"),
                    HasSubstr("listener: new:6: resources[4].address"), HasSubstr("resources[5]: \"@type\" is missing")));
}

TEST_F(ReplacementTest, SeveralTexts) {
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  Replacement next(running_, options_, [](const StaticPart&) { return false; });
  ASSERT_TRUE(next.Read({{"one", Whole(ClusterText("a"), ListenerText("l", 80, "a"))},
                         {"two", "static_resources:\n  clusters:\n  - {name: b, connect_timeout: x}\n  - {name: c, connect_timeout: 0s}\n"}},
                        false));
  const auto outcome = next.Finish();
  EXPECT_EQ(Done(outcome), "same a l; refused b c");
  EXPECT_THAT(Refusals(outcome), AllOf(HasSubstr("two:3: static_resources.clusters[0].connect_timeout: \"x\""),
                                       HasSubstr("two:4: static_resources.clusters[2].connect_timeout: 0s")));
}

TEST_F(ReplacementTest, TheProcessRefuses) {
  Run(Whole(ClusterText("a"), ListenerText("l", 80, "a")));
  const std::shared_ptr<const Listener> l = running_->listeners[0];
  const auto outcome = Replace(Whole(ClusterText("b"), ListenerText("l", 81, "b") + ListenerText("m", 82, "b")), false,
                               [](Replacement& next) {
                                 next.Refuse({Kind::kListener, "l"}, "in use");
                                 next.Refuse({Kind::kListener, "m"}, "in use");
                               });
  EXPECT_EQ(done_, "added b; kept a; refused l m");
  EXPECT_THAT(Refusals(outcome), HasSubstr("static_resources.listeners[0]: in use"));
  EXPECT_THAT(running_->listeners, ElementsAre(l));
  EXPECT_THAT(Clusters(), ElementsAre("b", "a"));
}

std::string SecretText(const std::string& name, const test::Issued& pair) {
  return "  - {name: " + name + ", tls_certificate: {certificate_chain: {inline_string: " + Quoted(pair.pem()) +
         "}, private_key: {inline_string: " + Quoted(pair.key_pem()) + "}}}\n";
}

std::string Naming(const std::string& secret) {
  return ", transport_socket: {name: tls, typed_config: {'@type': "
         "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: "
         "{tls_certificate_sds_secret_configs: [{name: " + secret + "}]}}}";
}

std::string LeafSerial(const RenewableContext& context) {
  return identity::SerialText(context.current()->parts().pairs.at(0).leaf());
}

TEST_F(ReplacementTest, SecretsAreTakenByTheContextsThatNameThem) {
  const test::Issued first = test::IssueCertificate({}), second = test::IssueCertificate({}), third = test::IssueCertificate({});
  const auto whole = [](const std::string& secrets, const std::string& named = "s") {
    return Whole(ClusterText("a"), ListenerText("l", 80, "a", Naming(named)), secrets.empty() ? "" : "  secrets:\n" + secrets);
  };
  Run(whole(SecretText("s", first)));
  const std::shared_ptr<const Listener> l = running_->listeners[0];
  RenewableContext& context = *l->filter_chains[0].tls->context;
  EXPECT_THAT(context.named(), ElementsAre("s"));
  EXPECT_EQ(context.Renew(), RenewableContext::Renewal::kSame);

  Replace(whole(SecretText("s", second) + SecretText("t", third)));
  EXPECT_EQ(done_, "added t; changed s; same a l");
  EXPECT_THAT(named_, ElementsAre("s", "t"));
  EXPECT_EQ(context.Renew(), RenewableContext::Renewal::kTaken) << "the listener is the same";
  EXPECT_EQ(LeafSerial(context), identity::SerialText(second.certificate()));

  auto outcome = Replace(whole("  - {name: s, tls_certificate: {certificate_chain: {inline_string: none}}}\n" + SecretText("t", third)));
  EXPECT_EQ(done_, "same a l t; refused s");
  EXPECT_THAT(Refusals(outcome), HasSubstr("secret: new:7: static_resources.secrets[0].tls_certificate"));
  EXPECT_EQ(context.Renew(), RenewableContext::Renewal::kSame);

  outcome = Replace(whole(SecretText("t", third)));
  EXPECT_EQ(done_, "kept s; same a t; refused l");
  EXPECT_THAT(Refusals(outcome), HasSubstr("\"s\", but static_resources.secrets has no such name"));

  Replace(whole(SecretText("t", third), "t"));
  EXPECT_EQ(done_, "changed l; removed s; same a t");
  EXPECT_EQ(LeafSerial(*running_->listeners[0]->filter_chains[0].tls->context), identity::SerialText(third.certificate()));
  EXPECT_EQ(running_->secrets->by_name.size(), 1u);
}

}  // namespace
}  // namespace pillion::config
