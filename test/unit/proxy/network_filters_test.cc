// Network filters: what they do to a connection before, or instead of, its protocol.

#include <gtest/gtest.h>

#include "test/unit/codec/sniff/hello_bytes.h"
#include "test/unit/proxy/filter_chain_fixture.h"

namespace pillion::test {
namespace {

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
