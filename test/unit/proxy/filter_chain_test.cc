// Filter chains: who gets which, and what becomes of those that get none. Listener filters, network filters.

#include <gtest/gtest.h>

#include "test/unit/codec/sniff/hello_bytes.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

constexpr char kGet[] = "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n";
const std::string kEchoDefault =  // a second chain, told apart by what it answers
    "default_filter_chain: {name: rest, filters: [{name: echo, typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}\n";

std::string ListenerFilter(const std::string& name, const std::string& fields = "", const std::string& more = "") {
  const std::string message = name == "tls_inspector"    ? "TlsInspector"
                              : name == "http_inspector" ? "HttpInspector"
                              : name == "original_dst"   ? "OriginalDst"
                                                         : "ProxyProtocol";
  return "- name: " + name +
         "\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.listener." + name + ".v3." +
         message + fields + "}\n" + more;
}

std::string Filters(const std::string& filters) {
  return "listener_filters:\n" + filters;
}

// What a client gets that sends `bytes`.
std::string Answer(ProxyWorld& world, std::string_view bytes) {
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(bytes);
  world.Run();
  std::string answer = client->Take();
  client->Close();
  world.Run();
  return answer;
}

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

TEST(ConnectionLimit, OverAllWorkers) {
  ProxyWorld world({.network_filters =
                        "- name: limit\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions."
                        "filters.network.connection_limit.v3.ConnectionLimit, stat_prefix: few, "
                        "max_connections: 2, delay: 1s}",
                    .workers = 2});
  std::vector<std::unique_ptr<Peer>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(world.Connect());
    clients.back()->Send(kGet);
    world.Run();
  }
  EXPECT_EQ(world.stat("connection_limit.few.active_connections"), 2);
  EXPECT_EQ(world.stat("connection_limit.few.limited_connections"), 1);
  EXPECT_TRUE(clients[1]->Take().starts_with("HTTP/1.1 200"));
  EXPECT_EQ(clients[2]->Take(), "");
  EXPECT_FALSE(clients[2]->ended());
  world.Wait(1100);
  EXPECT_TRUE(clients[2]->ended());
  clients[0]->Close();
  world.Run();
  EXPECT_EQ(world.stat("connection_limit.few.active_connections"), 1);
  EXPECT_TRUE(Answer(world, kGet).starts_with("HTTP/1.1 200"));
}

TEST(ConnectionLimit, SwitchedOff) {
  ProxyWorld world({.network_filters =
                        "- name: limit\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions."
                        "filters.network.connection_limit.v3.ConnectionLimit, stat_prefix: few, "
                        "max_connections: 1, runtime_enabled: {default_value: false}}"});
  const std::unique_ptr<Peer> first = world.Connect();
  world.Run();
  EXPECT_TRUE(Answer(world, kGet).starts_with("HTTP/1.1 200"));
}

std::string ConnectionRate(const std::string& fields) {
  return "- name: rate\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.local_ratelimit.v3."
         "LocalRateLimit, stat_prefix: some, " + fields + "}\n";
}

TEST(ConnectionRate, OverAllWorkers) {
  ProxyWorld world({.network_filters = ConnectionRate("token_bucket: {max_tokens: 2, tokens_per_fill: 1, fill_interval: 1s}"),
                    .listener_log = "%RESPONSE_FLAGS% %DOWNSTREAM_LOCAL_CLOSE_REASON%",
                    .workers = 2});
  for (const bool served : {true, true, false, false}) EXPECT_EQ(Answer(world, kGet).starts_with("HTTP/1.1 200"), served);
  EXPECT_EQ(world.stat("local_rate_limit.some.rate_limited"), 2);
  world.Wait(1000);
  for (const bool served : {true, false}) EXPECT_EQ(Answer(world, kGet).starts_with("HTTP/1.1 200"), served);
  Lines refused;
  for (const std::string& line : world.TakeListenerLog()) {
    if (line.starts_with("URX")) refused.push_back(line);
  }
  EXPECT_EQ(refused, Lines(3, "URX local_ratelimit_close_over_limit"));
}

TEST(ConnectionRate, TheRuntimeSwitchesItOn) {
  ProxyWorld world({.network_filters = ConnectionRate("token_bucket: {max_tokens: 1, fill_interval: 1000s}, "
                                                      "runtime_enabled: {default_value: false, runtime_key: rate.on}")});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Answer(world, kGet).starts_with("HTTP/1.1 200"));
  runtime::Value on;
  on.flag = true;
  world.runtime_keys().Apply({{"rate.on", on}});
  EXPECT_TRUE(Answer(world, kGet).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(Answer(world, kGet), "");
  EXPECT_EQ(world.stat("local_rate_limit.some.rate_limited"), 1);
}

