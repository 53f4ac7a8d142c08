// Filter chains: who gets which, and what becomes of those that get none.

#include <gtest/gtest.h>

#include "test/unit/proxy/filter_chain_fixture.h"

namespace pillion::test {
namespace {

TEST(FilterChain, TheOneThatFitsElseTheDefault) {
  ProxyWorld fits({.listener = kEchoDefault, .chain = "filter_chain_match: {destination_port: 80}"});
  EXPECT_TRUE(Answer(fits, kGet).starts_with("HTTP/1.1 200"));
  ProxyWorld differs({.listener = kEchoDefault, .chain = "filter_chain_match: {destination_port: 81}"});
  EXPECT_EQ(Answer(differs, kGet), kGet);
}

TEST(FilterChain, NoneFitsAndThereIsNoDefault) {
  ProxyWorld world({.chain = "filter_chain_match: {prefix_ranges: [{address_prefix: 10.0.0.2, prefix_len: 32}]}",
                    .listener_log = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_LOCAL_ADDRESS%"});
  const std::unique_ptr<Peer> client = world.Connect();
  world.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.stat("listener.in.no_filter_chain_match"), 1);
  EXPECT_EQ(world.stat("listener.in.downstream_cx_total"), 0);
  EXPECT_EQ(world.TakeListenerLog(), Lines{"NR filter_chain_not_found 10.0.0.1:80"});
}

TEST(FilterChain, EachFieldOfTheMatch) {
  const auto fits = [](const std::string& match) {
    ProxyWorld world({.listener = kEchoDefault, .chain = "filter_chain_match: {" + match + "}"});
    return Answer(world, kGet) != kGet;
  };
  // The client is 127.0.0.1.
  EXPECT_TRUE(fits("source_prefix_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]"));
  EXPECT_FALSE(fits("source_prefix_ranges: [{address_prefix: 127.0.0.2, prefix_len: 32}]"));
  EXPECT_TRUE(fits("direct_source_prefix_ranges: [{address_prefix: 127.0.0.1, prefix_len: 32}]"));
  EXPECT_FALSE(fits("direct_source_prefix_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]"));
  EXPECT_TRUE(fits("source_type: SAME_IP_OR_LOOPBACK"));
  EXPECT_FALSE(fits("source_type: EXTERNAL"));
  EXPECT_FALSE(fits("source_ports: [1]"));
  EXPECT_TRUE(fits("prefix_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]"));
  EXPECT_TRUE(fits("transport_protocol: raw_buffer"));
  EXPECT_FALSE(fits("transport_protocol: tls"));
  EXPECT_FALSE(fits("server_names: [a]"));
  EXPECT_FALSE(fits("application_protocols: [h2]"));
}

TEST(FilterChain, PlainConnectionsHaveNoHandshakeToLimit) {
  ProxyWorld world({.chain = "transport_socket: {name: raw, typed_config: {\"@type\": "
                             "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}\n"
                             "transport_socket_connect_timeout: 1s"});
  const std::unique_ptr<Peer> client = world.Connect();
  world.Wait(5000);
  client->Send(kGet);
  world.Run();
  EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace pillion::test
