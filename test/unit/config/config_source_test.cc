// Who gives parts of the configuration while the process runs.

#include "source/config/config_source.h"

#include <gmock/gmock.h>

#include <fstream>

#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using ::testing::HasSubstr;
using Protocol = ApiSource::Protocol;

constexpr char kGrpc[] = "grpc_services: [{envoy_grpc: {cluster_name: cp}}]";

Loaded Load(const std::string& top, const std::string& clusters = "", LoadOptions options = DynamicOptions()) {
  return LoadText(top + "\nstatic_resources: {clusters: [" + ControlPlaneCluster("cp") + ", {name: plain}" + clusters + "]}",
                  options);
}

std::string Api(const std::string& type, const std::string& more = kGrpc) {
  return "{api_type: " + type + ", transport_api_version: V3, " + more + "}";
}

std::string Ads(const std::string& ads, const std::string& more = "") {
  return "dynamic_resources: {ads_config: " + ads + more + "}";
}

std::shared_ptr<const Bootstrap> Good(const std::string& top, const std::string& clusters = "") {
  const Loaded loaded = Load(top, clusters);
  EXPECT_EQ(Text(loaded.errors), "");
  return loaded.bootstrap == nullptr ? std::make_shared<const Bootstrap>() : loaded.bootstrap;
}

TEST(ConfigSourceTest, AdsIsWhatAdsConfigSays) {
  const auto bootstrap = Good(
      Ads("{api_type: DELTA_GRPC, transport_api_version: V3, set_node_on_first_message_only: true, rate_limit_settings: "
          "{max_tokens: 5, fill_rate: 0.5}, grpc_services: [{envoy_grpc: {cluster_name: cp, authority: a, "
          "max_receive_message_length: 77}, initial_metadata: [{key: X-Token, value: t}]}]}",
          ", lds_config: {ads: {}, initial_fetch_timeout: 0s}, cds_config: {ads: {}, resource_api_version: V3}"));
  ASSERT_TRUE(bootstrap->dynamic && bootstrap->dynamic->ads);
  const DynamicResources& dynamic = *bootstrap->dynamic;
  const ApiSource& ads = *dynamic.ads;
  EXPECT_EQ(ads.protocol, Protocol::kDelta);
  EXPECT_TRUE(ads.aggregated);
  EXPECT_EQ(ads.cluster, "cp");
  EXPECT_EQ(ads.authority, "a");
  EXPECT_EQ(ads.max_message, 77u);
  EXPECT_EQ(ads.metadata, (std::vector<std::pair<std::string, std::string>>{{"x-token", "t"}}));
  EXPECT_TRUE(ads.node_once);
  EXPECT_EQ(ads.rate_limit, (RateLimit{.max_tokens = 5, .fill_rate = 0.5}));
  ASSERT_TRUE(dynamic.listeners && dynamic.clusters);
  EXPECT_EQ(*dynamic.listeners, (Feed{ads, base::Duration(0)}));
  EXPECT_EQ(*dynamic.clusters, (Feed{ads, std::chrono::seconds(15)}));
}

TEST(ConfigSourceTest, HowLongAnAnswerMayBe) {
  const auto most = [](const std::string& field) {
    return Good(Ads("{api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: cp" + field + "}}]}"))
        ->dynamic->ads->max_message;
  };
  EXPECT_EQ(most(""), 256u * 1024 * 1024);
  EXPECT_EQ(most(", max_receive_message_length: 1"), 1u);
  EXPECT_EQ(most(", max_receive_message_length: 0"), ApiSource::kLongestMessage);
  EXPECT_EQ(most(", max_receive_message_length: 4294967295"), ApiSource::kLongestMessage);
}

// Envoy does not start without.
TEST(ConfigSourceTest, ANodeThatIsMissingIsNamed) {
  const auto notes = [](const std::string& node, const std::string& source) {
    std::string places;
    for (const ConfigError& note : Load(node + "dynamic_resources: {lds_config: {" + source + "}}").notes) places += note.path + " ";
    return places;
  };
  const std::string api = "api_config_source: " + Api("GRPC");
  EXPECT_EQ(notes("", api), "node.id node.cluster ");
  EXPECT_EQ(notes("node: {id: a}\n", api), "node.cluster ");
  EXPECT_EQ(notes("node: {id: a, cluster: b}\n", api), "");
  EXPECT_EQ(notes("", "path: /dev/null"), "");
}

TEST(ConfigSourceTest, EachKind) {
  const auto lds = [](const std::string& source) {
    return std::get<ApiSource>(Good("dynamic_resources: {lds_config: {api_config_source: " + source + "}}")->dynamic->listeners->source);
  };
  EXPECT_EQ(lds(Api("GRPC")).protocol, Protocol::kStateOfTheWorld);
  EXPECT_FALSE(lds(Api("GRPC")).aggregated);
  EXPECT_EQ(lds(Api("GRPC")), lds(Api("GRPC")));
  EXPECT_NE(lds(Api("GRPC")), lds(Api("DELTA_GRPC")));
  EXPECT_TRUE(lds(Api("AGGREGATED_GRPC")).aggregated);
  EXPECT_EQ(lds(Api("AGGREGATED_DELTA_GRPC")).protocol, Protocol::kDelta);
}

