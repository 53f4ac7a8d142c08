#include "source/admin/config_dump.h"

#include <gtest/gtest.h>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/core/v3/core.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "source/config/load.h"

namespace pillion::admin {
namespace {

constexpr char kBootstrap[] = R"yaml(
node: {id: n1}
static_resources:
  listeners:
  - name: in
    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ing
          route_config:
            name: local
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /}
                route: {cluster: be}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: be
    load_assignment:
      cluster_name: be
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8081}}}
  - name: other
)yaml";

class ConfigDumpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const config::Loaded loaded = config::LoadText(kBootstrap);
    for (const config::ConfigError& error : loaded.errors) ADD_FAILURE() << config::ErrorText("", error);
    bootstrap_ = loaded.bootstrap;
    ASSERT_NE(bootstrap_, nullptr);
  }

  absl::StatusOr<std::string> Dump(const ConfigDumpQuery& query) {
    return DumpConfig(*bootstrap_, times_, pushed_, query);
  }

  Times times_{.start = base::WallTime(std::chrono::milliseconds(1795224627387)), .later = {}};

  Pushed pushed_;

  // The dump's "configs".
  std::vector<google::protobuf::Struct> Configs(const ConfigDumpQuery& query = {}) {
    const absl::StatusOr<std::string> text = Dump(query);
    EXPECT_TRUE(text.ok()) << text.status();
    google::protobuf::Struct dump;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text.ok() ? *text : "{}", &dump).ok()) << *text;
    std::vector<google::protobuf::Struct> configs;
    for (const auto& value : dump.fields().at("configs").list_value().values())
      configs.push_back(value.struct_value());
    return configs;
  }

  static std::string Type(const google::protobuf::Struct& config) {
    return config.fields().at("@type").string_value();
  }

  std::shared_ptr<const config::Bootstrap> bootstrap_;
};

TEST_F(ConfigDumpTest, WhenPartsWereTaken) {
  using Kind = config::StaticPart::Kind;
  times_.later[{Kind::kCluster, "other"}] = times_.start + std::chrono::hours(1);
  times_.later[{Kind::kListener, "in"}] = times_.start + std::chrono::hours(2);
  times_.later[{Kind::kBootstrap, ""}] = times_.start + std::chrono::hours(3);
  std::string hours;
  const auto note = [&hours](const google::protobuf::Struct& holder) {
    hours += holder.fields().at("last_updated").string_value().substr(11, 2) + " ";
  };
  for (const google::protobuf::Struct& config : Configs({.include_eds = true})) {
    if (config.fields().contains("last_updated")) note(config);
    for (const char* list : {"static_clusters", "static_endpoint_configs", "static_listeners", "static_route_configs"}) {
      if (!config.fields().contains(list)) continue;
      for (const auto& element : config.fields().at(list).list_value().values()) note(element.struct_value());
    }
  }
  const int start = std::stoi(hours.substr(3, 2));
  std::string expected;
  for (const int later : {3, 0, 1, 0, 1, 2, 2}) {
    const std::string hour = std::to_string((start + later) % 24);
    expected += (hour.size() == 1 ? "0" : "") + hour + " ";
  }
  EXPECT_EQ(hours, expected);
}

TEST_F(ConfigDumpTest, AllInEnvoysOrder) {
  const auto configs = Configs();
  ASSERT_EQ(configs.size(), 4u);
  EXPECT_EQ(Type(configs[0]), "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump");
  EXPECT_EQ(Type(configs[1]), "type.googleapis.com/envoy.admin.v3.ClustersConfigDump");
  EXPECT_EQ(Type(configs[2]), "type.googleapis.com/envoy.admin.v3.ListenersConfigDump");
  EXPECT_EQ(Type(configs[3]), "type.googleapis.com/envoy.admin.v3.RoutesConfigDump");
  const auto& bootstrap = configs[0].fields().at("bootstrap").struct_value();
  EXPECT_EQ(bootstrap.fields().at("node").struct_value().fields().at("id").string_value(), "n1");
  EXPECT_EQ(configs[0].fields().at("last_updated").string_value(), "2026-11-21T01:30:27.387Z");

  const auto& clusters = configs[1].fields().at("static_clusters").list_value();
  ASSERT_EQ(clusters.values_size(), 2);
  const auto& cluster = clusters.values(0).struct_value().fields().at("cluster").struct_value();
  EXPECT_EQ(Type(cluster), "type.googleapis.com/envoy.config.cluster.v3.Cluster");
  EXPECT_EQ(cluster.fields().at("name").string_value(), "be");
  const auto& routes = configs[3].fields().at("static_route_configs").list_value();
  ASSERT_EQ(routes.values_size(), 1);
  const auto& route = routes.values(0).struct_value().fields().at("route_config").struct_value();
  EXPECT_EQ(route.fields().at("name").string_value(), "local");
}

TEST_F(ConfigDumpTest, EndpointsWhenAskedFor) {
  ConfigDumpQuery query;
  query.include_eds = true;
  const auto configs = Configs(query);
  ASSERT_EQ(configs.size(), 5u);
  EXPECT_EQ(Type(configs[2]), "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump");
}

