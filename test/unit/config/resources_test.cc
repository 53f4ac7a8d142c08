// Resources that come while the process runs: each by itself.

#include "source/config/resources.h"

#include <gmock/gmock.h>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/config/check_routes.h"
#include "source/config/extensions.h"
#include "test/unit/config/pushed.h"
#include "xds/type/v3/typed_struct.pb.h"

namespace pillion::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ClusterMessage = envoy::config::cluster::v3::Cluster;
using ListenerMessage = envoy::config::listener::v3::Listener;
using RoutesMessage = envoy::config::route::v3::RouteConfiguration;
using AssignmentMessage = envoy::config::endpoint::v3::ClusterLoadAssignment;
using ManagerMessage = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;
using google::protobuf::Any;

constexpr char kTypes[] = "type.googleapis.com/envoy.extensions.";

std::string Router() { return std::string("{name: router, typed_config: {'@type': ") + kTypes + "filters.http.router.v3.Router}}"; }

std::string ManagerText(const std::string& routes, const std::string& filters = "") {
  return std::string("{name: h, typed_config: {'@type': ") + kTypes +
         "filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: s, http_filters: [" + filters + Router() +
         "], " + routes + "}}";
}

std::string ListenerText(const std::string& filters, const std::string& chain = "") {
  return "{name: l, address: {socket_address: {address: 127.0.0.1, port_value: 80}}, filter_chains: [{filters: [" + filters + "]" +
         chain + "}]}";
}

const char kRds[] = "rds: {route_config_name: r, config_source: {self: {}}}";

TEST(ResourcesTest, Names) {
  EXPECT_EQ(NameOf(Resource<ClusterMessage>("{name: a}")), "a");
  EXPECT_EQ(NameOf(Resource<ListenerMessage>("{name: b}")), "b");
  EXPECT_EQ(NameOf(Resource<RoutesMessage>("{virtual_hosts: [{name: x, domains: ['*']}], name: c}")), "c");
  EXPECT_EQ(NameOf(Resource<AssignmentMessage>("{cluster_name: d}")), "d");
  EXPECT_EQ(NameOf(Resource<Secret>("{name: e}")), "e");
  EXPECT_EQ(NameOf(Resource<RoutesMessage>("{}")), "");
  EXPECT_EQ(NameOf(Resource<ManagerMessage>("{stat_prefix: s}")), "");
  EXPECT_EQ(NameOf(Any()), "");
  Any broken = Resource<ClusterMessage>("{name: a}");
  broken.set_value(broken.value() + "\x0a\x7f");
  EXPECT_EQ(NameOf(broken), "");
  broken.set_value("\x0a\x01\xff");
  EXPECT_EQ(NameOf(broken), "");
}

TEST(ResourcesTest, AGoodOneOfEachKind) {
  const Process process;
  const auto cluster = process.resources->BuildCluster(
      Resource<ClusterMessage>("{name: a, type: EDS, eds_cluster_config: {eds_config: {self: {}}}}"), process.ads());
  EXPECT_EQ(Text(cluster.errors), "");
  ASSERT_NE(cluster.part, nullptr);
  EXPECT_EQ(cluster.part->eds.source, process.ads());

  // Clusters that it names may come later.
  const auto listener = process.resources->BuildListener(
      Resource<ListenerMessage>(ListenerText(ManagerText("route_config: {virtual_hosts: [{name: v, domains: ['*'], routes: [{match: "
                                                 "{prefix: /}, route: {cluster: later}}]}]}"))),
      process.ads());
  EXPECT_EQ(Text(listener.errors), "");
  ASSERT_NE(listener.part, nullptr);
  EXPECT_EQ(listener.part->name, "l");

  const auto rds = process.resources->BuildListener(Resource<ListenerMessage>(ListenerText(ManagerText(kRds))), process.ads());
  ASSERT_NE(rds.part, nullptr) << Text(rds.errors);
  EXPECT_EQ(std::get<HttpConnectionManager>(rds.part->filter_chains.at(0).terminal).route_source,
            (RouteSource{"r", Feed{process.ads()}}));

  const auto routes = process.resources->BuildRoutes(Resource<RoutesMessage>(
      "{name: r, validate_clusters: true, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: later}}]}]}"));
  EXPECT_EQ(Text(routes.errors), "");
  ASSERT_NE(routes.part, nullptr);
  EXPECT_EQ(routes.part->virtual_hosts.at(0)->routes.size(), 1u);

  const auto assignment = process.resources->BuildAssignment(Resource<AssignmentMessage>(
      "{cluster_name: a, policy: {overprovisioning_factor: 200}, endpoints: [{priority: 3, locality: {zone: z}, lb_endpoints: [{endpoint: "
      "{address: {socket_address: {address: 10.0.0.1, port_value: 80}}}, load_balancing_weight: 7}]}]}"));
  EXPECT_EQ(Text(assignment.errors), "");
  ASSERT_NE(assignment.part, nullptr);
  EXPECT_EQ(assignment.part->endpoints.at(0).weight, 7u);
  EXPECT_EQ(assignment.part->endpoints.at(0).locality.zone, "z");
  EXPECT_EQ(assignment.part->policy.overprovisioning_percent, 200u);
}

