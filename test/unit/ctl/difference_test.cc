#include "source/ctl/difference.h"

#include <gmock/gmock.h>

#include <fstream>

namespace pillion::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kType[] = "'@type': type.googleapis.com/envoy.config.";

std::string Write(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

Configuration Read(const std::string& name, const std::string& text) {
  absl::StatusOr<Configuration> read = ReadConfiguration(Write(name, text));
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *std::move(read) : Configuration();
}

std::vector<std::string> Texts(const Configuration& a, const Configuration& b) {
  std::vector<std::string> texts;
  for (const Difference& difference : Compare(a, b)) texts.push_back(difference.Text());
  return texts;
}

// Of two sets of resources, as YAML in one line each.
std::vector<std::string> Diff(const std::string& a, const std::string& b) {
  return Texts(Read("a.yaml", "resources: [" + a + "]"), Read("b.yaml", "resources: [" + b + "]"));
}

std::string Routes(const std::string& routes, const std::string& more = "") {
  return std::string("{") + kType + "route.v3.RouteConfiguration, name: t, virtual_hosts: [{name: pay, domains: [a, b], routes: [" +
         routes + "]}" + more + "]}";
}

std::string To(const std::string& prefix, const std::string& action = "") {
  return "{match: {prefix: " + prefix + "}, route: {cluster: c" + action + "}}";
}

TEST(Difference, ARouteIsTheSameWhereItMatchesTheSame) {
  const std::string before = To("/a") + ", " + To("/b", ", timeout: 15s") + ", " + To("/c");
  EXPECT_THAT(Diff(Routes(before), Routes(before)), IsEmpty());
  EXPECT_THAT(Diff(Routes(before), Routes(To("/a") + ", " + To("/b", ", timeout: 1s") + ", " + To("/c"))),
              ElementsAre("route table t: virtual host pay, route 1: timeout 15s -> 1s"));
  EXPECT_THAT(Diff(Routes(before), Routes(To("/new") + ", " + before)), ElementsAre("route table t: virtual host pay, route 0: added"));
  EXPECT_THAT(Diff(Routes(before), Routes(To("/a") + ", " + To("/c"))), ElementsAre("route table t: virtual host pay, route 1: removed"));
  EXPECT_THAT(Diff(Routes(before), Routes(To("/a") + ", " + To("/x", ", timeout: 15s") + ", " + To("/c"))),
              ElementsAre(R"(route table t: virtual host pay, route 1, match: prefix "/b" -> "/x")"));
}

TEST(Difference, NamedElements) {
  const std::string a = "{name: one, match: {prefix: /a}, route: {cluster: c}}";
  const std::string b = "{name: two, match: {prefix: /b}, route: {cluster: c}}";
  EXPECT_THAT(Diff(Routes(a + ", " + b), Routes(b + ", " + a)),
              ElementsAre("route table t: virtual host pay, route one: moved from 0 to 1"));
  EXPECT_THAT(Diff(Routes(a), Routes(b)), ElementsAre("route table t: virtual host pay, route one: removed",
                                                      "route table t: virtual host pay, route two: added"));
  EXPECT_THAT(Diff(Routes(a), Routes(a, ", {name: new, domains: [x]}")), ElementsAre("route table t: virtual host new: added"));
  // Their order means nothing.
  EXPECT_THAT(Diff(Routes(a, ", {name: x, domains: [x]}, {name: y, domains: [y]}"),
                   Routes(a, ", {name: y, domains: [y]}, {name: x, domains: [x]}")),
              IsEmpty());
}

TEST(Difference, ValuesAsTheyAreRead) {
  const auto cluster = [](const std::string& more) {
    return std::string("{") + kType + "cluster.v3.Cluster, name: db" + more + "}";
  };
  EXPECT_THAT(Diff(cluster(", connect_timeout: 0.250s"), cluster(", connect_timeout: 60s")),
              ElementsAre("cluster db: connect timeout 0.25s -> 60s"));
  EXPECT_THAT(Diff(cluster(""), cluster(", per_connection_buffer_limit_bytes: 7")),
              ElementsAre("cluster db: per connection buffer limit bytes not set -> 7"));
  EXPECT_THAT(Diff(cluster(", lb_policy: RANDOM"), cluster(", lb_policy: MAGLEV")),
              ElementsAre("cluster db: lb policy RANDOM -> MAGLEV"));
  EXPECT_THAT(Diff(cluster(""), cluster(", outlier_detection: {}")), ElementsAre("cluster db: outlier detection: added"));
  EXPECT_THAT(Diff(cluster(", metadata: {filter_metadata: {x: {a: 1}}}"), cluster(", metadata: {filter_metadata: {x: {a: 2}, y: {}}}")),
              ElementsAre(R"(cluster db: metadata, filter metadata x: {"a":1} -> {"a":2})", "cluster db: metadata, filter metadata y: added"));
}

TEST(Difference, Domains) {
  const std::string other = std::string("{") + kType + "route.v3.RouteConfiguration, name: t, virtual_hosts: [{name: pay, domains: [a, c], routes: []}]}";
  EXPECT_THAT(Diff(Routes(""), other), ElementsAre(R"(route table t: virtual host pay, domain "b": removed)",
                                                   R"(route table t: virtual host pay, domain "c": added)"));
}

std::string Secret(const std::string& chain, const std::string& key) {
  return "{'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret, name: s, tls_certificate: {certificate_chain: {" +
         chain + "}, private_key: {" + key + "}}}";
}

TEST(Difference, KeysAreNotShown) {
  const std::string before = Secret("inline_string: one", "inline_string: first-key");
  EXPECT_THAT(Diff(before, Secret("inline_string: two", "inline_string: other-key")),
              ElementsAre("secret s: tls certificate: certificate changed", "secret s: tls certificate: private key changed"));
  EXPECT_THAT(Diff(Secret("filename: a", "filename: k"), Secret("filename: b", "filename: k")),
              ElementsAre(R"(secret s: tls certificate: certificate "a" -> "b")"));
  // What runs does not show it.
  EXPECT_THAT(Diff(before, Secret("inline_string: one", "inline_string: '[redacted]'")), IsEmpty());
}

TEST(Difference, CredentialsAreNotShown) {
  const auto with = [](const std::string& name, const std::string& value) {
    return Routes("{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: " + name + ", value: " + value + "}}]}");
  };
  EXPECT_THAT(Diff(with("x-a", "1"), with("x-a", "2")),
              ElementsAre(R"(route table t: virtual host pay, route 0, request headers to add x-a, header: value "1" -> "2")"));
  EXPECT_THAT(Diff(with("authorization", "old"), with("authorization", "new")),
              ElementsAre("route table t: virtual host pay, route 0, request headers to add authorization, header: value changed"));
  EXPECT_THAT(Diff(with("authorization", "old"), with("authorization", "'[redacted]'")), IsEmpty());
}

TEST(Difference, OfKindsThatBothSayNothingAboutNothingIsSaid) {
  const Configuration set = Read("set.yaml", std::string("[{") + kType + "cluster.v3.Cluster, name: b}]");
  const Configuration whole = Read("whole.yaml", "static_resources: {clusters: [{name: a}], listeners: [{name: l}]}\nnode: {id: n}\n");
  EXPECT_THAT(Texts(whole, set), ElementsAre("cluster a: removed", "cluster b: added"));
  const Configuration other = Read("other.yaml", "static_resources: {clusters: [{name: a}], listeners: [{name: l}]}\nnode: {id: m}\n");
  EXPECT_THAT(Texts(whole, other), ElementsAre(R"(bootstrap: node: id "n" -> "m")"));
}

TEST(Difference, WithADump) {
  const absl::StatusOr<Configuration> dump = ReadConfigDump(R"({"configs": [
    {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
     "bootstrap": {"static_resources": {"clusters": [{"name": "a", "unknown_of_later": 1}]}}},
    {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
     "static_clusters": [{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"}}],
     "dynamic_warming_clusters": [{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "warm"}}],
     "dynamic_active_clusters": [{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "b"}}]},
    {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [{"name": "l", "active_state":
     {"listener": {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "l"}}}]}]})");
  ASSERT_TRUE(dump.ok()) << dump.status();
  const Configuration file = Read("file.yaml", "static_resources: {clusters: [{name: a, connect_timeout: 1s}]}\n");
  EXPECT_THAT(Texts(*dump, file), ElementsAre("cluster a: connect timeout not set -> 1s"));
  EXPECT_FALSE(ReadConfigDump("{}").ok());
}

