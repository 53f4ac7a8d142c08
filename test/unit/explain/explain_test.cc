#include "source/explain/explain.h"

#include <gmock/gmock.h>

#include "absl/strings/str_replace.h"
#include "test/support/certificates.h"
#include "test/unit/explain/world.h"

namespace pillion::explain {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Explain, ARouteAndItsEndpoint) {
  const World world(Bootstrap(Http("{match: {path: /x}, route: {cluster: b}}, {match: {prefix: /}, route: {cluster: a, timeout: 2s}}")));
  EXPECT_EQ(world.Result({{"path", "/x"}}), R"(cluster "b": 10.0.0.1:80)");
  const std::string text = world.Ask({{"path", "/y"}});
  EXPECT_THAT(text, HasSubstr("why: path is \"/y\"; wanted: \"/x\"\n"));
  EXPECT_THAT(text, HasSubstr("  timeout: 2s\n"));
}

TEST(Explain, TheRequestIsNormalisedAsRequestsAre) {
  const World world(Bootstrap(Http("{match: {path: /a/b}, route: {cluster: a}}", "          normalize_path: true\n          merge_slashes: true\n")));
  EXPECT_EQ(world.Result({{"path", "/a//c/../b"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_EQ(world.Result({{"path", "/%zz"}}), "400: the path cannot be normalised");
  EXPECT_EQ(world.Result({{"method", "TRACE"}}), "405: TRACE is not allowed");
}

TEST(Explain, ByChance) {
  const World world(Bootstrap(Http("{match: {prefix: /, runtime_fraction: {default_value: {numerator: 30}}}, route: {cluster: a}}, "
                                   "{match: {prefix: /}, route: {cluster: b}}")));
  const std::string text = world.Ask({});
  EXPECT_THAT(text, HasSubstr("fraction: 30 % of such requests; the others go on behind it\n"));
  EXPECT_EQ(world.Result({{"random", "29"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_EQ(world.Result({{"random", "30"}}), R"(cluster "b": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({{"random", "30"}}), HasSubstr("why: fraction: 30 % of the requests, and by its random number this is none of them\n"));
}

TEST(Explain, WhatTheClientMayNotSay) {
  const std::string route = "{match: {prefix: /}, route: {cluster: a, timeout: 9s}}";
  const World edge(Bootstrap(Http(route, "          use_remote_address: true\n"
                                         "          internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}\n")));
  const Parameters wish = {{"header", "x-envoy-upstream-rq-timeout-ms:1500"}};
  const auto from = [&wish](const std::string& source) {
    Parameters parameters = wish;
    parameters.emplace_back("source", source);
    return parameters;
  };
  EXPECT_THAT(edge.Ask(from("192.0.2.1")), HasSubstr("  timeout: 9s\n"));
  EXPECT_THAT(edge.Ask(from("10.1.2.3")), HasSubstr("  timeout: 1.5s\n"));
}

TEST(Explain, OverTlsOnly) {
  const World world(Bootstrap(Http("{match: {prefix: /}, route: {cluster: a}}", "", ", require_tls: ALL")));
  EXPECT_EQ(world.Result({{"authority", "a.test"}, {"path", "/x"}}), "301: redirected to https://a.test/x");
  EXPECT_THAT(world.Ask({}), HasSubstr("requires tls: no route was looked at"));
}

std::string Secured(const std::string& socket) {
  std::string yaml = Http("{match: {prefix: /}, route: {cluster: a}}");
  const std::string at = "    filter_chains:\n";
  yaml.replace(yaml.find(at), at.size() + 6, at + "    - transport_socket: " + socket + "\n      ");
  return yaml;
}

class ExplainTls : public testing::Test {
 protected:
  // `validation`: of the context. `peers`: of a PeerAuthentication around it; empty: none.
  std::string Socket(const std::string& validation, const std::string& peers = "", bool required = true) const {
    const std::string types = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.";
    const auto quoted = [](const std::string& pem) {
      return "{inline_string: \"" + absl::StrReplaceAll(pem, {{"\n", "\\n"}}) + "\"}";
    };
    const std::string domains = "custom_validator_config: {name: s, typed_config: {'@type': " + types +
                                "SPIFFECertValidatorConfig, trust_domains: [{name: td.test, trust_bundle: " +
                                quoted(ca_.pem()) + "}]}}";
    const std::string trust = validation == "spiffe" ? domains : "trusted_ca: " + quoted(ca_.pem()) + validation;
    const std::string fields = std::string(", require_client_certificate: ") + (required ? "true" : "false") +
                               ", common_tls_context: {tls_certificates: [{certificate_chain: " + quoted(svid_.pem()) +
                               ", private_key: " + quoted(svid_.key_pem()) + "}]" +
                               (validation == "none" ? "" : ", validation_context: {" + trust + "}") + "}}";
    if (peers.empty()) return "{name: tls, typed_config: {'@type': " + types + "DownstreamTlsContext" + fields + "}";
    return "{name: peers, typed_config: {'@type': type.googleapis.com/pillion.transport_sockets.peer_authentication.v1."
           "PeerAuthentication, " + peers + ", tls: {" + fields.substr(2) + "}}";
  }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  const test::Issued svid_ = test::IssueSvid(ca_, "spiffe://td.test/a");
};

TEST_F(ExplainTls, AClientThatHasToProveWhoItIs) {
  const World world(Bootstrap(Secured(Socket("spiffe"))));
  EXPECT_EQ(world.Result({{"principal", "spiffe://td.test/web"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({{"principal", "spiffe://td.test/web"}}),
              HasSubstr("handshake: good, if somebody who is trusted has issued the certificate\n"));
  EXPECT_EQ(world.Result({{"principal", "spiffe://other.test/web"}}),
            "the connection is closed: the handshake fails: verify cert failed: no trust bundle for the peer's trust domain, of "
            "\"spiffe://other.test/web\"");
  EXPECT_THAT(world.Result({{"principal", "web.test"}}), HasSubstr("an SVID has exactly one URI"));
  EXPECT_EQ(world.Result({{"tls", "true"}}), "the connection is closed: the handshake fails for a client without a certificate, which is "
                                             "required: alert certificate_required; the question has no principal");
  EXPECT_EQ(world.Result({{"tls", "false"}}),
            "the connection is closed: plain bytes come, but the filter chain takes nothing but TLS");
  // Who says nothing of the connection asks about routes.
  EXPECT_EQ(world.Result({}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({}), HasSubstr("handshake: needs a client certificate, of which the question says nothing: principal names "
                                       "who shows it\n"));
  EXPECT_THAT(world.Ask({}), Not(HasSubstr("refused")));
}

TEST_F(ExplainTls, ANameThatIsNotExpected) {
  const std::string names = ", match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: 'spiffe://td.test/web'}}]";
  const World world(Bootstrap(Secured(Socket(names))));
  EXPECT_EQ(world.Result({{"principal", "spiffe://td.test/web"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Result({{"principal", "spiffe://td.test/api"}}),
              HasSubstr("nobody is expected by the peer's names \"spiffe://td.test/api\""));
}

TEST_F(ExplainTls, CertificatesThatNobodyAsksFor) {
  const World optional(Bootstrap(Secured(Socket("spiffe", "", false))));
  EXPECT_THAT(optional.Ask({{"tls", "true"}}), HasSubstr("handshake: good: the client may come without a certificate\n"));
  const World none(Bootstrap(Secured(Socket("none", "", false))));
  EXPECT_THAT(none.Ask({{"principal", "spiffe://td.test/web"}}),
              HasSubstr("handshake: good, but clients are not asked for certificates"));
}

TEST_F(ExplainTls, PeerAuthentication) {
  const World strict(Bootstrap(Secured(Socket("spiffe", "mode: STRICT"))));
  EXPECT_EQ(strict.Result({{"tls", "false"}}),
            "the connection is closed: plain bytes come, but by its mode of peer authentication, STRICT, "
            "the filter chain takes nothing but TLS");
  const World disabled(Bootstrap(Secured(Socket("spiffe", "mode: DISABLE"))));
  EXPECT_EQ(disabled.Result({{"tls", "false"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_EQ(disabled.Result({{"tls", "true"}}), "the connection is closed: the client speaks TLS, but by its mode of peer authentication, "
                                                "DISABLE, the filter chain does not");
}

TEST(Explain, WhatIsNotThere) {
  World world(Bootstrap(Http("{match: {prefix: /}, route: {cluster: a}}")));
  world.TakeClusterAway("a");
  EXPECT_EQ(world.Result({}), R"(503: there is no cluster "a")");
  world.TakeRoutesAway();
  EXPECT_EQ(world.Result({}), "404: no route fits");
  EXPECT_THAT(world.Ask({}), HasSubstr("no route table: it has not come yet\n"));
}

TEST(Explain, AClusterWithoutHosts) {
  const std::string clusters = "  - {name: a}\n" + Cluster("b");
  const World world(Bootstrap(Http("{match: {path: /b}, route: {cluster: b}}, {match: {prefix: /}, route: {cluster: a}}"), clusters));
  EXPECT_EQ(world.Result({}), R"(503: no healthy upstream in cluster "a")");
  const std::string text = world.Ask({});
  EXPECT_THAT(text, HasSubstr("  load balancing:\n"
                              "    policy: round robin\n"
                              "    note: there are no hosts\n"
                              "  endpoint: none\n"));
  EXPECT_THAT(text, Not(HasSubstr("too few are healthy")));
  EXPECT_EQ(world.Result({{"path", "/b"}}), R"(cluster "b": 10.0.0.1:80)");
  const World connections(Bootstrap(Tcp("a"), clusters));
  EXPECT_EQ(connections.Result({}), R"(cluster "a": no healthy upstream: the connection is closed)");
}

TEST(Explain, AClusterThatIsWarming) {
  World world(Bootstrap(Http("{match: {prefix: /}, route: {cluster: a}}")));
  // Its former version serves.
  world.WarmCluster("a", {"hosts"});
  EXPECT_EQ(world.Result({}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({}), Not(HasSubstr("waits for")));
  world.TakeClusterAway("a");
  EXPECT_EQ(world.Result({}), R"(503: cluster "a" is warming)");
  EXPECT_THAT(world.Ask({}), HasSubstr("action:\n"
                                       "  cluster: a\n"
                                       "  answer: 503: cluster \"a\" is warming\n"
                                       "  waits for:\n"
                                       "    - hosts\n"));
}

TEST(Explain, AConnectionToAClusterThatIsWarming) {
  World world(Bootstrap(Tcp("a")));
  world.TakeClusterAway("a");
  EXPECT_EQ(world.Result({}), R"(cluster "a": there is none of that name: the connection is closed)");
  world.WarmCluster("a", {"hosts"});
  EXPECT_EQ(world.Result({}), R"(cluster "a": it is warming: the connection is closed)");
  EXPECT_THAT(world.Ask({}), HasSubstr("waits for:\n        - hosts\n"));
}

TEST(Explain, AListenerThatIsWarming) {
  World world(Bootstrap(Http("{match: {prefix: /}, route: {cluster: a}}")));
  world.Warm("new", {"route table \"r\"", "secret \"s\""});
  EXPECT_EQ(world.Ask({{"listener", "new"}}),
            "result: nothing takes the connection: listener \"new\" is warming\n"
            "waits for:\n  - route table \"r\"\n  - secret \"s\"\n");
  EXPECT_THAT(world.Ask({{"listener", "other"}}), HasSubstr("; warming: \"new\""));
  EXPECT_THAT(world.Ask({{"listener", "in"}}), Not(HasSubstr("waits for")));
  // What serves is its former version.
  world.Warm("in", {"secret \"s\""});
  EXPECT_EQ(world.Result({{"listener", "in"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({{"listener", "in"}}), HasSubstr("next version waits for:\n    - secret \"s\"\n"));
}

TEST(Explain, ATableThatWillTakeThePlaceOfTheOneThatServes) {
  World world(Bootstrap(Http("{match: {prefix: /}, route: {cluster: a}}")));
  EXPECT_THAT(world.Ask({}), Not(HasSubstr("next route table")));
  world.AnnounceRoutes("version 5 has come");
  EXPECT_THAT(world.Ask({}), HasSubstr("next route table: version 5 has come\n"));
  EXPECT_EQ(world.Result({}), R"(cluster "a": 10.0.0.1:80)");
}

TEST(Explain, Upgrades) {
  const World world(Bootstrap(Http("{match: {prefix: /}, route: {cluster: a}}", "          upgrade_configs: [{upgrade_type: websocket}]\n")));
  EXPECT_EQ(world.Result({{"header", "upgrade:websocket"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_EQ(world.Result({{"header", "upgrade:other"}}), R"(403: an upgrade to "other" is not allowed)");
}

TEST(Explain, AnAggregate) {
  const std::string aggregate =
      "  - {name: both, lb_policy: CLUSTER_PROVIDED, cluster_type: {name: envoy.clusters.aggregate, typed_config: {'@type': "
      "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig, clusters: [a, b]}}}\n";
  const World world(Bootstrap(Http("{match: {prefix: /}, route: {cluster: both}}"), Cluster("a") + Cluster("b") + aggregate));
  EXPECT_EQ(world.Result({}), R"(cluster "both": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({}), HasSubstr("- cluster: a\n"));
}

TEST(Explain, ARedirectedConnectionFindsItsListener) {
  const std::string catching =
      "  - name: catch\n"
      "    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
      "    use_original_dst: true\n"
      "    listener_filters: [{name: o, typed_config: {'@type': "
      "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst}}]\n"
      "    filter_chains: [{filters: [{name: t, typed_config: {'@type': "
      "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: b}}]}]\n";
  const World world(Bootstrap(catching + Http("{match: {prefix: /}, route: {cluster: a}}")));
  EXPECT_EQ(world.Result({{"port", "8000"}, {"destination", "10.9.9.9:8001"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({{"port", "8000"}, {"destination", "10.9.9.9:8001"}}), HasSubstr("handed over by: catch\n"));
  EXPECT_EQ(world.Result({{"port", "8000"}, {"destination", "10.9.9.9:9999"}}), R"(cluster "b": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({}), HasSubstr("listener, address or port: missing, and there is not just one listener; expected one of "));
}

std::string Scoped(const std::string& key) {
  const auto scope = [](const std::string& name, const std::string& cluster) {
    return "{name: " + name + ", key: {fragments: [{string_key: key-" + name + "}]}, route_configuration: {name: of-" + name +
           ", virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: " + cluster + "}}]}]}}";
  };
  return Manager("          scoped_routes: {name: s, scope_key_builder: {fragments: [{header_value_extractor: {" + key +
                 "}}]}, scoped_route_configurations_list: {scoped_route_configurations: [" + scope("one", "a") + ", " +
                 scope("two", "b") + "]}}\n");
}

TEST(Explain, TheScopeOfARequest) {
  const World world(Bootstrap(Scoped("name: x-scope, element_separator: ',', index: 1")));
  const std::string two = world.Ask({{"header", "x-scope:a,key-two"}});
  EXPECT_THAT(two, HasSubstr("result: cluster \"b\": 10.0.0.1:80\n"));
  EXPECT_THAT(two, HasSubstr("scope:\n  key: \"key-two\"\n  name: two\n  route table: of-two\n"));
  const std::string none = world.Ask({{"header", "x-scope:a,b"}});
  EXPECT_THAT(none, HasSubstr("result: 404: no route fits\n"));
  EXPECT_THAT(none, HasSubstr("scope:\n  key: \"b\"\n  no scope: none of 2 has this key\n"));
  EXPECT_THAT(world.Ask({{"header", "x-scope:a"}}), HasSubstr("no scope: the request has no key: x-scope has no such element\n"));
  EXPECT_THAT(world.Ask({}), HasSubstr("no scope: the request has no key: x-scope is not there\n"));
}

}  // namespace
}  // namespace pillion::explain