TEST(ResourcesTest, ABadOneSaysAllThatIsWrong) {
  const Process process;
  const auto errors = [&](const std::string& yaml) {
    const auto judged = process.resources->BuildCluster(Resource<ClusterMessage>(yaml), process.ads());
    EXPECT_EQ(judged.part, nullptr);
    return Text(judged.errors);
  };
  EXPECT_EQ(errors("{}"), "name: missing, but required");
  EXPECT_THAT(errors("{name: a, connect_timeout: 0s, dns_refresh_rate: 0s}"),
              AllOf(HasSubstr("connect_timeout: 0s"), HasSubstr("dns_refresh_rate: 0s")));
  EXPECT_EQ(errors("{name: a, type: EDS, eds_cluster_config: {eds_config: {api_config_source: {api_type: GRPC, transport_api_version: V3, "
                   "grpc_services: [{envoy_grpc: {cluster_name: pushed}}]}}}}"),
            "eds_cluster_config.eds_config.api_config_source.grpc_services[0].envoy_grpc.cluster_name: unknown cluster 'pushed'");
  EXPECT_EQ(Text(process.resources->BuildRoutes(Resource<RoutesMessage>(
                     "{name: r, virtual_hosts: [{name: v, domains: [a, A]}, {name: v, domains: ['a*b'], routes: [{match: {safe_regex: {regex: '('}}, "
                     "direct_response: {status: 1}}]}]}")).errors),
            "virtual_hosts[1].domains[0]: \"a*b\", expected a name, \"*.suffix\", \"prefix.*\" or \"*\"; "
            "virtual_hosts[1].routes[0].direct_response.status: 1, expected at least 200 and at most 599; "
            "virtual_hosts[1].routes[0].match.safe_regex.regex: \"(\": missing ): (; "
            "virtual_hosts[0].domains[1]: duplicate domain \"a\"; virtual_hosts[1].name: duplicate name \"v\"");
  EXPECT_THAT(Text(process.resources->BuildRoutes(Resource<RoutesMessage>("{}")).errors), HasSubstr("name: empty"));
  EXPECT_THAT(Text(process.resources->BuildListener(Resource<ListenerMessage>("{address: {pipe: {path: /a}}}"), process.ads()).errors),
              HasSubstr("name: empty"));
  EXPECT_EQ(Text(process.resources->BuildAssignment(Resource<AssignmentMessage>(
                     "{cluster_name: a, endpoints: [{lb_endpoints: [{endpoint_name: x}, {endpoint: {address: {socket_address: {address: a.test, "
                     "port_value: 80}}}}]}]}")).errors),
            "endpoints[0].lb_endpoints[0].endpoint_name: \"x\", expected a name of named_endpoints; "
            "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.address: \"a.test\", expected an IP address; names need "
            "type STRICT_DNS");
  // A book is not written.
  std::string many = "{name: r, virtual_hosts: [{name: v, domains: [a], routes: [";
  for (int i = 0; i < 150; ++i) many += "{match: {prefix: /}}, ";
  EXPECT_EQ(process.resources->BuildRoutes(Resource<RoutesMessage>(many + "]}]}")).errors.size(), ErrorList::kMaxErrors + 1);
}

TEST(ResourcesTest, WhatIsNoResourceAtAll) {
  const Process process;
  const Any cluster = Resource<ClusterMessage>("{name: a}");
  EXPECT_EQ(Text(process.resources->BuildRoutes(cluster).errors),
            "a resource of type \"type.googleapis.com/envoy.config.cluster.v3.Cluster\", expected envoy.config.route.v3.RouteConfiguration");
  EXPECT_EQ(Text(process.resources->BuildCluster(Any(), process.ads()).errors),
            "a resource of type \"\", expected envoy.config.cluster.v3.Cluster");
  Any broken;
  for (const std::string& bytes : {std::string("\x0a\x7f"), std::string("\xff\xff\xff\xff\xff\xff"), std::string("\x12\x02\x0a\x7f"), std::string(1, '\0')}) {
    broken.set_value(bytes);
    broken.set_type_url("type.googleapis.com/envoy.config.cluster.v3.Cluster");
    EXPECT_EQ(process.resources->BuildCluster(broken, process.ads()).part, nullptr);
    broken.set_type_url("type.googleapis.com/envoy.config.listener.v3.Listener");
    EXPECT_EQ(process.resources->BuildListener(broken, process.ads()).part, nullptr);
    broken.set_type_url("type.googleapis.com/envoy.config.route.v3.RouteConfiguration");
    EXPECT_EQ(process.resources->BuildRoutes(broken).part, nullptr);
    broken.set_type_url("type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment");
    EXPECT_EQ(process.resources->BuildAssignment(broken).part, nullptr);
  }
}