// One key and one bucket: what one listener takes another one lacks.
TEST(ConnectionRate, SharedByAKey) {
  const auto settings = [](const std::string& more) {
    return ProxySettings{.network_filters = ConnectionRate("token_bucket: {max_tokens: 2, fill_interval: 2000s}" + more)};
  };
  ProxyWorld one(settings(", share_key: ours"));
  ProxyWorld two(settings(", share_key: ours"));
  ProxyWorld other(settings(", share_key: theirs"));
  EXPECT_TRUE(Answer(one, kGet).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(Answer(two, kGet).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(Answer(one, kGet), "");
  EXPECT_EQ(Answer(two, kGet), "");
  EXPECT_TRUE(Answer(other, kGet).starts_with("HTTP/1.1 200"));
}

// As they stand: who is refused by the first is not counted by the second.
TEST(ConnectionRate, AmongLimits) {
  const std::string limit =
      "- name: limit\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions."
      "filters.network.connection_limit.v3.ConnectionLimit, stat_prefix: few, max_connections: 5}\n";
  const std::string rate = ConnectionRate("token_bucket: {max_tokens: 1, fill_interval: 1000s}");
  for (const std::string& filters : {limit + rate, rate + limit}) {
    ProxyWorld world({.network_filters = filters});
    const std::unique_ptr<Peer> first = world.Connect();
    world.Run();
    const std::unique_ptr<Peer> second = world.Connect();
    world.Run();
    EXPECT_TRUE(second->ended());
    EXPECT_EQ(world.stat("connection_limit.few.active_connections"), 1);
    EXPECT_EQ(world.stat("local_rate_limit.some.rate_limited"), 1);
  }
}

std::string StateFilter(const std::string& objects) {
  return "- name: state\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3."
         "Config, on_new_connection: [" + objects + "]}\n";
}
std::string Object(const std::string& key, const std::string& text, const std::string& more = "") {
  return "{object_key: " + key + ", factory_key: envoy.string, format_string: {omit_empty_values: true, text_format_source: "
         "{inline_string: \"" + text + "\"}}" + more + "}";
}

TEST(ConnectionState, EveryStreamHasIt) {
  ProxyWorld world({.network_filters = StateFilter(Object("who", "from %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")),
                    .filter_log = "%FILTER_STATE(who:PLAIN)% %FILTER_STATE(who:FIELD:x)%"});
  const std::unique_ptr<Peer> client = world.Connect();
  for (int i = 0; i < 2; ++i) {
    client->Send(kGet);
    world.Run();
  }
  EXPECT_EQ(world.TakeLog(), Lines(2, "from 127.0.0.1 -"));
}

TEST(ConnectionState, OneAfterTheOther) {
  const auto line = [](const std::string& filters) {
    ProxyWorld world({.network_filters = filters, .filter_log = "<%FILTER_STATE(a:PLAIN)%>"});
    Answer(world, kGet);
    const Lines lines = world.TakeLog();
    return lines.size() == 1 ? lines[0] : "";
  };
  EXPECT_EQ(line(StateFilter(Object("a", "1") + ", " + Object("a", "%FILTER_STATE(a:PLAIN)%2"))), "<12>");
  EXPECT_EQ(line(StateFilter(Object("a", "1")) + "- name: again" + StateFilter(Object("a", "2")).substr(13)), "<2>");
  EXPECT_EQ(line(StateFilter(Object("a", "1", ", read_only: true") + ", " + Object("a", "2"))), "<1>");
  EXPECT_EQ(line(StateFilter(Object("a", "1") + ", " + Object("a", "%REQUESTED_SERVER_NAME%", ", skip_if_empty: true"))), "<1>");
}

TEST(ConnectionState, OfBytes) {
  ProxyWorld world({.network_filters = StateFilter(Object("who", "%DOWNSTREAM_LOCAL_PORT%")),
                    .filter_log = "%FILTER_STATE(who:PLAIN)%",
                    .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  world.Run();
  client->Reset();
  world.Run();
  EXPECT_EQ(world.TakeLog(), Lines{"80"});
}

constexpr char kSniCluster[] =
    "- name: sni\n  typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.filters.network.sni_cluster.v3.SniCluster}";

TEST(SniCluster, TheServerNameIsTheCluster) {
  ProxyWorld world({.listener = Filters(ListenerFilter("tls_inspector")),
                    .network_filters = kSniCluster,
                    .listener_log = "%UPSTREAM_CLUSTER% %RESPONSE_FLAGS%",
                    .tcp = true});
  for (const char* name : {"app", "nowhere"}) {
    const std::unique_ptr<Peer> client = world.Connect();
    client->Send(Hello(ServerName(name)));
    world.Run();
    client->Reset();
    world.Run();
  }
  EXPECT_EQ(world.stat("tcp.tcp.downstream_cx_no_route"), 1);
  EXPECT_EQ(world.TakeListenerLog(), (Lines{"app -", "- NC"}));
}

TEST(TcpProxy, LongestDuration) {
  ProxyWorld world({.hcm = "max_downstream_connection_duration: 2s",
                    .listener_log = "%RESPONSE_FLAGS% %DURATION%",
                    .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  for (int i = 0; i < 10 && !client->ended(); ++i) {
    client->Send("alive");
    world.Wait(300);
  }
  EXPECT_TRUE(client->ended());
  client->Close();
  world.Run();
  EXPECT_EQ(world.stat("tcp.tcp.max_downstream_connection_duration"), 1);
  EXPECT_EQ(world.TakeListenerLog(), Lines{"DT 2000"});
}

constexpr char kOriginalDst[] = "type: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED\n";

// A listener of the test at the address that connections were meant for.
std::unique_ptr<PeerListener> ListenAt(ProxyWorld& world, const net::Address& address) {
  return std::make_unique<PeerListener>(world.simulation().network(), world.simulation().loop(1), address);
}

TEST(OriginalDstCluster, GoesWhereTheConnectionWasMeantToGo) {
  ProxyWorld world({.listener = Filters(ListenerFilter("original_dst")),
                    .cluster = kOriginalDst,
                    .listener_log = "%UPSTREAM_HOST% %RESPONSE_FLAGS%",
                    .tcp = true,
                    .hosts = 0});
  const net::Address meant = *net::Address::Ip("10.9.9.9", 8080);
  const std::unique_ptr<PeerListener> server = ListenAt(world, meant);
  world.listener_faults().original_destination = meant;
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("hello");
  world.Run();
  EXPECT_EQ(server->peer(0).Take(), "hello");
  client->Reset();
  world.Run();
  EXPECT_EQ(world.TakeListenerLog(), Lines{"10.9.9.9:8080 -"});
  world.listener_faults().original_destination = std::nullopt;  // was not redirected
  EXPECT_EQ(Answer(world, "x"), "");
  EXPECT_EQ(world.stat("cluster.app.original_dst_host_invalid"), 1);
  EXPECT_EQ(world.TakeListenerLog(), Lines{"- UH"});
}

TEST(OriginalDstCluster, AFieldSaysWhereTo) {
  ProxyWorld world(
      {.cluster =
           std::string(kOriginalDst) +
           "original_dst_lb_config: {use_http_header: true, http_header_name: X-Meant}\ncleanup_interval: 1s",
       .hosts = 0});
  const std::unique_ptr<PeerListener> server = ListenAt(world, *net::Address::Ip("10.9.9.9", 8080));
  const std::unique_ptr<Peer> client = world.Connect();
  const auto ask = [&](const std::string& field) {
    client->Send("GET / HTTP/1.1\r\nhost: h\r\n" + field + "\r\n");
    world.Run();
  };
  ask("x-meant: 10.9.9.9:8080\r\n");
  EXPECT_TRUE(server->peer(0).Take().starts_with("GET / HTTP/1.1\r\n"));
  server->peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  world.Run();
  EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200"));
  for (const char* wrong : {"x-meant: nowhere:80\r\n", "x-meant: 10.9.9.9\r\n", "x-meant: 10.9.9.9:0\r\n", ""}) {
    ask(wrong);
    EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 503")) << wrong;
  }
  EXPECT_EQ(world.stat("cluster.app.original_dst_host_invalid"), 4);
  EXPECT_EQ(world.stat("cluster.app.upstream_cx_active"), 1);
  world.Wait(2500);  // nobody asks for it any more: its idle connection goes
  EXPECT_EQ(world.stat("cluster.app.upstream_cx_active"), 0);
}

TEST(OriginalDstCluster, AnotherPort) {
  ProxyWorld world(
      {.listener = Filters(ListenerFilter("original_dst")),
       .cluster = std::string(kOriginalDst) + "original_dst_lb_config: {upstream_port_override: 9000}",
       .tcp = true,
       .hosts = 0});
  const std::unique_ptr<PeerListener> server = ListenAt(world, *net::Address::Ip("10.9.9.9", 9000));
  world.listener_faults().original_destination = net::Address::Ip("10.9.9.9", 8080);
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("hello");
  world.Run();
  EXPECT_EQ(server->peer(0).Take(), "hello");
}

TEST(Echo, SendsBackWhatComes) {
  ProxyWorld world({.listener = kEchoDefault, .chain = "filter_chain_match: {destination_port: 81}"});
  const std::unique_ptr<Peer> client = world.Connect();
  const std::string bytes(1 << 20, 'e');
  std::string back;
  for (size_t at = 0; at < bytes.size(); at += 65536) {
    client->Send(bytes.substr(at, 65536));
    world.Run();
    back += client->Take();
  }
  EXPECT_TRUE(back == bytes);
  client->EndSending();
  world.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.connections(), 0u);
}

}  // namespace
}  // namespace pillion::test