TEST(ConfigSourceTest, LoadReports) {
  const auto to = [](const std::string& api) { return "cluster_manager: {load_stats_config: " + api + "}"; };
  for (const char* type : {"GRPC", "DELTA_GRPC"}) {
    const auto bootstrap = Good(to(Api(type)));
    ASSERT_TRUE(bootstrap->load_reports.has_value());
    EXPECT_EQ(bootstrap->load_reports->cluster, "cp");
  }
  EXPECT_FALSE(Good("")->load_reports.has_value());
  EXPECT_THAT(Text(Load(to(Api("REST", "cluster_names: [plain], refresh_delay: 1s"))).errors),
              HasSubstr("cluster_manager.load_stats_config.api_type: REST, expected GRPC"));
  EXPECT_THAT(Text(Load(to(Api("GRPC", std::string(kGrpc) + ", rate_limit_settings: {}"))).errors),
              HasSubstr("load_stats_config.rate_limit_settings: the control plane says how often, expected none"));
  EXPECT_THAT(Text(Load(to(Api("GRPC", "grpc_services: [{envoy_grpc: {cluster_name: plain}}]"))).errors),
              HasSubstr("\"plain\", which does not speak HTTP/2"));
}

TEST(ConfigSourceTest, WhatCannotBe) {
  const auto bad = [](const std::string& top, const std::string& clusters = "") { return Text(Load(top, clusters).errors); };
  const auto lds = [&](const std::string& api) { return bad("dynamic_resources: {lds_config: {api_config_source: " + api + "}}"); };
  EXPECT_THAT(bad("dynamic_resources: {lds_config: {ads: {}}}"),
              HasSubstr("dynamic_resources.lds_config.ads: there is no dynamic_resources.ads_config"));
  EXPECT_THAT(bad("dynamic_resources: {lds_config: {self: {}}}"), HasSubstr("lds_config.self: this came from no control plane"));
  EXPECT_THAT(bad("dynamic_resources: {lds_config: {}}"), HasSubstr("is required"));
  EXPECT_THAT(bad(Ads(Api("REST", "cluster_names: [plain], refresh_delay: 1s"))),
              HasSubstr("ads_config.api_type: REST, expected DELTA_GRPC or GRPC"));
  EXPECT_THAT(lds("{transport_api_version: V3, " + std::string(kGrpc) + "}"),
              HasSubstr("api_config_source.api_type: missing, expected DELTA_GRPC, GRPC or REST"));
  EXPECT_THAT(lds("{api_type: GRPC, " + std::string(kGrpc) + "}"), HasSubstr("transport_api_version: AUTO, expected V3"));
  EXPECT_THAT(lds("{api_type: GRPC, transport_api_version: V3}"), HasSubstr("grpc_services: 0 services, expected one"));
  EXPECT_THAT(lds(Api("GRPC", std::string(kGrpc) + ", cluster_names: [a]")), HasSubstr("cluster_names: is of REST"));
  EXPECT_THAT(lds(Api("GRPC", std::string(kGrpc) + ", rate_limit_settings: {fill_rate: 0}")), HasSubstr("fill_rate: 0, expected more than 0"));
  EXPECT_EQ(lds(Api("REST", "cluster_names: [plain], refresh_delay: 3s")), "");
  EXPECT_THAT(lds(Api("REST", "cluster_names: [plain], refresh_delay: 0s")), HasSubstr("refresh_delay: expected at least 0.001s"));
  EXPECT_THAT(lds(Api("REST")), HasSubstr("grpc_services: is of gRPC"));
  EXPECT_THAT(lds(Api("REST", "cluster_names: [plain]")), HasSubstr("refresh_delay: missing"));
  EXPECT_THAT(lds(Api("REST", "refresh_delay: 1s, cluster_names: [a, b]")), HasSubstr("cluster_names: 2 names, expected one"));
  EXPECT_THAT(lds(Api("GRPC", "grpc_services: [{envoy_grpc: {cluster_name: plain}}]")), HasSubstr("\"plain\", which does not speak HTTP/2"));
  EXPECT_THAT(lds(Api("GRPC", "grpc_services: [{envoy_grpc: {cluster_name: cpp}}]")), HasSubstr("unknown cluster 'cpp', did you mean"));
  EXPECT_THAT(bad("dynamic_resources: {cds_config: {path_config_source: {path: /not/there}}}"),
              HasSubstr("cds_config.path_config_source.path: \"/not/there\", expected a file that is there"));
  // Whose hosts it would have to give itself.
  EXPECT_THAT(bad(Ads(Api("GRPC", "grpc_services: [{envoy_grpc: {cluster_name: own}}]")),
                  ", " + ControlPlaneCluster("own", ", type: EDS, eds_cluster_config: {eds_config: {ads: {}}}")),
              HasSubstr("\"own\", whose hosts a control plane gives"));
}

