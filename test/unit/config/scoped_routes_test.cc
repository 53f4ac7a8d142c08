#include "source/config/scoped_routes.h"

#include <gmock/gmock.h>

#include "envoy/config/route/v3/route.pb.h"
#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Pair = ScopeKeyFragment::Pair;

std::string Scope(const std::string& name, const std::string& key, const std::string& more = "") {
  return "{name: " + name + ", key: {fragments: [{string_key: " + key + "}]}, route_configuration: {name: t-" + name + more + "}}";
}
std::string Fragments(const std::string& text) { return "scope_key_builder: {fragments: [" + text + "]}"; }
std::string List(const std::string& scopes) {
  return "scoped_route_configurations_list: {scoped_route_configurations: [" + scopes + "]}";
}
const std::string kName = "name: s, ";
const std::string kKey = Fragments("{header_value_extractor: {name: X-Scope, index: 0}}") + ", ";

Loaded Load(const std::string& scoped, const std::string& filters = "") {
  return LoadText(
      "static_resources: {clusters: [" + ControlPlaneCluster("cp") +
          "], listeners: [{name: in, address: {socket_address: {address: 127.0.0.1, port_value: 80}}, filter_chains: [{filters: "
          "[{name: http, typed_config: {'@type': "
          "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: in, "
          "scoped_routes: {" + scoped + "}, http_filters: [" + filters +
          "{name: router, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}]}]}]}",
      DynamicOptions());
}
std::string Wrong(const std::string& scoped, const std::string& filters = "") { return Text(Load(scoped, filters).errors); }

std::shared_ptr<const ScopedRoutes> Good(const std::string& scoped) {
  const Loaded loaded = Load(scoped);
  EXPECT_EQ(Text(loaded.errors), "");
  if (loaded.bootstrap == nullptr) return std::make_shared<const ScopedRoutes>();
  const auto& manager = std::get<HttpConnectionManager>(loaded.bootstrap->listeners.at(0)->filter_chains.at(0).terminal);
  EXPECT_EQ(manager.route_config, nullptr);
  EXPECT_FALSE(manager.route_source);
  return manager.scoped_routes;
}

TEST(ScopedRoutesConfigTest, ScopesThatStandInTheManager) {
  const auto scoped = Good(
      kName + Fragments("{header_value_extractor: {name: X-Scope, element_separator: ',', index: 1}}, "
                        "{header_value_extractor: {name: ':authority', element_separator: ';', element: {separator: '=', key: k}}}") +
      ", " + List("{name: one, key: {fragments: [{string_key: a}, {string_key: b}]}, route_configuration: {name: t}}"));
  EXPECT_EQ(scoped->name, "s");
  ASSERT_EQ(scoped->key.size(), 2u);
  EXPECT_EQ(scoped->key[0].field.text(), "x-scope");
  EXPECT_EQ(scoped->key[0].element_separator, ",");
  EXPECT_EQ(std::get<uint32_t>(scoped->key[0].of), 1u);
  EXPECT_EQ(scoped->key[1].field.text(), ":authority");
  EXPECT_EQ(std::get<Pair>(scoped->key[1].of).separator, "=");
  EXPECT_EQ(std::get<Pair>(scoped->key[1].of).key, "k");
  ASSERT_EQ(scoped->scopes.size(), 1u);
  EXPECT_EQ(scoped->scopes[0]->name, "one");
  EXPECT_THAT(scoped->scopes[0]->key, ElementsAre("a", "b"));
  EXPECT_EQ(scoped->scopes[0]->table->name, "t");
  EXPECT_FALSE(scoped->source);
}

TEST(ScopedRoutesConfigTest, ScopesThatComeApart) {
  const std::string source = "{api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: cp}}]}}";
  const auto scoped = Good(kName + kKey + "rds_config_source: " + source + ", scoped_rds: {scoped_rds_config_source: " + source + "}");
  ASSERT_TRUE(scoped->source && scoped->tables);
  EXPECT_EQ(std::get<ApiSource>(scoped->source->source).cluster, "cp");
  EXPECT_EQ(scoped->tables->source, scoped->source->source);
  EXPECT_THAT(Wrong(kName + kKey + "scoped_rds: {}"), HasSubstr("scoped_rds.scoped_rds_config_source: missing, but required"));
  EXPECT_THAT(Wrong(kName + kKey + "scoped_rds: {srds_resources_locator: 'xdstp://a/b/c', scoped_rds_config_source: " + source + "}"),
              HasSubstr("srds_resources_locator: not implemented: scopes can't be named by xdstp"));
}

