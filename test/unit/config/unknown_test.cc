#include "source/config/route.h"
#include "source/config/unknown.h"

#include <gtest/gtest.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/filters/http/fault/v3/http_fault.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "google/protobuf/unknown_field_set.h"
#include "source/config/dump.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

const std::string kDecides = "expected none: it has a part in what is let through, and so can't be passed over";

LoadOptions PassingOver(PassedOver& passed_over) {
  LoadOptions options;
  options.unknown.fields = UnknownFields::kPassOver;
  options.unknown.passed_over = &passed_over;
  return options;
}

TEST(UnknownTest, IsRefusedInFiles) {
  EXPECT_EQ(Texts(LoadText("nodes: 1").errors),
            std::vector<std::string>{"1: unknown field \"nodes\", did you mean \"node\"?"});
}

TEST(UnknownTest, IsCountedAndNamedOnceWhereItMayBePassedOver) {
  PassedOver passed_over;
  const LoadOptions options = PassingOver(passed_over);
  const Loaded first = LoadText("nodes: 1\nstatic_resources: {cluster: [1]}", options);
  ASSERT_NE(first.bootstrap, nullptr);
  EXPECT_EQ(
      Texts(first.notes),
      (std::vector<std::string>{"1: unknown field \"nodes\" of envoy.config.bootstrap.v3.Bootstrap is passed over",
                                "2: static_resources: unknown field \"cluster\" of "
                                "envoy.config.bootstrap.v3.Bootstrap.StaticResources is "
                                "passed over"}));
  EXPECT_EQ(first.bootstrap->unknown_fields, 2u);
  const Loaded second = LoadText("nodes: 2", options);
  EXPECT_TRUE(second.notes.empty());
  EXPECT_EQ(passed_over.count(), 3u);
}

TEST(UnknownTest, WhatIsNamedIsBounded) {
  PassedOver passed_over;
  for (size_t i = 0; i < PassedOver::kMostNamed; ++i) EXPECT_TRUE(passed_over.Add("a.Message", std::to_string(i)));
  EXPECT_FALSE(passed_over.Add("a.Message", "one more"));
  EXPECT_FALSE(passed_over.Add("a.Message", "0"));
  EXPECT_EQ(passed_over.count(), PassedOver::kMostNamed + 2);
}

TEST(UnknownTest, MayBeIgnored) {
  LoadOptions options;
  options.unknown.fields = UnknownFields::kIgnore;
  const Loaded loaded = LoadText("nodes: 1", options);
  EXPECT_NE(loaded.bootstrap, nullptr);
  EXPECT_TRUE(loaded.notes.empty());
}

TEST(UnknownTest, WhatBelongsToSecurityIsNeverPassedOver) {
  PassedOver passed_over;
  const LoadOptions options = PassingOver(passed_over);
  EXPECT_EQ(Texts(LoadText("static_resources: {clusters: [{name: a, transport_socket_matcher: {}}]}", options).errors),
            std::vector<std::string>{"1: static_resources.clusters[0].transport_socket_matcher: not implemented, " +
                                     kDecides});
  EXPECT_EQ(Texts(LoadText("staticResources: {clusters: [{name: a, transportSocketMatcher: {}}]}").errors).size(), 1u);
  // In a message that matches, each field decides whom a rule is for.
  EXPECT_EQ(Texts(LoadText("stats_config: {stats_matcher: {exclusion_list: {patterns: [{exact: a, custom: {}}]}}}",
                           options)
                      .errors)
                .at(0),
            "1: stats_config.stats_matcher.exclusion_list.patterns[0]: unknown field \"custom\", " + kDecides);
  EXPECT_EQ(passed_over.count(), 0u);
}

TEST(UnknownTest, AnUnknownTypeIsAlwaysRefused) {
  PassedOver passed_over;
  EXPECT_EQ(
      Texts(LoadText("default_regex_engine: {name: r, typed_config: {'@type': x/y}}", PassingOver(passed_over))
                .errors)
          .at(0),
      "1: default_regex_engine.typed_config: unknown type \"x/y\"");
}

