// A listener's own matcher, which chooses the filter chain: what of it is built, and what is wrong with it.

#include <gtest/gtest.h>

#include "source/access/matcher_tree.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

using Lines = std::vector<std::string>;

std::string Chain(const std::string& fields) {
  return "    - {filters: [{name: echo, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]" +
         fields + "}\n";
}

Loaded Load(const std::string& matcher, const std::string& chains = Chain(", name: a") + Chain(", name: b")) {
  return LoadText("static_resources:\n  listeners:\n  - name: in\n    address: {socket_address: {address: 10.0.0.1, port_value: 80}}\n"
                  "    filter_chain_matcher: " + matcher + "\n    filter_chains:\n" + chains);
}

template <typename... Args>
Lines Errors(const Args&... args) {
  return TextsAt(kFirstListener, Load(args...).errors);
}

std::string Typed(const std::string& type, const std::string& fields = "") {
  return "{name: n, typed_config: {\"@type\": type.googleapis.com/" + type + fields + "}}";
}
std::string Input(const std::string& name) {
  return "input: " + Typed("envoy.extensions.matching.common_inputs." + name);
}
std::string To(const std::string& chain) { return "{action: " + Typed("google.protobuf.StringValue", ", value: " + chain) + "}"; }
std::string ByPort(const std::string& chain) {
  return "{matcher_tree: {" + Input("network.v3.DestinationPortInput") + ", exact_match_map: {map: {'80': " + To(chain) + "}}}}";
}
std::string Custom(const std::string& input, const std::string& type, const std::string& fields) {
  return "{matcher_tree: {" + Input(input) + ", custom_match: " + Typed("xds.type.matcher.v3." + type, ", " + fields) + "}}";
}
std::string Ranges(const std::string& fields) { return Custom("network.v3.SourceIPInput", "IPMatcher", "range_matchers: [" + fields + "]"); }
std::string Domains(const std::string& fields) {
  return Custom("network.v3.ServerNameInput", "ServerNameMatcher", "domain_matchers: [" + fields + "]");
}

TEST(ChainMatcher, ActionsAreTheNamesOfChains) {
  const Loaded loaded = Load(ByPort("b"), Chain(", name: a") + Chain(", name: b") + "    default_filter_chain: " + Chain("").substr(6));
  ASSERT_NE(loaded.bootstrap, nullptr);
  const Listener& listener = *loaded.bootstrap->listeners[0];
  ASSERT_NE(listener.chain_tree, nullptr);
  EXPECT_EQ(listener.default_chain, 2u);
  access::ConnectionFacts facts;
  facts.local = {.address = match::IpAddress::Parse("10.0.0.1"), .ip = "10.0.0.1", .port = 80};
  EXPECT_EQ(listener.chain_tree->Find({.connection = facts}), 1u);
  facts.local.port = 81;
  EXPECT_EQ(listener.chain_tree->Find({.connection = facts}), access::MatcherTree::kNothing);
}

// A chain stays what it is when only the matcher changes, so that its connections and counts do.
TEST(ChainMatcher, IsNoPartOfTheChains) {
  const Loaded before = Load(ByPort("a"));
  const Loaded after = Load(ByPort("b"));
  ASSERT_TRUE(before.bootstrap != nullptr && after.bootstrap != nullptr);
  EXPECT_EQ(before.bootstrap->listeners[0]->filter_chains[0].digest, after.bootstrap->listeners[0]->filter_chains[0].digest);
}

TEST(ChainMatcher, WrongChains) {
  EXPECT_EQ(Errors(ByPort("a"), Chain(", name: a") + Chain("")),
            Lines{"filter_chains[1].name: missing, but filter_chain_matcher chooses by it"});
  EXPECT_EQ(Errors(ByPort("a"), Chain(", name: a") + Chain(", name: a")),
            Lines{"filter_chains[1].name: \"a\" is that of filter_chains[0] as well, but filter_chain_matcher chooses by it"});
  EXPECT_EQ(Errors(ByPort("a"), Chain(", name: a, filter_chain_match: {destination_port: 1}")),
            Lines{"filter_chains[0].filter_chain_match: expected none: filter_chain_matcher chooses instead"});
  EXPECT_EQ(Errors(ByPort("a"), Chain(", name: a, filter_chain_match: {}")), Lines{});
  EXPECT_EQ(Errors(ByPort("c")),
            Lines{"filter_chain_matcher.matcher_tree.exact_match_map.map[\"80\"].action.typed_config: \"c\" is no filter chain, expected "
                  "the name of one of filter_chains"});
}

