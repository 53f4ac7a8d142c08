// The layers of the runtime: what is read of them, and what is wrong with them.

#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

Loaded LoadLayers(const std::string& layers) {
  return LoadText("node: {id: n, cluster: mine}\nlayered_runtime:\n  layers:\n" + layers);
}

using Errors = std::vector<std::string>;

Errors ErrorsOf(const std::string& layers) { return TextsAt("layered_runtime.layers[", LoadLayers(layers).errors); }

TEST(RuntimeTest, Layers) {
  const Loaded loaded = LoadLayers(R"(
  - name: fixed
    static_layer: {a: {b: 1, c: true}, d.e: text, f: {numerator: 1, denominator: MILLION}, g: 1.5, h: {}}
  - {name: all, disk_layer: {symlink_root: /run/rt, subdirectory: sub}}
  - {name: mine, disk_layer: {symlink_root: /run/rt, subdirectory: sub, append_service_cluster: true}}
  - {name: admin, admin_layer: {}}
)");
  ASSERT_NE(loaded.bootstrap, nullptr) << ErrorText("", loaded.errors.at(0));
  const std::vector<runtime::LayerSettings>& layers = loaded.bootstrap->runtime_layers;
  ASSERT_EQ(layers.size(), 4u);
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : std::get<runtime::StaticLayer>(layers[0].source).values) texts[name] = value.text;
  EXPECT_EQ(texts, (std::map<std::string, std::string>{{"a.b", "1"},
                                                       {"a.c", "true"},
                                                       {"d.e", "text"},
                                                       {"f", "{numerator: 1, denominator: MILLION}"},
                                                       {"g", "1.5"}}));
  EXPECT_EQ(std::get<runtime::StaticLayer>(layers[0].source).values.find("f")->second.denominator, 1'000'000u);
  EXPECT_EQ(std::get<runtime::DiskLayer>(layers[1].source).path, "/run/rt/sub");
  EXPECT_EQ(std::get<runtime::DiskLayer>(layers[1].source).watched, "/run/rt");
  EXPECT_EQ(std::get<runtime::DiskLayer>(layers[2].source).path, "/run/rt/sub/mine");
  EXPECT_TRUE(std::holds_alternative<runtime::AdminLayer>(layers[3].source));
  EXPECT_EQ(layers[3].name, "admin");
}

TEST(RuntimeTest, WrongLayers) {
  EXPECT_EQ(ErrorsOf("  - {name: a, admin_layer: {}}\n  - {name: a, admin_layer: {}}"),
            (Errors{"1].name: duplicate name \"a\"", "1].admin_layer: there is one already"}));
  EXPECT_EQ(ErrorsOf("  - {admin_layer: {}}"), Errors{"0].name: missing, but required"});
  EXPECT_EQ(ErrorsOf("  - {name: a}"),
            Errors{"0]: one of static_layer, disk_layer, admin_layer, rtds_layer is required"});
  EXPECT_EQ(ErrorsOf("  - {name: a, static_layer: {k: [1]}}"),
            Errors{"0].static_layer.k: expected true, false, a number, a text, a fraction or an object of those"});
  EXPECT_EQ(ErrorsOf("  - {name: a, static_layer: {k: {numerator: 1, denominator: DOZEN}}}"),
            Errors{"0].static_layer.k: expected {numerator: a whole number, denominator: HUNDRED, TEN_THOUSAND or MILLION}"});
  EXPECT_EQ(ErrorsOf("  - {name: a, rtds_layer: {name: r}}"), Errors{"0].rtds_layer.rtds_config: missing, but required"});
  EXPECT_EQ(ErrorsOf("  - {name: a, rtds_layer: {name: r, rtds_config: {ads: {}}}}"),
            Errors{"0].rtds_layer.rtds_config.ads: there is no dynamic_resources.ads_config"});
}

TEST(RuntimeTest, PushedLayers) {
  const Loaded loaded = LoadText(R"(
node: {id: me, cluster: mine}
dynamic_resources: {ads_config: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}}
static_resources:
  clusters:
  - name: xds
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: xds}
layered_runtime:
  layers:
  - {name: fixed, static_layer: {a: 1}}
  - {name: pushed, rtds_layer: {name: values, rtds_config: {ads: {}, initial_fetch_timeout: 3s}}}
)");
  ASSERT_NE(loaded.bootstrap, nullptr) << ErrorText("", loaded.errors.at(0));
  EXPECT_TRUE(std::holds_alternative<runtime::PushedLayer>(loaded.bootstrap->runtime_layers.at(1).source));
  ASSERT_EQ(loaded.bootstrap->runtime_sources.size(), 1u);
  const RuntimeSource& source = loaded.bootstrap->runtime_sources[0];
  EXPECT_EQ(source.layer, 1u);
  EXPECT_EQ(source.name, "values");
  EXPECT_EQ(source.feed.initial_fetch_timeout, std::chrono::seconds(3));
  EXPECT_EQ(std::get<ApiSource>(source.feed.source), loaded.bootstrap->dynamic->ads);
}

}  // namespace
}  // namespace pillion::config