TEST_F(ConfigDumpTest, OneFieldAndNames) {
  ConfigDumpQuery query;
  query.resource = "static_clusters";
  EXPECT_EQ(Configs(query).size(), 2u);
  query.name_regex = "oth.*";
  const auto configs = Configs(query);
  ASSERT_EQ(configs.size(), 1u);
  EXPECT_EQ(Type(configs[0]), "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster");
  EXPECT_EQ(configs[0].fields().at("cluster").struct_value().fields().at("name").string_value(), "other");
  query.resource = "dynamic_active_clusters";
  EXPECT_TRUE(Configs(query).empty());
  query.resource = "wrong";
  EXPECT_TRUE(absl::IsNotFound(Dump(query).status()));
  query.name_regex = "(";
  EXPECT_TRUE(absl::IsInvalidArgument(Dump(query).status()));
}

// What came while the process runs stands beside what is configured, with what was refused of it.
TEST_F(ConfigDumpTest, WhatCame) {
  const auto any = [](const std::string& name) {
    envoy::config::cluster::v3::Cluster cluster;
    cluster.set_name(name);
    auto any = std::make_shared<google::protobuf::Any>();
    any->PackFrom(cluster);
    return any;
  };
  const base::WallTime time(std::chrono::milliseconds(1795224627387));
  auto unknown = std::make_shared<google::protobuf::Any>(*any("c"));
  unknown->set_type_url("type.googleapis.com/nobody.has.This");
  pushed_.clusters_version = "7";
  pushed_.clusters = {{.name = "a",
                       .version = "3",
                       .updated = time,
                       .body = any("a"),
                       .refused = PushedResource::Refused{.details = "bad", .version = "4", .time = time, .body = any("a2")}},
                      {.name = "b", .version = "1", .updated = time, .body = any("b"), .warming = true},
                      {.name = "c", .refused = PushedResource::Refused{.details = "worse", .version = "1", .time = time, .body = unknown}}};
  pushed_.listeners = {{.name = "l", .version = "9", .updated = time, .body = any("l")}};
  const std::string clusters = *Dump({.resource = "dynamic_active_clusters"});
  const auto has = [](const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has(clusters, "\"version_info\": \"3\"")) << clusters;
  EXPECT_TRUE(has(clusters, "\"details\": \"bad\"") && has(clusters, "\"name\": \"a2\"")) << clusters;
  EXPECT_TRUE(has(clusters, "\"@type\": \"type.googleapis.com/nobody.has.This\"") && has(clusters, "\"name\": \"c\"")) << clusters;
  EXPECT_FALSE(has(clusters, "\"name\": \"b\"")) << clusters;
  EXPECT_TRUE(has(*Dump({.resource = "dynamic_warming_clusters"}), "\"name\": \"b\""));
  EXPECT_TRUE(has(*Dump({.resource = "dynamic_listeners"}), "\"active_state\""));
  EXPECT_TRUE(has(*Dump({}), "\"version_info\": \"7\""));
  // As long as another version warms, the former one stands beside it.
  pushed_.listeners[0].warming = pushed_.clusters[1].warming = true;
  pushed_.listeners[0].serving = PushedResource::Serving{.version = "8", .updated = time, .body = any("before")};
  pushed_.clusters[1].serving = PushedResource::Serving{.version = "0", .updated = time, .body = any("b")};
  EXPECT_TRUE(has(*Dump({.resource = "dynamic_active_clusters"}), "\"version_info\": \"0\""));
  EXPECT_TRUE(has(*Dump({.resource = "dynamic_warming_clusters"}), "\"version_info\": \"1\""));
  const std::string listeners = *Dump({.resource = "dynamic_listeners"});
  EXPECT_LT(listeners.find("\"active_state\""), listeners.find("\"version_info\": \"8\"")) << listeners;
  EXPECT_LT(listeners.find("\"version_info\": \"8\""), listeners.find("\"warming_state\"")) << listeners;
  EXPECT_LT(listeners.find("\"warming_state\""), listeners.find("\"version_info\": \"9\"")) << listeners;
  // A table that is held stands behind the one that serves, and says so.
  pushed_.routes = {{.name = "r", .version = "5", .updated = time, .body = any("r")},
                    {.name = "r", .version = "6", .updated = time, .body = any("r"), .warming = true}};
  const std::string tables = *Dump({.resource = "dynamic_route_configs"});
  const size_t status = tables.find("\"client_status\": \"REQUESTED\"");
  ASSERT_NE(status, std::string::npos) << tables;
  EXPECT_LT(tables.find("\"version_info\": \"6\""), status);
  EXPECT_LT(tables.find("\"version_info\": \"5\""), tables.find("\"version_info\": \"6\""));
  EXPECT_EQ(tables.find("client_status", status + 2), std::string::npos);
}