TEST(Difference, FiltersThatComeApart) {
  constexpr char kBuffer[] = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer";
  const absl::StatusOr<Configuration> dump = ReadConfigDump(
      std::string(R"({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.EcdsConfigDump", "ecds_filters": [{"version_info": "1",
     "ecds_filter": {"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", "name": "f", "typed_config":
     {"@type": ")") + kBuffer + R"(", "max_request_bytes": 1}}}]}]})");
  ASSERT_TRUE(dump.ok()) << dump.status();
  const Configuration set = Read("set.yaml", std::string("[{'@type': type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig, "
                                                         "name: f, typed_config: {'@type': ") + kBuffer + ", max_request_bytes: 2}}]");
  EXPECT_EQ(Texts(*dump, set).size(), 1u);
  EXPECT_EQ(Texts(set, set).size(), 0u);
}

// A process with static resources and given ones: `static_clusters` and `given` are names.
Configuration Running(const std::vector<std::string>& static_clusters, const std::vector<std::string>& given) {
  const auto of = [](const std::vector<std::string>& names, const std::string& before, const std::string& after) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + before + name + after;
    return text;
  };
  absl::StatusOr<Configuration> dump = ReadConfigDump(
      R"({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {"static_resources": {"clusters": [)" +
      of(static_clusters, R"({"name": ")", "\"}") +
      R"(]}}}, {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": [)" +
      of(given, R"({"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": ")", "\"}}") +
      R"(]}, {"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [{"client_status": "REQUESTED",
         "route_config": {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "waits"}}]}]})");
  EXPECT_TRUE(dump.ok()) << dump.status();
  return dump.ok() ? *std::move(dump) : Configuration();
}

