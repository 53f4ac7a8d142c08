// The network filter rbac, in front of TCP proxies, HTTP and echoes.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

constexpr char kNotes[] =
    "%CONNECTION_TERMINATION_DETAILS% %DYNAMIC_METADATA(envoy.filters.network.rbac)% "
    "%DYNAMIC_METADATA(envoy.common)%";

std::string Filter(const std::string& fields) {
  return "- name: rbac\n  typed_config: {\"@type\": "
         "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC, "
         "stat_prefix: tcp., " +
         fields + "}\n";
}
// Who comes from there.
std::string Rules(const std::string& action, const std::string& from) {
  return "{action: " + action +
         ", policies: {p q: {permissions: [{destination_port: 80}], principals: [{direct_remote_ip: "
         "{address_prefix: " +
         from + ", prefix_len: 32}}]}}}";
}

TEST(NetworkRbac, AllowedBytesPass) {
  ProxyWorld world(
      {.network_filters = Filter("rules: " + Rules("ALLOW", "127.0.0.1")), .filter_log = kNotes, .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("one");
  world.Run();
  client->Send("two");
  world.Run();
  EXPECT_EQ(world.upstream().peer(0).Take(), "onetwo");
  world.upstream().peer(0).Send("answer");
  world.Run();
  EXPECT_EQ(client->Take(), "answer");
  EXPECT_EQ(world.stat("tcp.rbac.allowed"), 1);
  EXPECT_EQ(world.stat("tcp.rbac.denied"), 0);
}

TEST(NetworkRbac, DeniedBytesDoNot) {
  ProxyWorld world(
      {.network_filters = Filter("rules: " + Rules("DENY", "127.0.0.1")), .filter_log = kNotes, .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  world.Run();
  EXPECT_FALSE(client->ended());  // nobody was asked yet
  client->Send("bytes");
  world.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.upstream().peer(0).Take(), "");
  EXPECT_EQ(world.stat("tcp.rbac.denied"), 1);
  EXPECT_EQ(world.TakeLog(), Lines{"rbac_access_denied_matched_policy[p_q] - -"});
}

TEST(NetworkRbac, ConditionsOfConnections) {
  // source.ip == TEXT && destination.port == 80 && !connection.mtls
  const auto rules = [](const std::string& ip) {
    const std::string field = "{select_expr: {operand: {ident_expr: {name: ";
    return "rules: {policies: {p: {permissions: [{any: true}], principals: [{any: true}], condition: {call_expr: {function: _&&_, args: "
           "[{call_expr: {function: _==_, args: [" + field + "source}}, field: ip}}, {const_expr: {string_value: " + ip +
           "}}]}}, {call_expr: {function: _&&_, args: [{call_expr: {function: _==_, args: [" + field +
           "destination}}, field: port}}, {const_expr: {int64_value: 80}}]}}, {call_expr: {function: '!_', args: [" + field +
           "connection}}, field: mtls}}]}}]}}]}}}}}";
  };
  for (const bool fits : {true, false}) {
    ProxyWorld world({.network_filters = Filter(rules(fits ? "127.0.0.1" : "192.0.2.1")), .tcp = true});
    const std::unique_ptr<Peer> client = world.Connect();
    client->Send("one");
    world.Run();
    EXPECT_EQ(world.upstream().peer(0).Take(), fits ? "one" : "");
    EXPECT_EQ(world.stat("tcp.rbac.allowed"), fits);
  }
}

TEST(NetworkRbac, AnEndWithoutBytesIsAskedForToo) {
  ProxyWorld world({.network_filters = Filter("rules: " + Rules("ALLOW", "192.0.2.1")), .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->EndSending();
  world.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.stat("tcp.rbac.denied"), 1);
}

TEST(NetworkRbac, OnceOrEachTime) {
  for (const bool continuous : {false, true}) {
    ProxyWorld world({.network_filters = Filter("rules: " + Rules("ALLOW", "127.0.0.1") + ", enforcement_type: " +
                                                (continuous ? "CONTINUOUS" : "ONE_TIME_ON_FIRST_BYTE")),
                      .tcp = true});
    const std::unique_ptr<Peer> client = world.Connect();
    for (int i = 0; i < 3; ++i) {
      client->Send("x");
      world.Run();
    }
    EXPECT_EQ(world.stat("tcp.rbac.allowed"), continuous ? 3 : 1);
    EXPECT_EQ(world.upstream().peer(0).Take(), "xxx");
  }
}

TEST(NetworkRbac, ShadowRulesOnlyCountAndNote) {
  ProxyWorld world({.network_filters = Filter("shadow_rules: " + Rules("DENY", "127.0.0.1") +
                                              ", shadow_rules_stat_prefix: sh_, "
                                              "rules: " +
                                              Rules("LOG", "127.0.0.1")),
                    .filter_log = kNotes,
                    .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("x");
  world.Run();
  EXPECT_EQ(world.upstream().peer(0).Take(), "x");
  client->Close();
  world.upstream().peer(0).Close();
  world.Run();
  EXPECT_EQ(world.stat("tcp.rbac.sh_.shadow_denied"), 1);
  EXPECT_EQ(world.stat("tcp.rbac.sh_.shadow_allowed"), 0);
  EXPECT_EQ(world.stat("tcp.rbac.allowed"), 1);
  EXPECT_EQ(world.TakeLog(),
            Lines{R"(- {"sh_shadow_effective_policy_id":"p q","sh_shadow_engine_result":"denied"} )"
                  R"({"access_log_hint":true})"});
}

TEST(NetworkRbac, DeniedAfterADelay) {
  ProxyWorld world(
      {.network_filters = Filter("rules: " + Rules("DENY", "127.0.0.1") + ", delay_deny: 2s"), .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("x");
  world.Wait(1900);
  client->Send("y");
  world.Run();
  EXPECT_FALSE(client->ended());
  world.Wait(200);
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.upstream().peer(0).Take(), "");
  EXPECT_EQ(world.stat("tcp.rbac.denied"), 1);
}

TEST(NetworkRbac, InFrontOfHttp) {
  ProxyWorld world(
      {.network_filters = Filter(
           "matcher: {matcher_tree: {input: {name: i, typed_config: {\"@type\": type.googleapis.com/"
           "envoy.extensions.matching.common_inputs.network.v3.DirectSourceIPInput}}, exact_match_map: "
           "{map: {127.0.0.1: {action: {name: a, typed_config: {\"@type\": type.googleapis.com/envoy."
           "config.rbac.v3.Action, name: me, action: ALLOW}}}}}}}, shadow_matcher: {on_no_match: {action: "
           "{name: a, typed_config: {\"@type\": type.googleapis.com/envoy.config.rbac.v3.Action, name: all, "
           "action: DENY}}}}"),
       .filter_log = kNotes});
  const std::unique_ptr<Peer> client = world.Connect();
  for (int i = 0; i < 2; ++i) {
    client->Send("GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
    world.Run();
    EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200"));
  }
  EXPECT_EQ(world.stat("tcp.rbac.allowed"), 1);
  EXPECT_EQ(world.TakeLog().at(1), R"(- {"shadow_effective_policy_id":"all","shadow_engine_result":"denied"} -)");
}

// What listener filters have read goes through the guard as well, and what comes behind it.
TEST(NetworkRbac, BytesThatWereReadBefore) {
  const std::string inspector =
      "listener_filters:\n- name: http_inspector\n  typed_config: {\"@type\": type.googleapis.com/envoy."
      "extensions.filters.listener.http_inspector.v3.HttpInspector}\n";
  ProxyWorld allows({.listener = inspector, .network_filters = Filter("rules: " + Rules("ALLOW", "127.0.0.1"))});
  const std::unique_ptr<Peer> client = allows.Connect();
  client->Send("GET /direct HTTP/1.1\r\nho");
  allows.Run();
  client->Send("st: h\r\n\r\n");
  allows.Run();
  EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200"));
  EXPECT_EQ(allows.stat("tcp.rbac.allowed"), 1);

  ProxyWorld denies({.listener = inspector, .network_filters = Filter("rules: " + Rules("DENY", "127.0.0.1"))});
  const std::unique_ptr<Peer> other = denies.Connect();
  other->Send("GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
  denies.Run();
  EXPECT_TRUE(other->ended());
  EXPECT_EQ(other->Take(), "");
}

TEST(NetworkRbac, EachOfSeveralHasToAllow) {
  ProxyWorld world({.network_filters =
                        Filter("rules: " + Rules("ALLOW", "127.0.0.1")) +
                        "- name: second\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters."
                        "network.rbac.v3.RBAC, stat_prefix: second, rules: " +
                        Rules("DENY", "127.0.0.1") + "}\n",
                    .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("x");
  world.Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.stat("tcp.rbac.allowed"), 1);
  EXPECT_EQ(world.stat("second.rbac.denied"), 1);
}

TEST(NetworkRbac, WithoutRulesNobodyIsDenied) {
  ProxyWorld world({.network_filters = Filter("delay_deny: 1s"), .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("x");
  world.Run();
  EXPECT_EQ(world.upstream().peer(0).Take(), "x");
  EXPECT_EQ(world.stat("tcp.rbac.allowed"), 0);
}

}  // namespace
}  // namespace pillion::test