// In a text an enum can't have a number that it does not have.
TEST(ResourcesTest, NumbersOfNoEnum) {
  const Process process;
  auto assignment = MessageOf<AssignmentMessage>("{cluster_name: a, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: /a}}}}]}]}");
  assignment.mutable_endpoints(0)->mutable_lb_endpoints(0)->set_health_status(static_cast<envoy::config::core::v3::HealthStatus>(1'000'000));
  EXPECT_THAT(Text(process.resources->BuildAssignment(AnyOf(assignment)).errors),
              HasSubstr("endpoints[0].lb_endpoints[0].health_status: 1000000, expected one of UNKNOWN, HEALTHY"));
  auto routes = MessageOf<RoutesMessage>("{name: r, virtual_hosts: [{name: v, domains: [a], routes: [{match: {prefix: /}, redirect: {}}]}]}");
  routes.mutable_virtual_hosts(0)->mutable_routes(0)->mutable_redirect()->set_response_code(
      static_cast<envoy::config::route::v3::RedirectAction::RedirectResponseCode>(-7));
  EXPECT_THAT(Text(process.resources->BuildRoutes(AnyOf(routes)).errors), HasSubstr("redirect.response_code: -7, expected one of"));
}

// A listener with this as the configuration of its only filter.
Any WithFilter(const Any& config) {
  auto listener = MessageOf<ListenerMessage>(ListenerText("{name: f}"));
  *listener.mutable_filter_chains(0)->mutable_filters(0)->mutable_typed_config() = config;
  return AnyOf(listener);
}

TEST(ResourcesTest, AnysWithinAnysEnd) {
  const Process process;
  Any any;
  any.PackFrom(envoy::config::route::v3::FilterConfig());
  for (int i = 0; i < 3000; ++i) {
    envoy::config::route::v3::FilterConfig holder;
    *holder.mutable_config() = any;
    any.PackFrom(holder);
  }
  RoutesMessage routes = MessageOf<RoutesMessage>("{name: r}");
  (*routes.mutable_typed_per_filter_config())["f"] = any;
  EXPECT_THAT(Text(process.resources->BuildRoutes(AnyOf(routes)).errors), HasSubstr("more than 32 Anys in one another"));
}

TEST(ResourcesTest, UnknownTypesAreRefusedByName) {
  const Process process;
  Any unknown;
  unknown.set_type_url("type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua");
  ManagerMessage manager = MessageOf<ManagerMessage>(std::string("{stat_prefix: s, ") + kRds + ", http_filters: [{name: x}, " + Router() + "]}");
  *manager.mutable_http_filters(0)->mutable_typed_config() = unknown;
  EXPECT_EQ(Text(process.resources->BuildListener(WithFilter(AnyOf(manager)), process.ads()).errors),
            "filter_chains[0].filters[0].typed_config.http_filters[0].typed_config: unknown type "
            "\"type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua\", not implemented or misspelt; docs/envoy-fields.md has those that are");
}