TEST(UnknownTest, WhatComesLaterIsNamed) {
  const Loaded loaded = LoadText("hds_config: {api_type: GRPC}\nnode: {id: a, listening_addresses: []}");
  ASSERT_NE(loaded.bootstrap, nullptr);
  EXPECT_EQ(Texts(loaded.notes),
            (std::vector<std::string>{"1: hds_config: is declined: no hosts are checked for a control plane",
                                      "2: node.listening_addresses: has no effect yet"}));
}

TEST(UnknownTest, DisabledExtensionsAreRefused) {
  LoadOptions options;
  options.unknown.disabled_extensions.insert("envoy.regex_engines");
  EXPECT_EQ(Texts(LoadText("default_regex_engine: {name: r, typed_config: {'@type': "
                           "type.googleapis.com/envoy.extensions.regex_engines.v3.GoogleRE2}}",
                           options)
                      .errors)
                .at(0),
            "1: default_regex_engine.typed_config: envoy.regex_engines is disabled by --disable-extensions");
  EXPECT_EQ(ExtensionName("envoy.extensions.filters.http.fault.v3.HTTPFault"), "envoy.filters.http.fault");
  EXPECT_EQ(ExtensionName("envoy.config.route.v3.FilterConfig"), "");
  EXPECT_TRUE(IsExtensionName("envoy.filters.http.fault"));
  EXPECT_FALSE(IsExtensionName("envoy.filters.http.nothing"));
}

// The parts of a bootstrap that Consul, Istio and Kuma write beside what a control plane is for.
TEST(UnknownTest, BootstrapsOfControlPlanesAreTaken) {
  const Loaded loaded = LoadText(R"yaml(
node:
  id: sidecar~10.0.0.1~app.ns~ns.svc.cluster.local
  cluster: app.ns
  locality: {region: r, zone: z}
  metadata: {ISTIO_VERSION: 1.31.0, nested: {a: [1, x, null]}}
stats_config:
  use_all_default_tags: false
  stats_tags:
  - {tag_name: cluster_name, regex: '^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)'}
  - {tag_name: local_cluster, fixed_value: web}
  stats_matcher: {inclusion_list: {patterns: [{prefix: reporter=}, {safe_regex: {google_re2: {}, regex: 'vhost\.*\.route\.*'}}]}}
  histogram_bucket_settings: {match: {prefix: istiocustom}, buckets: [1, 5, 10]}
admin:
  access_log_path: /dev/null
  access_log: [{name: a, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null}}]
  profile_path: /var/lib/istio/data/envoy.prof
  address: {socketAddress: {address: 127.0.0.1, portValue: 15000}}
application_log_config: {log_format: {text_format: '%Y-%m-%dT%T.%fZ %l envoy %n %g:%# %v thread=%t'}}
default_regex_engine: {name: envoy.regex_engines.google_re2, typed_config: {"@type": type.googleapis.com/envoy.extensions.regex_engines.v3.GoogleRE2}}
hds_config: {api_type: GRPC, set_node_on_first_message_only: true, transport_api_version: V3, grpc_services: {envoy_grpc: {cluster_name: ads}}}
deferred_stat_options: {enable_deferred_creation_stats: true}
static_resources: {clusters: {name: self_admin, type: STATIC, connectTimeout: 0.25s}}
)yaml");
  for (const ConfigError& error : loaded.errors) ADD_FAILURE() << ErrorText("", error);
  ASSERT_NE(loaded.bootstrap, nullptr);
  EXPECT_EQ(loaded.bootstrap->clusters.at(0)->name, "self_admin");
  EXPECT_EQ(Texts(loaded.notes),
            std::vector<std::string>{"21: hds_config: is declined: no hosts are checked for a control plane"});
}

// What came as bytes.
struct Judged {
  std::vector<std::string> errors;
  std::vector<std::string> notes;
};