TEST(ConfigSourceTest, WhatIsAskedForInOtherWaysIsRefusedByName) {
  const auto bad = [](const std::string& top) { return Text(Load(top).errors); };
  EXPECT_THAT(bad("dynamic_resources: {lds_resources_locator: 'xdstp://a/b'}"),
              HasSubstr("dynamic_resources.lds_resources_locator: not implemented: listeners can't be named by xdstp, expected lds_config"));
  EXPECT_THAT(bad("dynamic_resources: {cds_resources_locator: 'xdstp://a/b'}"), HasSubstr("expected cds_config"));
  EXPECT_THAT(bad("dynamic_resources: {lds_config: {authorities: []}}"), HasSubstr("lds_config.authorities: not implemented"));
  EXPECT_THAT(bad(Ads(Api("GRPC", "grpc_services: [{google_grpc: {target_uri: a}}]"))),
              HasSubstr("google_grpc: not implemented: there is no other client, expected envoy_grpc"));
  // Passed over nowhere.
  PassedOver passed_over;
  LoadOptions options = DynamicOptions();
  options.unknown = {.fields = UnknownFields::kPassOver, .passed_over = &passed_over, .disabled_extensions = {}};
  EXPECT_THAT(Text(Load("dynamic_resources: {cdsResourcesLocator: a}", "", options).errors), HasSubstr("expected cds_config"));
}

std::string Manager(const std::string& routes) {
  return "{name: h, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
         "HttpConnectionManager, stat_prefix: s, http_filters: [{name: router, typed_config: {'@type': "
         "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], " + routes + "}}";
}

std::string ListenerOf(const std::string& filter) {
  return "], listeners: [{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: [{filters: [" +
         filter + "]}]}";
}

TEST(ConfigSourceTest, RoutesAndHostsMayComeApart) {
  const std::string ads = Ads(Api("DELTA_GRPC"), ", cds_config: {ads: {}}");
  const auto bootstrap = Good(ads, ", {name: e, type: EDS, eds_cluster_config: {service_name: s, eds_config: {ads: {}, "
                                   "initial_fetch_timeout: 2s}}}" +
                                       ListenerOf(Manager("rds: {route_config_name: r, config_source: {ads: {}, "
                                                          "resource_api_version: V3}}")));
  ASSERT_EQ(bootstrap->listeners.size(), 1u);
  const auto& http = std::get<HttpConnectionManager>(bootstrap->listeners[0]->filter_chains.at(0).terminal);
  EXPECT_EQ(http.route_config, nullptr);
  EXPECT_EQ(http.route_source, (RouteSource{"r", Feed{*bootstrap->dynamic->ads}}));
  EXPECT_EQ(bootstrap->clusters.at(2)->eds, (Feed{*bootstrap->dynamic->ads, std::chrono::seconds(2)}));
  EXPECT_EQ(bootstrap->clusters.at(2)->service_name, "s");

  const auto bad = [&](const std::string& routes) { return Text(Load(ads, ListenerOf(Manager(routes))).errors); };
  EXPECT_THAT(bad("rds: {config_source: {ads: {}}}"), HasSubstr("rds.route_config_name: missing, but required"));
  EXPECT_THAT(bad("rds: {route_config_name: r}"), HasSubstr("rds.config_source: missing, but required"));
  EXPECT_THAT(bad("route_config: {vhds: {}}"), HasSubstr("route_config.vhds: not implemented: virtual hosts can't come one by one"));
}

TEST(ConfigSourceTest, ClustersMayComeWhereTheyAreAskedFor) {
  const std::string proxy = "{name: t, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3."
                            "TcpProxy, stat_prefix: s, cluster: later}}";
  Good(Ads(Api("GRPC"), ", cds_config: {ads: {}}"), ListenerOf(proxy));
  EXPECT_THAT(Text(Load(Ads(Api("GRPC")), ListenerOf(proxy)).errors), HasSubstr("unknown cluster 'later'"));
  // As Envoy has it, a table that stands in a file names what is in the file, unless it says otherwise.
  const std::string routes = "virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: later}}]}]";
  const std::string cds = Ads(Api("GRPC"), ", cds_config: {ads: {}}");
  Good(cds, ListenerOf(Manager("route_config: {validate_clusters: false, " + routes + "}")));
  EXPECT_THAT(Text(Load(cds, ListenerOf(Manager("route_config: {" + routes + "}"))).errors), HasSubstr("unknown cluster 'later'"));
}

TEST(ConfigSourceTest, SecretsByTheStreamOfAll) {
  const std::string tls = ", {name: t, transport_socket: {name: tls, typed_config: {'@type': type.googleapis.com/envoy.extensions."
                          "transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: {validation_context_sds_secret_config: "
                          "{name: trust, sds_config: {ads: {}}}}}}}";
  const auto bootstrap = Good(Ads(Api("DELTA_GRPC")), tls);
  const auto secrets = bootstrap->remote_secrets->all();
  ASSERT_EQ(secrets.size(), 1u);
  EXPECT_EQ(secrets[0]->source(), ConfigSource(*bootstrap->dynamic->ads));
  EXPECT_EQ(secrets[0]->origin(), "sds:cp");
}

}  // namespace
}  // namespace pillion::config