// As of a file: what is no error, but hardly meant.
TEST(ResourcesTest, NotesOfWhatIsHardlyMeant) {
  const Process process;
  const std::string rules =
      "rules: {policies: {p: {permissions: [{any: true}], principals: [{authenticated: {principal_name: {exact: td.test/ns/web}}}]}}}";
  const std::string told = ".rules.policies[\"p\"].principals[0].authenticated.principal_name: \"td.test/ns/web\" never matches a "
                           "SPIFFE ID, expected one that begins with spiffe://";
  const std::string filter = std::string("{name: rbac, typed_config: {'@type': ") + kTypes + "filters.http.rbac.v3.RBAC, " + rules + "}}, ";
  const auto listener =
      process.resources->BuildListener(Resource<ListenerMessage>(ListenerText(ManagerText(kRds, filter))), process.ads());
  EXPECT_NE(listener.part, nullptr) << Text(listener.errors);
  EXPECT_EQ(Text(listener.notes), "filter_chains[0].filters[0].typed_config.http_filters[0].typed_config" + told);

  const auto routes = process.resources->BuildRoutes(Resource<RoutesMessage>(
      std::string("{name: r, virtual_hosts: [{name: v, domains: [a], typed_per_filter_config: {rbac: {'@type': ") + kTypes +
      "filters.http.rbac.v3.RBACPerRoute, rbac: {" + rules + "}}}}]}"));
  EXPECT_NE(routes.part, nullptr) << Text(routes.errors);
  EXPECT_EQ(Text(routes.notes), "virtual_hosts[0].typed_per_filter_config[\"rbac\"].rbac" + told);

  const auto cluster = process.resources->BuildCluster(Resource<ClusterMessage>(
      std::string("{name: c, transport_socket: {name: t, typed_config: {'@type': ") + kTypes +
      "transport_sockets.tls.v3.UpstreamTlsContext}}}"), process.ads());
  EXPECT_NE(cluster.part, nullptr) << Text(cluster.errors);
  EXPECT_THAT(Text(cluster.notes), HasSubstr("has no validation context that verifies"));
}

// All that is to be mended is said at once.
TEST(ResourcesTest, RegexesBesideOtherErrors) {
  const Process process;
  const std::string routes =
      "route_config: {name: r, virtual_hosts: [{name: v, routes: [{match: {safe_regex: {regex: 'a('}}, redirect: {}}], "
      "typed_per_filter_config: {x: {'@type': " + std::string(kTypes) + "filters.http.rbac.v3.RBACPerRoute, rbac: {rules: {policies: {p: "
      "{permissions: [{any: true}], principals: [{header: {name: x, string_match: {safe_regex: {regex: '['}}}}]}}}}}}}]}";
  const std::string text = Text(process.resources->BuildListener(
      Resource<ListenerMessage>(ListenerText(ManagerText(routes))), process.ads()).errors);
  const std::string host = "filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]";
  EXPECT_THAT(text, HasSubstr(host + ".domains: empty, but required"));
  EXPECT_THAT(text, HasSubstr(host + ".routes[0].match.safe_regex.regex: \"a(\": missing )"));
  EXPECT_THAT(text, HasSubstr(host + ".typed_per_filter_config[\"x\"].rbac.rules.policies[\"p\"].principals[0].header.string_match."
                              "safe_regex.regex: \"[\": missing ]"));
}

void AddUnknown(google::protobuf::Message& message, int number) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(number, "x");
}

TEST(ResourcesTest, UnknownFields) {
  Process process;
  auto routes = MessageOf<RoutesMessage>(
      "{name: r, virtual_hosts: [{name: v, domains: [a], routes: [{match: {prefix: /}, redirect: {}}, {match: {prefix: /b}, redirect: {}}]}]}");
  for (auto& route : *routes.mutable_virtual_hosts(0)->mutable_routes()) AddUnknown(route, 900);
  const auto judged = process.resources->BuildRoutes(AnyOf(routes));
  EXPECT_NE(judged.part, nullptr) << Text(judged.errors);
  EXPECT_EQ(Text(judged.notes), "virtual_hosts[0].routes[0]: unknown field \"number 900\" of envoy.config.route.v3.Route is passed over");
  EXPECT_EQ(process.passed_over.count(), 2u);
  const Process strict("", UnknownFields::kRefuse);
  EXPECT_THAT(Text(strict.resources->BuildRoutes(AnyOf(routes)).errors), HasSubstr("virtual_hosts[0].routes[1]: unknown field number 900"));

  // What has to do with security, or whom a rule is for.
  AddUnknown(*routes.mutable_virtual_hosts(0)->mutable_routes(0)->mutable_match(), 901);
  EXPECT_THAT(Text(process.resources->BuildRoutes(AnyOf(routes)).errors),
              HasSubstr("routes[0].match: unknown field \"number 901\", expected none: it has a part in what is let through"));
  // What would have to be asked for.
  RoutesMessage table = MessageOf<RoutesMessage>("{name: r}");
  AddUnknown(table, 9);
  EXPECT_THAT(Text(process.resources->BuildRoutes(AnyOf(table)).errors), HasSubstr("vhds: not implemented: "));
  AssignmentMessage assignment = MessageOf<AssignmentMessage>("{cluster_name: a, endpoints: [{}]}");
  AddUnknown(*assignment.mutable_endpoints(0), 8);
  EXPECT_THAT(Text(process.resources->BuildAssignment(AnyOf(assignment)).errors), HasSubstr("endpoints[0].leds_cluster_locality_config"));
}

