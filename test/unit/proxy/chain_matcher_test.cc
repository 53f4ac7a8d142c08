// Filter chains that a listener's own matcher chooses: each input, and a matcher that changes under live connections.

#include <gtest/gtest.h>

#include "test/unit/codec/sniff/hello_bytes.h"
#include "test/unit/proxy/filter_chain_fixture.h"

namespace pillion::test {
namespace {

std::string Typed(const std::string& type, const std::string& fields = "") {
  return "{name: n, typed_config: {\"@type\": type.googleapis.com/" + type + fields + "}}";
}
std::string Input(const std::string& name) {
  return "input: " + Typed("envoy.extensions.matching.common_inputs.network.v3." + name);
}
std::string To(const std::string& chain) { return "{action: " + Typed("google.protobuf.StringValue", ", value: " + chain) + "}"; }
std::string Map(const std::string& input, const std::string& key, const std::string& to, const std::string& more = "") {
  return "{matcher_tree: {" + Input(input) + ", exact_match_map: {map: {\"" + key + "\": " + to + "}}}" + more + "}";
}
std::string Filter(const std::string& name, const std::string& message) {
  return "listener_filters: [" + Typed("envoy.extensions.filters.listener." + name + ".v3." + message) + "]\n";
}

// The chain "http" answers; what comes to no chain is sent back.
ProxySettings Chosen(const std::string& matcher, const std::string& more = "") {
  return {.listener = more + "filter_chain_matcher: " + matcher + "\n"
                      "default_filter_chain: {name: rest, filters: [" + Typed("envoy.extensions.filters.network.echo.v3.Echo") + "]}\n",
          .chain = "name: http",
          .listener_log = "%FILTER_CHAIN_NAME%"};
}

bool IsChosen(const ProxySettings& settings, const std::string& bytes = kGet) {
  ProxyWorld world(settings);
  return Answer(world, bytes) != bytes;
}

// The client is 127.0.0.1, the listener 10.0.0.1:80.
TEST(ChainMatcher, EachInput) {
  const auto chosen = [](const std::string& input, const std::string& key) { return IsChosen(Chosen(Map(input, key, To("http")))); };
  EXPECT_TRUE(chosen("DestinationIPInput", "10.0.0.1"));
  EXPECT_FALSE(chosen("DestinationIPInput", "10.0.0.2"));
  EXPECT_TRUE(chosen("DestinationPortInput", "80"));
  EXPECT_FALSE(chosen("DestinationPortInput", "8"));
  EXPECT_TRUE(chosen("SourceIPInput", "127.0.0.1"));
  EXPECT_FALSE(chosen("SourceIPInput", "10.0.0.1"));
  EXPECT_FALSE(chosen("SourcePortInput", "1"));
  EXPECT_TRUE(chosen("DirectSourceIPInput", "127.0.0.1"));
  EXPECT_TRUE(chosen("SourceTypeInput", "local"));
  EXPECT_FALSE(chosen("SourceTypeInput", "external"));
  EXPECT_TRUE(chosen("TransportProtocolInput", "raw_buffer"));
  EXPECT_FALSE(chosen("TransportProtocolInput", "tls"));
  EXPECT_FALSE(chosen("ServerNameInput", "h"));
  EXPECT_FALSE(chosen("ApplicationProtocolInput", "'http/1.1'"));
}

TEST(ChainMatcher, WhatListenerFiltersFound) {
  const std::string hello = Hello(ServerName("a.Example") + Protocols({"h2", "http/1.1"}));
  const std::string inspector = Filter("tls_inspector", "TlsInspector");
  EXPECT_TRUE(IsChosen(Chosen(Map("ServerNameInput", "a.example", To("http")), inspector), hello));
  EXPECT_TRUE(IsChosen(Chosen(Map("TransportProtocolInput", "tls", To("http")), inspector), hello));
  EXPECT_TRUE(IsChosen(Chosen(Map("ApplicationProtocolInput", "'h2','http/1.1'", To("http")), inspector), hello));
  EXPECT_FALSE(IsChosen(Chosen(Map("ApplicationProtocolInput", "'h2'", To("http")), inspector), hello));
  const std::string domains = "{matcher_tree: {" + Input("ServerNameInput") + ", custom_match: " +
                              Typed("xds.type.matcher.v3.ServerNameMatcher", ", domain_matchers: [{domains: ['*.example'], on_match: " +
                                                                                 To("http") + "}]") + "}}";
  EXPECT_TRUE(IsChosen(Chosen(domains, inspector), hello));
  EXPECT_FALSE(IsChosen(Chosen(domains, inspector), Hello(ServerName("example"))));
  EXPECT_TRUE(IsChosen(Chosen(Map("ApplicationProtocolInput", "'http/1.1'", To("http")), Filter("http_inspector", "HttpInspector"))));
}

TEST(ChainMatcher, WhomTheProxyProtocolNames) {
  const std::string head = "PROXY TCP4 192.0.2.9 192.0.2.10 1111 2222\r\n";
  const std::string filter = Filter("proxy_protocol", "ProxyProtocol");
  const auto chosen = [&](const std::string& input, const std::string& key) {
    ProxyWorld world(Chosen(Map(input, key, To("http")), filter));
    return Answer(world, head + kGet) != kGet;
  };
  EXPECT_TRUE(chosen("SourceIPInput", "192.0.2.9"));
  EXPECT_TRUE(chosen("SourcePortInput", "1111"));
  EXPECT_TRUE(chosen("DestinationIPInput", "192.0.2.10"));
  EXPECT_TRUE(chosen("DestinationPortInput", "2222"));
  EXPECT_TRUE(chosen("DirectSourceIPInput", "127.0.0.1"));
  EXPECT_FALSE(chosen("SourceTypeInput", "local"));
}

TEST(ChainMatcher, RangesAndInnerMatchers) {
  const auto ranges = [](const std::string& prefix, const std::string& to, const std::string& more = "") {
    return "{matcher_tree: {" + Input("DestinationIPInput") + ", custom_match: " +
           Typed("xds.type.matcher.v3.IPMatcher", ", range_matchers: [{ranges: [{address_prefix: " + prefix + ", prefix_len: 8}], on_match: " +
                                                      to + "}]") + "}" + more + "}";
  };
  EXPECT_TRUE(IsChosen(Chosen(ranges("10.0.0.0", To("http")))));
  EXPECT_FALSE(IsChosen(Chosen(ranges("11.0.0.0", To("http")))));
  EXPECT_TRUE(IsChosen(Chosen(ranges("11.0.0.0", To("http"), ", on_no_match: " + To("http")))));
  const std::string inner = "{matcher: " + Map("DestinationPortInput", "81", To("http")) + "}";
  EXPECT_FALSE(IsChosen(Chosen(ranges("10.0.0.0", inner))));
  EXPECT_TRUE(IsChosen(Chosen(ranges("10.0.0.0", inner, ", on_no_match: " + To("http")))));
}

TEST(ChainMatcher, WithoutADefaultWhatFitsNoneIsClosed) {
  ProxySettings settings = Chosen(Map("DestinationPortInput", "81", To("http")));
  settings.listener = settings.listener.substr(0, settings.listener.find("default_filter_chain"));
  settings.listener_log = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";
  ProxyWorld world(settings);
  const std::unique_ptr<Peer> client = world.Connect();
  world.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.stat("listener.in.no_filter_chain_match"), 1);
  EXPECT_EQ(world.TakeListenerLog(), std::vector<std::string>{"NR filter_chain_not_found"});
}

TEST(ChainMatcher, AConnectionWhoseChainIsStillItsOwnStays) {
  ProxyWorld world(Chosen(Map("DestinationPortInput", "80", To("http"))));
  const std::unique_ptr<Peer> client = world.Connect();
  const auto ask = [&] {
    client->Send(kGet);
    world.Run();
    return client->Take();
  };
  EXPECT_TRUE(ask().ends_with("direct"));
  world.UpdateListener(Chosen(Map("DestinationIPInput", "10.0.0.1", To("http"))));
  world.Wait(20'000);
  EXPECT_TRUE(ask().ends_with("direct"));
  EXPECT_EQ(world.stat("http.in.downstream_cx_total"), 1);
  // Now others get the default chain, and so would this one, which can't go on as that.
  world.UpdateListener(Chosen(Map("DestinationIPInput", "10.0.0.2", To("http"))));
  world.Wait(1000);
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(Answer(world, kGet), kGet);
}

}  // namespace
}  // namespace pillion::test