// Between clusters and listeners, as with Envoy, and only where some listener has such filters.
TEST_F(ConfigDumpTest, FiltersThatComeApart) {
  const auto ecds = [this](const ConfigDumpQuery& query) {
    std::vector<google::protobuf::Struct> found;
    for (google::protobuf::Struct& config : Configs(query)) {
      if (Type(config).find("Ecds") != std::string::npos) found.push_back(std::move(config));
    }
    return found;
  };
  EXPECT_TRUE(ecds({}).empty());
  pushed_.filters_come = true;
  EXPECT_EQ(ecds({}).size(), 1u);
  envoy::config::core::v3::TypedExtensionConfig extension;
  extension.set_name("edit");
  auto body = std::make_shared<google::protobuf::Any>();
  body->PackFrom(extension);
  pushed_.filters = {{.name = "edit", .version = "3", .updated = times_.start, .body = body}};
  const auto sections = Configs();
  EXPECT_EQ(Type(sections.at(2)), "type.googleapis.com/envoy.admin.v3.EcdsConfigDump");
  EXPECT_EQ(Type(sections.at(3)), "type.googleapis.com/envoy.admin.v3.ListenersConfigDump");
  const auto one = ecds({.resource = "ecds_filters"});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(Type(one[0]), "type.googleapis.com/envoy.admin.v3.EcdsConfigDump.EcdsFilterConfig");
  EXPECT_EQ(one[0].fields().at("version_info").string_value(), "3");
  EXPECT_EQ(one[0].fields().at("ecds_filter").struct_value().fields().at("name").string_value(), "edit");
  EXPECT_TRUE(ecds({.resource = "ecds_filters", .name_regex = "other"}).empty());
}

// As Envoy has them: a list for each connection manager, and only where there is one.
TEST_F(ConfigDumpTest, Scopes) {
  const auto scope = [](const std::string& name) {
    auto body = std::make_shared<google::protobuf::Any>();
    body->set_type_url("type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration");
    body->set_value("\x0a\x03" + name);
    return body;
  };
  pushed_.scopes.push_back({.name = "s",
                            .version = "7",
                            .updated = times_.start,
                            .scopes = {scope("one"), scope("two")},
                            .refused = PushedResource::Refused{.details = "two: is bad", .version = "8", .time = times_.start, .body = nullptr}});
  const auto configs = Configs();
  ASSERT_EQ(configs.size(), 5u);
  EXPECT_EQ(Type(configs[2]), "type.googleapis.com/envoy.admin.v3.ListenersConfigDump");
  EXPECT_EQ(Type(configs[3]), "type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump");
  EXPECT_EQ(Type(configs[4]), "type.googleapis.com/envoy.admin.v3.RoutesConfigDump");
  const auto& list = configs[3].fields().at("dynamic_scoped_route_configs").list_value();
  ASSERT_EQ(list.values_size(), 1);
  const auto& one = list.values(0).struct_value().fields();
  EXPECT_EQ(one.at("name").string_value(), "s");
  EXPECT_EQ(one.at("version_info").string_value(), "7");
  EXPECT_TRUE(one.contains("last_updated"));
  EXPECT_EQ(one.at("error_state").struct_value().fields().at("details").string_value(), "two: is bad");
  const auto names = [](const google::protobuf::Struct& config) {
    std::string text;
    for (const auto& each : config.fields().at("scoped_route_configs").list_value().values()) {
      text += each.struct_value().fields().at("name").string_value() + " ";
    }
    return text;
  };
  EXPECT_EQ(names(list.values(0).struct_value()), "one two ");
  const auto field = Configs({.resource = "dynamic_scoped_route_configs", .name_regex = "t.*"});
  ASSERT_EQ(field.size(), 1u);
  EXPECT_EQ(Type(field[0]), "type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump.DynamicScopedRouteConfigs");
  EXPECT_EQ(names(field[0]), "two ");
  EXPECT_EQ(Configs({.resource = "inline_scoped_route_configs"}).size(), 0u);
  EXPECT_EQ(Configs({.mask = "dynamic_scoped_route_configs"}).size(), 1u);
}

TEST_F(ConfigDumpTest, Mask) {
  const absl::StatusOr<std::string> node = Dump({.mask = "bootstrap.node.id,no_such"});
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(*node,
            "{\n \"configs\": [\n  {\n   \"@type\": \"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump\",\n"
            "   \"bootstrap\": {\n    \"node\": {\n     \"id\": \"n1\"\n    }\n   }\n  }\n ]\n}\n");
  EXPECT_EQ(Configs({.mask = "static_clusters"}).size(), 1u);

  const std::string clusters = *Dump({.resource = "static_clusters", .mask = "cluster.name"});
  EXPECT_NE(clusters.find("\"name\": \"be\""), std::string::npos);
  EXPECT_EQ(clusters.find("load_assignment"), std::string::npos);
  EXPECT_EQ(clusters.find("last_updated"), std::string::npos);

  for (const ConfigDumpQuery& query : {ConfigDumpQuery{.mask = "nothing"}, ConfigDumpQuery{.mask = "bootstrap.nothing"},
                                       ConfigDumpQuery{.resource = "static_clusters", .mask = "cluster.nothing"}}) {
    const absl::StatusOr<std::string> dump = Dump(query);
    EXPECT_EQ(dump.status().message(),
              "FieldMask " + query.mask + " could not be successfully applied to any configs.");
  }
}

}  // namespace
}  // namespace pillion::admin