TEST(ResourcesTest, TypedStructs) {
  const Process process;
  const auto typed = [](const std::string& type, const std::string& value, const std::string& as = "xds.type.v3.TypedStruct") {
    xds::type::v3::TypedStruct message;
    message.set_type_url("type.googleapis.com/" + type);
    *message.mutable_value() = MessageOf<google::protobuf::Struct>(value);
    Any any;
    any.set_type_url("type.googleapis.com/" + as);
    any.set_value(message.SerializeAsString());
    return any;
  };
  ManagerMessage manager = MessageOf<ManagerMessage>(std::string("{stat_prefix: s, ") + kRds + ", http_filters: [{name: b}, " + Router() + "]}");
  const auto build = [&](const Any& filter, bool is_optional = false) {
    *manager.mutable_http_filters(0)->mutable_typed_config() = filter;
    manager.mutable_http_filters(0)->set_is_optional(is_optional);
    return process.resources->BuildListener(WithFilter(AnyOf(manager)), process.ads());
  };
  const std::string buffer = "envoy.extensions.filters.http.buffer.v3.Buffer";
  for (const char* as : {"xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"}) {
    const auto judged = build(typed(buffer, "{max_request_bytes: 1000}", as));
    ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
    EXPECT_EQ(std::get<HttpConnectionManager>(judged.part->filter_chains[0].terminal).http_filters.size(), 1u);
  }
  const std::string place = "filter_chains[0].filters[0].typed_config.http_filters[0].typed_config";
  EXPECT_EQ(Text(build(typed("envoy.tcp.metadataexchange.config.MetadataExchange", "{}")).errors),
            place + ": unknown type \"type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange\", "
                    "not implemented or misspelt; docs/envoy-fields.md has those that are");
  const auto optional = build(typed("no.Such", "{a: 1}"), true);
  ASSERT_NE(optional.part, nullptr) << Text(optional.errors);
  EXPECT_EQ(Text(optional.notes), place + ": unknown type \"type.googleapis.com/no.Such\"; it is optional, and so it is passed over");
  EXPECT_TRUE(std::get<HttpConnectionManager>(optional.part->filter_chains[0].terminal).http_filters.empty());
  EXPECT_EQ(Text(build(typed(buffer, "{max_request_bytes: x}")).errors),
            place + ".value.max_request_bytes: \"x\", expected a whole number from 0 to 4294967295");
  EXPECT_EQ(Text(build(typed(buffer, "{}")).errors), place + ".max_request_bytes: missing, but required");
}

TEST(ResourcesTest, RoutesAndFiltersThatDoNotGoTogether) {
  const Process process;
  const auto listener = process.resources->BuildListener(
      Resource<ListenerMessage>(ListenerText(ManagerText(kRds, std::string("{name: own, typed_config: {'@type': ") + kTypes +
                                                           "filters.http.cors.v3.Cors}}, "))),
      process.ads());
  ASSERT_NE(listener.part, nullptr) << Text(listener.errors);
  const auto& manager = std::get<HttpConnectionManager>(listener.part->filter_chains[0].terminal);
  const auto against = [&](const std::string& filter, const std::string& type) {
    const std::string overrides = "typed_per_filter_config: {" + filter + ": {'@type': " + kTypes + "filters.http." + type + "}}";
    const auto routes = process.resources->BuildRoutes(Resource<RoutesMessage>(
        "{name: r, " + overrides + ", virtual_hosts: [{name: v, domains: [a], " + overrides +
        ", routes: [{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: c, weight: 1, " + overrides + "}]}}, " + overrides + "}]}]}"));
    EXPECT_NE(routes.part, nullptr) << Text(routes.errors);
    std::vector<std::string> errors;
    for (const ConfigError& error : CheckRoutesAgainst(*routes.part, manager)) errors.push_back(ErrorText("", error));
    return errors;
  };
  EXPECT_THAT(against("own", "cors.v3.CorsPolicy"), ElementsAre());
  EXPECT_THAT(against("other", "buffer.v3.BufferPerRoute, disabled: true"), ElementsAre());  // of no filter here
  const std::string wrong =
      "typed_per_filter_config[\"own\"]: a envoy.extensions.filters.http.buffer.v3.BufferPerRoute, expected "
      "envoy.extensions.filters.http.cors.v3.CorsPolicy";
  EXPECT_THAT(against("own", "buffer.v3.BufferPerRoute, disabled: true"),
              ElementsAre(wrong, "virtual_hosts[0]." + wrong, "virtual_hosts[0].routes[0]." + wrong,
                          "virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0]." + wrong));
}

}  // namespace
}  // namespace pillion::config