std::vector<std::string> LeftOut(const Configuration& a, const Configuration& b) {
  std::vector<std::string> texts;
  for (const Configuration::Name& name : NotCompared(a, b)) texts.push_back(PartText(name));
  return texts;
}

TEST(Difference, WhatIsStaticAndWhatWasGiven) {
  const Configuration running = Running({"a", "b"}, {"x", "y"});
  EXPECT_FALSE(running.parts.contains({Configuration::Kind::kRoutes, "waits"}));  // it does not serve
  const Configuration bootstrap = Read("boot.yaml", "static_resources: {clusters: [{name: a}, {name: x, connect_timeout: 1s}]}\n");
  EXPECT_THAT(Texts(running, bootstrap),
              ElementsAre("cluster b: removed", "cluster x (given to the process by others): connect timeout not set -> 1s"));
  EXPECT_THAT(Texts(bootstrap, running),
              ElementsAre("cluster x (given to the process by others): connect timeout 1s -> not set", "cluster b: added"));
  EXPECT_THAT(LeftOut(running, bootstrap), ElementsAre("cluster y"));
  EXPECT_THAT(LeftOut(bootstrap, running), ElementsAre("cluster y"));
  const std::string of = std::string("{") + kType + "cluster.v3.Cluster, name: ";
  const Configuration set = Read("set.yaml", "[" + of + "a, connect_timeout: 1s}, " + of + "x}, " + of + "z}]");
  EXPECT_THAT(Texts(running, set),
              ElementsAre("cluster a (static in the process): connect timeout not set -> 1s", "cluster y: removed", "cluster z: added"));
  EXPECT_THAT(LeftOut(running, set), ElementsAre("cluster b"));
  // One that is given nothing may be sent a set by who reloads it.
  EXPECT_THAT(Texts(Running({"a", "b"}, {}), set), ElementsAre("cluster a: connect timeout not set -> 1s", "cluster b: removed", "cluster x: added",
                                                              "cluster z: added"));
  // Two processes: all of both.
  EXPECT_THAT(Texts(running, Running({"a", "x"}, {"y"})), ElementsAre("cluster b: removed"));
  EXPECT_THAT(LeftOut(running, Running({"a"}, {})), IsEmpty());
}

TEST(Difference, SecretsThatOthersGiveAreNotInABootstrap) {
  const std::string secret = R"({"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": "default",
    "tls_certificate": {"certificate_chain": {"inline_string": "one"}}})";
  const absl::StatusOr<Configuration> dump = ReadConfigDump(R"({"configs": [
    {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {}},
    {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
     "dynamic_active_secrets": [{"name": "default", "secret": )" + secret + "}]}]}");
  ASSERT_TRUE(dump.ok()) << dump.status();
  const Configuration file = Read("file.yaml", "static_resources: {}\n");
  EXPECT_THAT(Texts(file, *dump), IsEmpty());
  EXPECT_THAT(Texts(*dump, file), IsEmpty());
  const Configuration other = Read("other.yaml", "static_resources: {secrets: [{name: mine}]}\n");
  EXPECT_THAT(Texts(*dump, other), ElementsAre("secret mine: added"));
  // What a control plane would give them instead.
  const Configuration set = Read("set.yaml", "[{'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret, name: next}]");
  EXPECT_THAT(Texts(*dump, set), ElementsAre("secret default: removed", "secret next: added"));
}

TEST(Configuration, WhatCannotBeCompared) {
  const auto error = [](const std::string& text) {
    return std::string(ReadConfiguration(Write("wrong.yaml", text)).status().message());
  };
  EXPECT_THAT(error("static_resurces: {}"), testing::HasSubstr("wrong.yaml:1: unknown field \"static_resurces\""));
  EXPECT_THAT(error("[{'@type': type.googleapis.com/envoy.config.route.v3.Route, name: r}]"), testing::HasSubstr("resources[0]"));
  EXPECT_THAT(error("[" + std::string("{") + kType + "cluster.v3.Cluster, name: a, nme: b}]"), testing::HasSubstr("unknown field \"nme\""));
}

}  // namespace
}  // namespace pillion::ctl