Judged Judge(const google::protobuf::Message& message, UnknownFields fields, PassedOver& passed_over) {
  UnknownRule rule{
      .fields = fields, .passed_over = &passed_over, .disabled_extensions = {"envoy.filters.http.fault"}};
  ErrorList errors;
  std::vector<ConfigError> notes;
  JudgeUnknownFields(rule, message, "r", errors, notes);
  return {Texts(errors.Take()), Texts(notes)};
}

void AddUnknown(google::protobuf::Message& message, int number) {
  message.GetReflection()->MutableUnknownFields(&message)->AddVarint(number, 1);
}

TEST(UnknownTest, BytesAreJudgedTheSameWay) {
  envoy::config::route::v3::RouteConfiguration table;
  AddUnknown(*table.add_virtual_hosts(), 900);
  AddUnknown(*table.add_virtual_hosts(), 900);
  PassedOver passed_over;
  Judged judged = Judge(table, UnknownFields::kPassOver, passed_over);
  EXPECT_TRUE(judged.errors.empty());
  EXPECT_EQ(judged.notes, std::vector<std::string>{"r.virtual_hosts[0]: unknown field \"number 900\" of "
                                                   "envoy.config.route.v3.VirtualHost is passed over"});
  EXPECT_EQ(passed_over.count(), 2u);

  judged = Judge(table, UnknownFields::kRefuse, passed_over);
  EXPECT_EQ(judged.errors.at(0),
            "r.virtual_hosts[0]: unknown field number 900 of envoy.config.route.v3.VirtualHost");

  AddUnknown(*table.mutable_virtual_hosts(1), 21);
  judged = Judge(table, UnknownFields::kPassOver, passed_over);
  EXPECT_EQ(judged.errors, std::vector<std::string>{
                               "r.virtual_hosts[1].matcher: not implemented, " + kDecides});
}

TEST(UnknownTest, BytesWithinAnAnyToo) {
  using Manager = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
  envoy::config::bootstrap::v3::Bootstrap bootstrap;
  auto* chain = bootstrap.mutable_static_resources()->add_listeners()->add_filter_chains();
  Manager manager;
  AddUnknown(manager, 60);
  chain->add_filters()->mutable_typed_config()->PackFrom(manager);
  chain->add_filters()->mutable_typed_config()->PackFrom(envoy::extensions::filters::http::fault::v3::HTTPFault());
  chain->add_filters()->mutable_typed_config()->set_type_url("type.googleapis.com/no.Such");
  PassedOver passed_over;
  const std::string path = "r.static_resources.listeners[0].filter_chains[0].filters";
  EXPECT_EQ(
      Judge(bootstrap, UnknownFields::kPassOver, passed_over).errors,
      (std::vector<std::string>{
          path +
              "[0].typed_config.forward_client_cert_matcher: not implemented, " + kDecides,
          path + "[1].typed_config: envoy.filters.http.fault is disabled by --disable-extensions",
          path + "[2].typed_config: unknown type \"type.googleapis.com/no.Such\""}));
}

constexpr char kPassedOver[] = "; it is optional, and so it is passed over";