TEST(ScopedRoutesConfigTest, WhatIsMissing) {
  const std::string one = List(Scope("one", "a"));
  EXPECT_THAT(Wrong(kKey + one), HasSubstr("scoped_routes.name: missing, but required"));
  EXPECT_THAT(Wrong(kName + one), HasSubstr("scoped_routes.scope_key_builder: missing, but required"));
  EXPECT_THAT(Wrong(kName + Fragments("") + ", " + one), HasSubstr("scope_key_builder.fragments: empty, but required"));
  EXPECT_THAT(Wrong(kName + kKey), HasSubstr("one of scoped_route_configurations_list, scoped_rds is required"));
  EXPECT_THAT(Wrong(kName + kKey + List("")), HasSubstr("scoped_route_configurations: empty, but required"));
  EXPECT_THAT(Wrong(kName + Fragments("{}") + ", " + one), HasSubstr("fragments[0].header_value_extractor: missing, but required"));
  EXPECT_THAT(Wrong(kName + Fragments("{header_value_extractor: {name: a}}") + ", " + one),
              HasSubstr("header_value_extractor: one of index, element is required"));
  EXPECT_THAT(Wrong(kName + Fragments("{header_value_extractor: {index: 0}}") + ", " + one),
              HasSubstr("header_value_extractor.name: missing, but required"));
  EXPECT_THAT(Wrong(kName + Fragments("{header_value_extractor: {name: a, element: {key: k}}}") + ", " + one),
              HasSubstr("element.separator: missing, but required"));
  EXPECT_THAT(Wrong(kName + Fragments("{header_value_extractor: {name: a, element: {separator: '='}}}") + ", " + one),
              HasSubstr("element.key: missing, but required"));
  EXPECT_THAT(Wrong(kName + kKey + List("{name: one, route_configuration: {}}")), HasSubstr("scoped_route_configurations[0].key: missing, but required"));
  EXPECT_THAT(Wrong(kName + kKey + List("{key: {fragments: [{string_key: a}]}, route_configuration: {}}")),
              HasSubstr("scoped_route_configurations[0].name: missing, but required"));
  EXPECT_THAT(Wrong(kName + kKey + List("{name: one, key: {}, route_configuration: {}}")), HasSubstr("key.fragments: empty, but required"));
  EXPECT_THAT(Wrong(kName + kKey + List("{name: one, key: {fragments: [{}]}, route_configuration: {}}")),
              HasSubstr("key.fragments[0].string_key: missing, but required"));
  EXPECT_THAT(Wrong(kName + kKey + List("{name: one, key: {fragments: [{string_key: a}]}}")),
              HasSubstr("scoped_route_configurations[0].route_configuration: missing, but required"));
}

TEST(ScopedRoutesConfigTest, WhatCantBe) {
  EXPECT_THAT(Wrong(kName + Fragments("{header_value_extractor: {name: a, index: 1}}") + ", " + List(Scope("one", "a"))),
              HasSubstr("header_value_extractor.index: 1, but without an element_separator there is one element, expected 0"));
  EXPECT_THAT(Wrong(kName + Fragments("{header_value_extractor: {name: 'a b', index: 0}}") + ", " + List(Scope("one", "a"))),
              HasSubstr("header_value_extractor.name: \"a b\", expected a header's name"));
  EXPECT_THAT(Wrong(kName + kKey + List(Scope("one", "a") + ", " + Scope("one", "b"))),
              HasSubstr("scoped_route_configurations[1].name: duplicate name \"one\", as of "));
  EXPECT_THAT(Wrong(kName + kKey + List(Scope("one", "a") + ", " + Scope("two", "a"))),
              HasSubstr("scoped_route_configurations[1].key: duplicate key \"a\", as of "));
  EXPECT_THAT(Wrong(kName + kKey + List("{name: one, key: {fragments: [{string_key: a}, {string_key: b}]}, route_configuration: {}}")),
              HasSubstr("key.fragments: 2, which no request has, expected 1, as scope_key_builder has"));
  EXPECT_THAT(Wrong(kName + kKey + List("{name: one, key: {fragments: [{string_key: a}]}, route_configuration_name: r}")),
              HasSubstr("route_configuration_name: is for scoped_rds, expected a route_configuration"));
  EXPECT_THAT(Wrong(kName + kKey + List("{name: one, on_demand: true, key: {fragments: [{string_key: a}]}, route_configuration: {}}")),
              HasSubstr("on_demand: not implemented: tables of scopes are there before somebody asks for them"));
  // What a table says of the filters is judged as that of a route_config.
  const std::string host = ", virtual_hosts: [{name: v, domains: ['*'], typed_per_filter_config: {f: {'@type': "
                           "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy}}}]";
  EXPECT_THAT(Wrong(kName + kKey + List(Scope("one", "a", host)),
                    "{name: f, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, "
                    "max_request_bytes: 9}}, "),
              HasSubstr("scoped_route_configurations[0].route_configuration.virtual_hosts[0].typed_per_filter_config[\"f\"]"));
}

TEST(ScopedRoutesConfigTest, AScopeThatComes) {
  using Message = envoy::config::route::v3::ScopedRouteConfiguration;
  const Process process;
  const auto build = [&](const std::string& yaml) { return process.resources->BuildScope(Resource<Message>(yaml)); };
  const Judged<config::Scope> own = build(Scope("one", "a"));
  ASSERT_NE(own.part, nullptr) << Text(own.errors);
  EXPECT_EQ(own.part->name, "one");
  EXPECT_THAT(own.part->key, ElementsAre("a"));
  EXPECT_EQ(own.part->table->name, "t-one");
  const Judged<config::Scope> named = build("{name: one, key: {fragments: [{string_key: a}]}, route_configuration_name: r}");
  ASSERT_NE(named.part, nullptr) << Text(named.errors);
  EXPECT_EQ(named.part->table, nullptr);
  EXPECT_EQ(named.part->table_name, "r");
  EXPECT_EQ(NameOf(Resource<Message>("{name: one}")), "one");
  EXPECT_THAT(Text(build(Scope("one", "a", ", virtual_hosts: [{name: v, domains: ['a*b']}]")).errors),
              HasSubstr("route_configuration.virtual_hosts[0].domains[0]"));
  EXPECT_THAT(Text(build("{name: one, key: {fragments: [{string_key: a}]}}").errors),
              HasSubstr("none of route_configuration and route_configuration_name, expected one"));
}

}  // namespace
}  // namespace pillion::config
