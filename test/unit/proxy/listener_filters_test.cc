// Listener filters: what the first bytes of a connection say, and what becomes of those that say nothing.

#include <gtest/gtest.h>

#include "test/unit/codec/sniff/hello_bytes.h"
#include "test/unit/proxy/filter_chain_fixture.h"

namespace pillion::test {
namespace {

TEST(TlsInspector, NameAndProtocolsChoose) {
  const std::string hello = Hello(ServerName("a.Example") + Protocols({"h2"}));
  for (const char* match :
       {"server_names: [\"*.example\"]", "transport_protocol: tls", "application_protocols: [h2]"}) {
    ProxyWorld world({.listener = Filters(ListenerFilter("tls_inspector")),
                      .chain = "name: tls\nfilter_chain_match: {" + std::string(match) + "}",
                      .listener_log = "%REQUESTED_SERVER_NAME% %FILTER_CHAIN_NAME% %BYTES_RECEIVED%",
                      .tcp = true});
    const std::unique_ptr<Peer> client = world.Connect();
    for (const char byte : hello) {
      client->Send(std::string(1, byte));
      world.Run();
    }
    client->Send("more");
    world.Run();
    EXPECT_EQ(world.upstream().peer(0).Take(), hello + "more");
    world.upstream().peer(0).Send("answer");
    world.Run();
    EXPECT_EQ(client->Take(), "answer");
    EXPECT_EQ(world.stat("tls_inspector.tls_found"), 1);
    EXPECT_EQ(world.stat("tls_inspector.sni_found"), 1);
    EXPECT_EQ(world.stat("tls_inspector.alpn_found"), 1);
    EXPECT_EQ(world.stat("listener.in.downstream_pre_cx_active"), 0);
    client->Close();
    world.upstream().peer(0).Close();
    world.Run();
    EXPECT_EQ(world.TakeListenerLog(), Lines{"a.example tls " + std::to_string(hello.size() + 4)});
  }
}

TEST(TlsInspector, Fingerprints) {
  const std::string hello = Hello(ServerName("a.example") + Protocols({"h2"}));
  const auto lines = [&](const std::string& fields, const std::string& bytes) {
    ProxyWorld world({.listener = Filters(ListenerFilter("tls_inspector", fields)),
                      .listener_log = "%TLS_JA3_FINGERPRINT% %TLS_JA4_FINGERPRINT%",
                      .tcp = true});
    const std::unique_ptr<Peer> client = world.Connect();
    client->Send(bytes);
    world.Run();
    client->Close();
    world.upstream().peer(0).Close();
    world.Run();
    return world.TakeListenerLog();
  };
  // The MD5 of 771,4865-4866,0-16,, and the SHA-256 of 1301,1302.
  EXPECT_EQ(lines(", enable_ja3_fingerprinting: true", hello), Lines{"335e6addd498f73d2dd9f87e9ae01695 -"});
  EXPECT_EQ(lines(", enable_ja4_fingerprinting: true", hello), Lines{"- t12d0202h2_62ed6f6ca7ad_000000000000"});
  EXPECT_EQ(lines("", hello), Lines{"- -"});
  EXPECT_EQ(lines(", enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true", "GET / HTTP/1.1\r\n\r\n"), Lines{"- -"});
}

TEST(TlsInspector, WhatIsNoTlsGoesOnAtOnce) {
  ProxyWorld world({.listener = Filters(ListenerFilter("tls_inspector"))});
  EXPECT_TRUE(Answer(world, kGet).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(world.stat("tls_inspector.tls_not_found"), 1);
  EXPECT_EQ(world.stat("tls_inspector.tls_found"), 0);
}

TEST(TlsInspector, MalformedIsPlainOrTheEnd) {
  const std::string malformed = Hello(ServerName("a b"));
  ProxyWorld plain({.listener = kEchoDefault + Filters(ListenerFilter("tls_inspector")),
                    .chain = "filter_chain_match: {transport_protocol: tls}"});
  EXPECT_EQ(Answer(plain, malformed), malformed);
  ProxyWorld closes({.listener = kEchoDefault + Filters(ListenerFilter(
                                                    "tls_inspector",
                                                    ", close_connection_on_client_hello_parsing_errors: true"))});
  const std::unique_ptr<Peer> client = closes.Connect();
  client->Send(malformed);
  closes.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(closes.stat("listener.in.downstream_cx_total"), 0);
}

TEST(TlsInspector, TooLarge) {
  ProxyWorld world({.listener = Filters(ListenerFilter("tls_inspector", ", max_client_hello_size: 300"))});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(Hello(Extension(21, std::string(400, 'x'))).substr(0, 20));
  world.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.stat("tls_inspector.client_hello_too_large"), 1);
}

TEST(TlsInspector, LargestHelloAfterALargeHeader) {
  const std::string header =
      "\r\n\r\n" + std::string("\0\r\nQUIT\n\x20\0", 10) + Vector(2, std::string(15000, 't'));
  const std::string hello = Hello(Extension(21, std::string(16000, '\0')));
  ProxyWorld world({.listener = Filters(ListenerFilter("proxy_protocol") +
                                        ListenerFilter("tls_inspector", ", initial_read_buffer_size: 256")),
                    .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(header + hello + "rest");
  world.Run();
  EXPECT_EQ(world.upstream().peer(0).Take(), hello + "rest");
  EXPECT_EQ(world.stat("tls_inspector.tls_found"), 1);
}

TEST(ListenerFilters, Timeout) {
  ProxyWorld world({.listener = "listener_filters_timeout: 2s\n" + Filters(ListenerFilter("tls_inspector"))});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("\x16");
  world.Wait(1900);
  EXPECT_FALSE(client->ended());
  EXPECT_EQ(world.stat("listener.in.downstream_pre_cx_active"), 1);
  world.Wait(200);
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.stat("listener.in.downstream_pre_cx_timeout"), 1);
  EXPECT_EQ(world.stat("listener.in.downstream_cx_total"), 0);
}

TEST(ListenerFilters, GoesOnAfterTheTimeout) {
  ProxyWorld world({.listener = "continue_on_listener_filters_timeout: true\nlistener_filters_timeout: 1s\n" +
                                Filters(ListenerFilter("tls_inspector")),
                    .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("\x16");
  world.Wait(1100);
  EXPECT_EQ(world.upstream().peer(0).Take(), "\x16");
  world.upstream().peer(0).Send("hi");
  world.Run();
  EXPECT_EQ(client->Take(), "hi");
}

TEST(ListenerFilters, ThePeerEndsOrIsReset) {
  ProxyWorld world({.listener = Filters(ListenerFilter("http_inspector"))});
  const std::unique_ptr<Peer> ends = world.Connect();
  ends->Send("GET");
  ends->EndSending();
  world.Run();
  EXPECT_TRUE(ends->ended());
  EXPECT_EQ(world.stat("listener.in.downstream_listener_filter_remote_close"), 1);
  const std::unique_ptr<Peer> resets = world.Connect();
  world.Run();
  resets->Reset();
  world.Run();
  EXPECT_EQ(world.stat("listener.in.downstream_listener_filter_error"), 1);
  EXPECT_EQ(world.connections(), 0u);
}

// What came before an end is a whole request.
TEST(ListenerFilters, AnEndBehindWhatWasAskedFor) {
  ProxyWorld world({.listener = Filters(ListenerFilter("http_inspector"))});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(kGet);
  client->EndSending();
  world.Run();
  EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(client->ended());
}

TEST(ListenerFilters, DisabledByPort) {
  const auto looks = [](const std::string& predicate) {
    ProxyWorld world(
        {.listener = Filters(ListenerFilter("proxy_protocol", "", "  filter_disabled: {" + predicate + "}\n"))});
    return !Answer(world, kGet).starts_with("HTTP/1.1 200");
  };
  EXPECT_FALSE(looks("any_match: true"));
  EXPECT_FALSE(looks("destination_port_range: {start: 80, end: 81}"));
  EXPECT_TRUE(looks("destination_port_range: {start: 79, end: 80}"));
  EXPECT_TRUE(looks("not_match: {destination_port_range: {start: 80, end: 81}}"));
  EXPECT_FALSE(looks("or_match: {rules: [{destination_port_range: {start: 1, end: 2}}, {any_match: true}]}"));
  EXPECT_TRUE(looks("and_match: {rules: [{destination_port_range: {start: 1, end: 2}}, {any_match: true}]}"));
}

TEST(HttpInspector, Versions) {
  const auto chain = [](std::string_view bytes, const std::string& protocol) {
    ProxyWorld world({.listener = kEchoDefault + Filters(ListenerFilter("http_inspector")),
                      .chain = "filter_chain_match: {application_protocols: [" + protocol + "]}",
                      .hcm = "http_protocol_options: {accept_http_10: true, default_host_for_http_10: h}"});
    EXPECT_NE(Answer(world, bytes), bytes);
    return world.stat("http_inspector.http10_found") * 100 + world.stat("http_inspector.http11_found") * 10 +
           world.stat("http_inspector.http2_found");
  };
  EXPECT_EQ(chain("GET /direct HTTP/1.0\r\n\r\n", "http/1.0"), 100);
  EXPECT_EQ(chain(kGet, "http/1.1"), 10);
  EXPECT_EQ(chain(std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33), "h2c"), 1);
  ProxyWorld world({.listener = kEchoDefault + Filters(ListenerFilter("http_inspector")),
                    .chain = "filter_chain_match: {application_protocols: [http/1.1]}"});
  EXPECT_EQ(Answer(world, "hello\n"), "hello\n");
  EXPECT_EQ(world.stat("http_inspector.http_not_found"), 1);
}

TEST(OriginalDst, TheLocalAddressIsWhereItWasMeantToGo) {
  ProxyWorld world({.listener = Filters(ListenerFilter("original_dst")),
                    .chain = "filter_chain_match: {destination_port: 8080}",
                    .listener_log = "%DOWNSTREAM_LOCAL_ADDRESS%"});
  world.listener_faults().original_destination = net::Address::Ip("10.9.9.9", 8080);
  EXPECT_TRUE(Answer(world, kGet).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(world.TakeListenerLog(), Lines{"10.9.9.9:8080"});
  world.listener_faults().original_destination = std::nullopt;
  EXPECT_EQ(Answer(world, kGet), "");
  EXPECT_EQ(world.stat("listener.in.no_filter_chain_match"), 1);
}

TEST(ProxyProtocol, SaysBothAddresses) {
  const ProxySettings settings = {
      .listener = Filters(ListenerFilter("proxy_protocol", ", stat_prefix: edge")),
      .chain =
          "filter_chain_match: {source_prefix_ranges: [{address_prefix: 192.0.2.1, prefix_len: "
          "32}], direct_source_prefix_ranges: [{address_prefix: 127.0.0.1, prefix_len: 32}]}",
      .hcm = "use_remote_address: true",
      .listener_log =
          "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% "
          "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT% %BYTES_RECEIVED%"};
  ProxyWorld world(settings);
  const std::string v1 = "PROXY TCP4 192.0.2.1 198.51.100.2 1000 443\r\n";
  const std::string v2 = "\r\n\r\n" + std::string("\0\r\nQUIT\n\x21\x11", 10) +
                         Vector(2, std::string("\xc0\0\2\1\xc6\x33\x64\2\x03\xe8\1\xbb", 12));
  for (const std::string& header : {v1, v2}) {
    const std::unique_ptr<Peer> client = world.Connect();
    client->Send(header + "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    world.Run();
    const std::string request = world.upstream().peer(0).Take();
    EXPECT_NE(request.find("x-forwarded-for: 192.0.2.1\r\n"), request.npos) << request;
    world.upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    world.Run();
    client->Close();
    world.Run();
    EXPECT_EQ(world.TakeListenerLog(), Lines{"192.0.2.1:1000 127.0.0.1 198.51.100.2:443 10.0.0.1 27"});
  }
  EXPECT_EQ(world.stat("proxy_proto.edge.versions.v1.found"), 1);
  EXPECT_EQ(world.stat("proxy_proto.edge.versions.v2.found"), 1);
}

TEST(ProxyProtocol, WhoHasNoHeader) {
  ProxyWorld required({.listener = Filters(ListenerFilter("proxy_protocol"))});
  EXPECT_EQ(Answer(required, kGet), "");
  EXPECT_EQ(required.stat("proxy_proto.not_found_disallowed"), 1);
  ProxyWorld allowed(
      {.listener = Filters(ListenerFilter("proxy_protocol", ", allow_requests_without_proxy_protocol: true"))});
  EXPECT_TRUE(Answer(allowed, kGet).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(allowed.stat("proxy_proto.not_found_allowed"), 1);
  EXPECT_EQ(Answer(allowed, "PROXY nonsense\r\n" + std::string(kGet)), "");
  EXPECT_EQ(allowed.stat("proxy_proto.versions.v1.error"), 1);
}

TEST(ProxyProtocol, DisallowedVersions) {
  ProxyWorld world({.listener = Filters(ListenerFilter("proxy_protocol", ", disallowed_versions: [V1]"))});
  EXPECT_EQ(Answer(world, "PROXY UNKNOWN\r\n" + std::string(kGet)), "");
  EXPECT_EQ(world.stat("proxy_proto.versions.v1.disallowed"), 1);
}

}  // namespace
}  // namespace pillion::test