// A filter, and what a route says of one.
TEST(UnknownTest, WhatIsOptionalMayBeOfATypeThatIsUnknown) {
  const auto load = [](const std::string& filter, const std::string& of_route = "{}") {
    const std::string host = "{name: all, domains: [\"*\"], typed_per_filter_config: " + of_route + "}";
    return LoadText(ManagerText("          route_config: {virtual_hosts: [" + host + "]}\n", filter + ", "), WithHttpFilters());
  };
  const std::string manager = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.";
  const std::string place = manager + "http_filters[0].typed_config: ";
  const std::string raw = "{\"@type\": type.googleapis.com/no.Such, any: [thing]}";
  const std::string typed = "{\"@type\": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/no.Such}";
  const std::string unknown = "unknown type \"type.googleapis.com/no.Such\"";
  for (const std::string& config : {raw, typed}) {
    for (const char* is_optional : {"is_optional: true", "isOptional: true"}) {
      const Loaded loaded = load("{name: f, typed_config: " + config + ", " + is_optional + "}");
      ASSERT_NE(loaded.bootstrap, nullptr) << Texts(loaded.errors).at(0);
      EXPECT_EQ(Texts(loaded.notes), std::vector<std::string>{"12: " + place + unknown + kPassedOver});
      const auto& chain = loaded.bootstrap->listeners.at(0)->filter_chains.at(0);
      EXPECT_TRUE(std::get<HttpConnectionManager>(chain.terminal).http_filters.empty());
      // What is shown of it loads again.
      const auto json = DumpJson(*loaded.bootstrap->source);
      ASSERT_TRUE(json.ok()) << json.status();
      EXPECT_NE(json->find("no.Such"), std::string::npos);
      EXPECT_NE(LoadText(*json, WithHttpFilters()).bootstrap, nullptr);
    }
    EXPECT_EQ(Texts(load("{name: f, typed_config: " + config + ", is_optional: false}").errors),
              std::vector<std::string>{"12: " + place + unknown});
  }
  // Of a known type all is judged, also what it holds.
  EXPECT_EQ(load("{name: f, is_optional: true, typed_config: {\"@type\": "
                 "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer}}")
                .errors.size(),
            1u);
  const std::string tcp = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
  const Loaded not_http =
      load("{name: f, is_optional: true, typed_config: {\"@type\": type.googleapis.com/" + tcp + ", stat_prefix: a, cluster: a}}");
  ASSERT_EQ(not_http.notes.size(), 1u);
  EXPECT_EQ(not_http.notes[0].message, "a " + tcp + ", expected an HTTP filter" + kPassedOver);

  const std::string cors = "{name: cors, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}}";
  const auto of_route = [&](const std::string& fields) {
    return load(cors, "{f: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, " + fields + "}}");
  };
  const Loaded loaded = of_route("is_optional: true, config: " + raw);
  ASSERT_NE(loaded.bootstrap, nullptr) << Texts(loaded.errors).at(0);
  EXPECT_EQ(Texts(loaded.notes),
            std::vector<std::string>{
                "14: " + manager + "route_config.virtual_hosts[0].typed_per_filter_config[\"f\"].config: " + unknown +
                kPassedOver});
  EXPECT_EQ(of_route("config: " + raw).bootstrap, nullptr);
  EXPECT_EQ(load(cors, "{f: " + raw + "}").bootstrap, nullptr);
}

// What has come to stand elsewhere.
TEST(UnknownTest, CorsOfAVirtualHost) {
  envoy::config::route::v3::VirtualHost host;
  AddUnknown(host, 8);
  PassedOver passed_over;
  EXPECT_EQ(Judge(host, UnknownFields::kPassOver, passed_over).errors,
            std::vector<std::string>{"r.cors: not implemented: expected a CorsPolicy for the filter in typed_per_filter_config"});
}

TEST(UnknownTest, BytesThatAreOptional) {
  using Manager = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
  Manager manager;
  for (int i = 0; i < 2; ++i) {
    auto* filter = manager.add_http_filters();
    filter->mutable_typed_config()->set_type_url("type.googleapis.com/no.Such");
    filter->set_is_optional(i == 0);
  }
  auto* fault = manager.add_http_filters();
  fault->set_is_optional(true);
  fault->mutable_typed_config()->PackFrom(envoy::extensions::filters::http::fault::v3::HTTPFault());
  PassedOver passed_over;
  const Judged judged = Judge(manager, UnknownFields::kRefuse, passed_over);
  const std::string unknown = ".typed_config: unknown type \"type.googleapis.com/no.Such\"";
  EXPECT_EQ(judged.errors,
            (std::vector<std::string>{"r.http_filters[1]" + unknown,
                                      "r.http_filters[2].typed_config: envoy.filters.http.fault is disabled by --disable-extensions"}));
  EXPECT_EQ(judged.notes, std::vector<std::string>{"r.http_filters[0]" + unknown + kPassedOver});
}

}  // namespace
}  // namespace pillion::config