TEST(ChainMatcher, WrongInputsAndActions) {
  const std::string place = "filter_chain_matcher.matcher_list.matchers[0].";
  const auto entry = [](const std::string& input, const std::string& match, const std::string& to) {
    return "{matcher_list: {matchers: [{predicate: {single_predicate: {" + input + ", " + match + "}}, on_match: " + to + "}]}}";
  };
  EXPECT_EQ(Errors(entry(Input("ssl.v3.UriSanInput"), "value_match: {exact: a}", To("a"))),
            Lines{place + "predicate.single_predicate.input.typed_config: nothing is known of a certificate before a filter chain is "
                          "chosen, expected another input"});
  EXPECT_EQ(Errors(entry("input: " + Typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", ", header_name: a"), "value_match: {exact: a}",
                         To("a"))),
            Lines{place + "predicate.single_predicate.input.typed_config: a connection has no header fields, expected an input of connections"});
  EXPECT_EQ(Errors(entry("input: " + Typed("xds.type.matcher.v3.HttpAttributesCelMatchInput"),
                         "custom_match: " + Typed("xds.type.matcher.v3.CelMatcher"), To("a"))).size(), 1u);
  EXPECT_EQ(Errors(entry(Input("network.v3.SourceTypeInput"), "value_match: {exact: local}",
                         "{action: " + Typed("envoy.config.rbac.v3.Action", ", name: n") + "}")),
            Lines{place + "on_match.action.typed_config: a envoy.config.rbac.v3.Action, expected google.protobuf.StringValue"});
  EXPECT_EQ(Errors(entry(Input("network.v3.TransportProtocolInput"), "value_match: {exact: tls}", To("a"))), Lines{});
  EXPECT_EQ(Errors(entry(Input("network.v3.ApplicationProtocolInput"), "value_match: {contains: h2}", To("a"))), Lines{});
}

TEST(ChainMatcher, RangesAndDomains) {
  const std::string custom = "filter_chain_matcher.matcher_tree.custom_match.typed_config.";
  EXPECT_EQ(Errors(Ranges("{ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}], on_match: " + To("a") + ", exclusive: true}")), Lines{});
  EXPECT_EQ(Errors(Ranges("{ranges: [{address_prefix: 10.0.0.0, prefix_len: 33}], on_match: " + To("a") + "}")),
            Lines{custom + "range_matchers[0].ranges[0].prefix_len: 33, expected at most 32"});
  EXPECT_EQ(Errors(Ranges("{ranges: [{address_prefix: x}], on_match: " + To("a") + "}")),
            Lines{custom + "range_matchers[0].ranges[0].address_prefix: \"x\", expected an IP address"});
  EXPECT_EQ(Errors(Ranges("{on_match: " + To("a") + "}")), Lines{custom + "range_matchers[0].ranges: empty, but required"});
  EXPECT_EQ(Errors(Domains("{domains: [a.test, '*.test', '*'], on_match: " + To("a") + "}")), Lines{});
  EXPECT_EQ(Errors(Domains("{domains: ['*a.test'], on_match: " + To("a") + "}")),
            Lines{custom + "domain_matchers[0].domains[0]: \"*a.test\", expected a name, \"*.\" and the end of one, or \"*\""});
  EXPECT_EQ(Errors(Domains("{domains: [a], on_match: " + To("a") + "}, {domains: [b, a], on_match: " + To("b") + "}")),
            Lines{custom + "domain_matchers[1].domains[1]: \"a\" has been there before, expected each domain once"});
}

}  // namespace
}  // namespace pillion::config
