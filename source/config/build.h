#pragma once

// From checked messages to the model: defaults, and what must hold between fields. Internal to config/.
//
// Each part adds what is wrong to the context's errors and returns what it could make of the rest; a model is used
// only if there were no errors at all.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "envoy/config/accesslog/v3/accesslog.pb.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/common/mutation_rules/v3/mutation_rules.pb.h"
#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/metrics/v3/stats.pb.h"
#include "envoy/config/core/v3/proxy_protocol.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "envoy/type/matcher/v3/matcher.pb.h"
#include "google/protobuf/duration.pb.h"
#include "source/base/clock.h"
#include "source/config/assignment.h"
#include "source/config/config_error.h"
#include "source/config/filter_source.h"
#include "source/config/home.h"
#include "source/config/load.h"
#include "source/config/model.h"
#include "source/config/named_secret.h"
#include "source/config/remote_secret.h"
#include "source/match/ip_range.h"
#include "source/match/uri_template.h"
#include "source/runtime/keys.h"

namespace envoy::extensions::transport_sockets::tls::v3 {
class Secret;
}

namespace pillion::config {

enum class Side { kDownstream, kUpstream };

// Of the files, and of the secrets of others, that a part is made of, for who makes it anew when they are replaced.
struct FilesRead {
  std::vector<std::string> directories;  // in which something may be replaced; each once
  uint64_t digest = 0;                   // of the bytes of all of them
  std::vector<std::shared_ptr<RemoteSecret>> secrets;
  std::set<std::string> named;  // of static_resources.secrets

  void Add(const std::string& path, std::string_view bytes);
  void AddDirectory(const std::string& path);
};

struct BuildContext {
  const LoadOptions& options;
  ErrorList& errors;
  const envoy::config::core::v3::Node& node;
  std::set<std::string, std::less<>> clusters;  // of the bootstrap, as far as they are built
  bool clusters_may_come = false;               // others, so that requests may go where nothing is yet
  // What is built came while the process runs: `sender` gave it.
  bool pushed = false;
  std::optional<ConfigSource> sender;
  std::optional<ApiSource> ads;  // what `ads` means
  std::map<std::string, NamedSecret, std::less<>> secrets;  // static_resources.secrets
  // What is built now is made anew with these.
  std::shared_ptr<NamedSecrets> later_secrets = std::make_shared<NamedSecrets>();
  std::shared_ptr<RemoteSecrets> remote_secrets = std::make_shared<RemoteSecrets>();
  std::optional<WorkloadApi> workload_api;
  struct ControlPlane {
    std::string cluster;
    bool grpc = true;
    std::string path;  // that says so
  };
  std::vector<ControlPlane> control_planes;
  std::vector<ControlPlane> grpc_services;       // that requests are asked about; they may come later
  std::vector<ControlPlane> stats_sinks;         // that metrics are sent to
  Home home;                                     // of what is built
  bool check_route_clusters = true;              // a table may refer to others (validate_clusters)
  std::shared_ptr<runtime::Keys> runtime_keys = std::make_shared<runtime::Keys>();
  BindOptions default_bind;                      // of clusters that have none of their own
  std::string local_cluster;                     // of hosts like this one; empty: it is not known
  bool internal_listeners = false;               // there may be some
  std::shared_ptr<const Lanes> default_lanes;    // of clusters that do not say; null: they have none
  std::shared_ptr<const NameResolution> name_resolution;  // the same
  TrafficDirection direction = TrafficDirection::kUnspecified;  // of the listener that is built
  bool apart = false;                            // what is built is a network filter that comes apart from its listener
  const std::vector<HttpFilter>* chain = nullptr;  // that the table which is built is for; null: it may be for several
  FilesRead* files_read = nullptr;               // to be told of what ReadSource() reads; null: nobody is
  std::vector<ConfigError>* notes = nullptr;     // of what is no error, but hardly meant; null: nobody reads them

  void Note(std::string path, std::string message) const {
    if (notes != nullptr) notes->push_back({std::move(path), 0, std::move(message)});
  }
};

// `running`: what it is to take the place of while the process runs; what is built asks for secrets, and has keys of the
// runtime, together with that. Null: it is the first.
std::shared_ptr<Bootstrap> BuildBootstrap(const envoy::config::bootstrap::v3::Bootstrap& from,
                                          const LoadOptions& options, ErrorList& errors,
                                          std::vector<ConfigError>& notes, const Bootstrap* running = nullptr);
// What the command line says of it instead.
void SetNode(const NodeFlags& flags, envoy::config::bootstrap::v3::Bootstrap& message);

std::shared_ptr<const Cluster> BuildCluster(BuildContext& context, const envoy::config::cluster::v3::Cluster& from,
                                            const std::string& path);
// Of all clusters, once they are built: what aggregates refer to.
void CheckMembers(BuildContext& context, const std::vector<std::shared_ptr<const Cluster>>& clusters,
                  const std::string& path);
void BuildAssignment(BuildContext& context, const envoy::config::endpoint::v3::ClusterLoadAssignment& from,
                     Cluster::Discovery discovery, const std::string& path, Assignment& to);
// Parts of it: an endpoint of a group of an assignment, and all but the endpoints.
Endpoint BuildEndpoint(BuildContext& context, const envoy::config::endpoint::v3::ClusterLoadAssignment& assignment,
                       const envoy::config::endpoint::v3::LocalityLbEndpoints& group,
                       const envoy::config::endpoint::v3::LbEndpoint& from, Cluster::Discovery discovery,
                       const std::string& assignment_path, const std::string& path);
void BuildAssignmentPolicy(BuildContext& context, const envoy::config::endpoint::v3::ClusterLoadAssignment& from,
                           const std::string& path, Assignment& to);
// What must hold of all groups together. A control plane may leave priorities out.
void CheckGroups(const Assignment& assignment, const std::set<uint32_t>& priorities, bool gaps, const std::string& path,
                 ErrorList& errors);
// What says where a part comes from.
Feed BuildFeed(BuildContext& context, const envoy::config::core::v3::ConfigSource& from, const std::string& path);
// Sets the context's `ads` too.
// Of a control plane that is told of requests.
ApiSource BuildLoadReports(BuildContext& context, const envoy::config::core::v3::ApiConfigSource& from,
                           const std::string& path);
DynamicResources BuildDynamicResources(BuildContext& context,
                                       const envoy::config::bootstrap::v3::Bootstrap::DynamicResources& from,
                                       const std::string& path);
// Of all that was built, once the bootstrap's clusters are: those that it is to be asked of, and those that calls go to.
void CheckControlPlanes(BuildContext& context, const std::vector<std::shared_ptr<const Cluster>>& clusters);
void BuildCircuitBreakers(BuildContext& context, const envoy::config::cluster::v3::CircuitBreakers& from,
                          const std::string& path, Cluster& cluster);
std::shared_ptr<const HealthCheck> BuildHealthCheck(BuildContext& context,
                                                    const envoy::config::core::v3::HealthCheck& from,
                                                    const UpstreamHttp& http, const std::string& path);
std::shared_ptr<const EndpointCheck> BuildEndpointCheck(
    BuildContext& context, const envoy::config::endpoint::v3::Endpoint::HealthCheckConfig& from,
    const std::string& path);
std::shared_ptr<const OutlierDetection> BuildOutlierDetection(
    const envoy::config::cluster::v3::OutlierDetection& from);
BindOptions BuildBindOptions(BuildContext& context, const envoy::config::core::v3::BindConfig& from,
                             const std::string& path);
std::vector<SocketOption> BuildSocketOptions(
    BuildContext& context, const google::protobuf::RepeatedPtrField<envoy::config::core::v3::SocketOption>& from,
    Side side, const std::string& path);
// Of a transport socket; null: plain bytes.
std::shared_ptr<const DownstreamTls> BuildDownstreamTls(BuildContext& context,
                                                        const envoy::config::core::v3::TransportSocket& from,
                                                        const std::string& path);
// Of a cluster, or of a match of its.
struct UpstreamSocket {
  std::shared_ptr<const UpstreamTls> tls;  // null: plain bytes
  std::optional<net::ProxyVersion> proxy_version;
  std::shared_ptr<const net::ProxyTlvs> proxy_tlvs;
  std::shared_ptr<const InternalUpstream> internal;
};
UpstreamSocket BuildUpstreamSocket(BuildContext& context, const envoy::config::core::v3::TransportSocket& from,
                                   const std::string& path);
net::ProxyVersion BuildProxyVersion(const envoy::config::core::v3::ProxyProtocolConfig& from);
net::TlvTypes BuildTlvTypes(const envoy::config::core::v3::ProxyProtocolPassThroughTLVs& from);
// Null: none.
std::shared_ptr<const net::ProxyTlvs> BuildProxyTlvs(BuildContext& context,
                                                     const envoy::config::core::v3::ProxyProtocolConfig& from,
                                                     const std::string& path);
std::shared_ptr<const Tunneling> BuildTunneling(
    BuildContext& context, const envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy::TunnelingConfig& from,
    const std::string& path);
std::shared_ptr<const Listener> BuildListener(BuildContext& context,
                                              const envoy::config::listener::v3::Listener& from,
                                              const std::string& path);
std::shared_ptr<const RouteConfig> BuildRouteConfig(BuildContext& context,
                                                    const envoy::config::route::v3::RouteConfiguration& from,
                                                    const std::string& path);
// Parts of it: all but the virtual hosts; a virtual host, but its routes; a route. And what must hold of all hosts.
void BuildTable(BuildContext& context, const envoy::config::route::v3::RouteConfiguration& from, const std::string& path,
                RouteConfig& to);
void BuildVirtualHost(BuildContext& context, const envoy::config::route::v3::VirtualHost& from, const std::string& path,
                      VirtualHost& to);
std::shared_ptr<const Route> BuildRoute(BuildContext& context, const envoy::config::route::v3::Route& from,
                                        size_t max_body_bytes, const std::string& path);
size_t MaxDirectResponseBytes(const envoy::config::route::v3::RouteConfiguration& from);
void CheckVirtualHosts(const RouteConfig& table, const std::string& path, ErrorList& errors);
// What a list is of: routes and virtual hosts say what filters heed, a filter itself what it does.
enum class RateLimitsOf { kRoute, kFilter };
using RateLimitMessages = google::protobuf::RepeatedPtrField<envoy::config::route::v3::RateLimit>;
RateLimitRules BuildRateLimits(BuildContext& context, const RateLimitMessages& from, RateLimitsOf of,
                               const std::string& path);
// typed_per_filter_config.
using FilterMap = google::protobuf::Map<std::string, google::protobuf::Any>;
FilterOverrides BuildFilterOverrides(BuildContext& context, const FilterMap& from, const std::string& path);
void BuildRuntime(BuildContext& context, const envoy::config::bootstrap::v3::LayeredRuntime& from, const std::string& path,
                  Bootstrap& bootstrap);
std::vector<HttpFilter> BuildHttpFilters(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& from,
    RouterFilter& router, const std::string& path);
RetryPolicy BuildRetryPolicy(BuildContext& context, const envoy::config::route::v3::RetryPolicy& from,
                             const std::string& path);
RouteAction BuildRouteAction(BuildContext& context, const envoy::config::route::v3::RouteAction& from,
                             const std::string& path);
using MirrorMessages =
    google::protobuf::RepeatedPtrField<envoy::config::route::v3::RouteAction::RequestMirrorPolicy>;
std::vector<MirrorPolicy> BuildMirrors(BuildContext& context, const MirrorMessages& from, const std::string& path);
// Of a connection manager or a route, each a message of its own with the same fields.
template <typename Messages>
std::vector<UpgradeChoice> BuildUpgrades(BuildContext& context, const Messages& from, const std::string& path);
// In lower case.
std::string BuildUpgradeType(BuildContext& context, const std::string& text, const std::string& path);
Redirect BuildRedirect(BuildContext& context, const envoy::config::route::v3::RedirectAction& from,
                       const std::string& path);
DirectResponse BuildDirectResponse(BuildContext& context,
                                   const envoy::config::route::v3::DirectResponseAction& from, size_t max_bytes,
                                   const std::string& path);
// Builds a table that stands in a connection manager, and is for its filters alone.
using BuildOwnTable = std::function<std::shared_ptr<const RouteConfig>(
    const envoy::config::route::v3::RouteConfiguration& from, const std::string& path)>;
std::shared_ptr<const ScopedRoutes> BuildScopedRoutes(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::ScopedRoutes& from, const std::string& path,
    const BuildOwnTable& build_table);
HttpConnectionManager BuildHttpConnectionManager(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& from,
    const std::string& path);
ListenerFilter BuildListenerFilter(BuildContext& context, const envoy::config::listener::v3::ListenerFilter& from,
                                   const std::string& path);
// Where the configuration of a filter of that name comes from, which is no HTTP filter's: of one of these messages.
std::shared_ptr<FilterSource> BuildFilterSource(BuildContext& context, FilterSource::Of of, const std::string& name,
                                                const envoy::config::core::v3::ExtensionConfigSource& from,
                                                const std::vector<const google::protobuf::Descriptor*>& may_be,
                                                const std::string& path);
// The same, but for the messages.
std::shared_ptr<FilterSource> BuildFilterFeed(BuildContext& context, FilterSource::Of of, const std::string& name,
                                              const envoy::config::core::v3::ExtensionConfigSource& from,
                                              const std::string& path);
// That `any` is none of what the filter may be: an error. Null: all are meant.
bool MayBe(BuildContext& context, const FilterSource* source, const google::protobuf::Any& any, const std::string& path);
// What takes `any`, of a network filter that comes apart; nothing, and an error: it can't be there.
std::optional<NetworkFilter> TakeNetworkFilter(BuildContext& context, const google::protobuf::Any& any,
                                               const std::string& path);
std::optional<ChainEnd> TakeChainEnd(BuildContext& context, const google::protobuf::Any& any, const std::string& path);
bool TakeListenerFilter(BuildContext& context, const google::protobuf::Any& any, const std::string& path,
                        ListenerFilter& to);
// Whether a message of that type ends a chain.
bool EndsChain(std::string_view type_url);
match::ConnectionPattern BuildConnectionPattern(BuildContext& context,
                                                const envoy::config::listener::v3::FilterChainMatch& from,
                                                const std::string& path);
std::optional<BodyFormat> BuildBodyFormat(BuildContext& context,
                                          const envoy::config::core::v3::SubstitutionFormatString& from,
                                          const std::string& path);
LocalReplies BuildLocalReplies(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::LocalReplyConfig& from,
    const std::string& path);
// Parts of a connection manager.
void BuildTracing(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& from,
    const std::string& path, HttpConnectionManager& to);
void BuildIpDetections(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& from,
    const std::string& path, HttpConnectionManager& to);
void BuildEarlyMutations(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& from,
    const std::string& path, HttpConnectionManager& to);
void BuildScheme(BuildContext& context, const envoy::config::core::v3::SchemeHeaderTransformation& from,
                 const std::string& path, HttpConnectionManager& to);
FilterChain BuildFilterChain(BuildContext& context, const envoy::config::listener::v3::FilterChain& from,
                             const std::string& path);

void BuildWatchdogs(BuildContext& context, const envoy::config::bootstrap::v3::Bootstrap& from, Bootstrap& bootstrap);
StatsConfig BuildStats(BuildContext& context, const envoy::config::metrics::v3::StatsConfig& from, const std::string& path);
// The pattern that spdlog takes.
std::string BuildLogFormat(BuildContext& context,
                           const envoy::config::bootstrap::v3::Bootstrap::ApplicationLogConfig::LogFormat& from,
                           const std::string& path);
LoadBalancing BuildLoadBalancing(BuildContext& context, const envoy::config::cluster::v3::Cluster& from,
                                 const std::string& path);
std::vector<HashPolicy> BuildHashPolicies(
    BuildContext& context,
    const google::protobuf::RepeatedPtrField<envoy::config::route::v3::RouteAction::HashPolicy>& from,
    const std::string& path);

std::shared_ptr<const telemetry::NodeFacts> BuildNodeFacts(const envoy::config::core::v3::Node& from);

// Null if there is none.
std::shared_ptr<const Metadata> BuildMetadata(const envoy::config::core::v3::Metadata& from);
MetadataValue::Struct BuildMetadataFields(const google::protobuf::Struct& from);
MetadataPath BuildMetadataPath(const envoy::type::metadata::v3::MetadataKey& from);
LbCriteria BuildLbCriteria(const envoy::config::core::v3::Metadata& from);

// Parts that several have.
using AccessLogs = google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>;
telemetry::RecordFilter BuildRecordFilter(BuildContext& context,
                                          const envoy::config::accesslog::v3::AccessLogFilter& from,
                                          const std::string& path);
void BuildLogFormat(BuildContext& context, const envoy::config::core::v3::SubstitutionFormatString& from,
                    const std::string& path, AccessLog& log);
std::vector<AccessLog> BuildAccessLogs(BuildContext& context, const AccessLogs& from, const std::string& path);

HttpOptions BuildHttpOptions(BuildContext& context, const envoy::config::core::v3::HttpProtocolOptions& from,
                             Side side, const std::string& path);
Http1Options BuildHttp1Options(BuildContext& context, const envoy::config::core::v3::Http1ProtocolOptions& from,
                               Side side, const std::string& path);
Http2Options BuildHttp2Options(BuildContext& context, const envoy::config::core::v3::Http2ProtocolOptions& from,
                               Side side, const std::string& path);

// Matchers. What can't be built is an error, and matches nothing.
std::optional<match::Regex> BuildRegex(BuildContext& context, const envoy::type::matcher::v3::RegexMatcher& from,
                                       const std::string& path);
std::optional<match::RegexRewrite> BuildRegexRewrite(BuildContext& context,
                                                     const envoy::type::matcher::v3::RegexMatchAndSubstitute& from,
                                                     const std::string& path);
match::StringMatcher BuildStringMatcher(BuildContext& context,
                                        const envoy::type::matcher::v3::StringMatcher& from, const std::string& path);
match::HeaderMatcher BuildHeaderMatcher(BuildContext& context, const envoy::config::route::v3::HeaderMatcher& from,
                                        const std::string& path);
match::QueryMatcher BuildQueryMatcher(BuildContext& context,
                                      const envoy::config::route::v3::QueryParameterMatcher& from,
                                      const std::string& path);
match::RequestMatcher BuildRequestMatcher(BuildContext& context, const envoy::config::route::v3::RouteMatch& from,
                                          const std::string& path);
match::ValueMatcher BuildValueMatcher(BuildContext& context, const envoy::type::matcher::v3::ValueMatcher& from,
                                      const std::string& path);
match::MetadataMatcher BuildMetadataMatcher(BuildContext& context,
                                            const envoy::type::matcher::v3::MetadataMatcher& from,
                                            const std::string& path);
match::IpRange BuildIpRange(BuildContext& context, const envoy::config::core::v3::CidrRange& from,
                            const std::string& path);
match::Fraction BuildFraction(const envoy::type::v3::FractionalPercent& from);
match::RuntimeFraction BuildFraction(BuildContext& context,
                                     const envoy::config::core::v3::RuntimeFractionalPercent& from);

// One field that is added; nothing, and an error, for one that can't be.
std::optional<AddedHeader> BuildAddedHeader(BuildContext& context,
                                            const envoy::config::core::v3::HeaderValueOption& from,
                                            const std::string& path);
// The name of a field that may be added or removed.
http::FieldName BuildEditedName(BuildContext& context, const std::string& text, const std::string& path);
HeaderEdits BuildHeaderEdits(
    BuildContext& context,
    const google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>& added,
    const std::string& added_path, const google::protobuf::RepeatedPtrField<std::string>& removed,
    const std::string& removed_path);
// Each sees what those before it did.
std::vector<HeaderMutation> BuildHeaderMutations(
    BuildContext& context,
    const google::protobuf::RepeatedPtrField<envoy::config::common::mutation_rules::v3::HeaderMutation>& from,
    const std::string& path);
// Of a message that has the four lists of a level.
template <typename Level>
LevelHeaderEdits BuildLevelHeaderEdits(BuildContext& context, const Level& from, const std::string& path) {
  return {.request = BuildHeaderEdits(context, from.request_headers_to_add(), FieldPath(path, "request_headers_to_add"),
                                      from.request_headers_to_remove(), FieldPath(path, "request_headers_to_remove")),
          .response =
              BuildHeaderEdits(context, from.response_headers_to_add(), FieldPath(path, "response_headers_to_add"),
                               from.response_headers_to_remove(), FieldPath(path, "response_headers_to_remove"))};
}

template <typename Messages>
std::vector<UpgradeChoice> BuildUpgrades(BuildContext& context, const Messages& from, const std::string& path) {
  std::vector<UpgradeChoice> upgrades;
  std::set<std::string> seen;
  for (int i = 0; i < from.size(); ++i) {
    const std::string place = FieldPath(ElementPath(path, i), "upgrade_type");
    std::string type = BuildUpgradeType(context, from[i].upgrade_type(), place);
    if (!type.empty() && !seen.insert(type).second) context.errors.Add(place, "duplicate type \"" + type + "\"");
    upgrades.push_back({std::move(type), !from[i].has_enabled() || from[i].enabled().value()});
  }
  return upgrades;
}

// Bytes of per_connection_buffer_limit_bytes, where 0 is no limit.
inline uint32_t BufferLimit(uint32_t bytes) { return bytes == 0 ? UINT32_MAX : bytes; }

// kEndpoint: a stream that may lead to an internal listener.
enum class Transport { kStream, kDatagrams, kEndpoint };
// An IP address, a unix path or an internal listener. Nothing, and an error, if it is a name.
std::optional<Address> BuildAddress(BuildContext& context, const envoy::config::core::v3::Address& from,
                                    const std::string& path, Transport transport = Transport::kStream);
std::vector<StatsSink> BuildStatsSinks(
    BuildContext& context, const google::protobuf::RepeatedPtrField<envoy::config::metrics::v3::StatsSink>& from,
    const std::string& path);
// A path_match_policy.
std::optional<match::UriTemplate> BuildUriTemplate(BuildContext& context,
                                                   const envoy::config::core::v3::TypedExtensionConfig& from,
                                                   const std::string& path);
// A path_rewrite_policy; `route` is the one that has it.
void BuildTemplateRewrite(BuildContext& context, const envoy::config::route::v3::Route& route, const std::string& path,
                          RouteAction& action);
InternalRedirect BuildInternalRedirect(BuildContext& context,
                                       const envoy::config::route::v3::InternalRedirectPolicy& from,
                                       const std::string& path);
// `text` in canonical form; nothing if it is no IP address.
std::optional<SocketAddress> ParseIp(const std::string& text, uint16_t port);
// What a DataSource holds, at most `max_bytes`.
std::string ReadSource(BuildContext& context, const envoy::config::core::v3::DataSource& from, size_t max_bytes,
                       const std::string& path);
// The message of an Any that holds something else than `expected`, or nothing.
std::string WrongType(const google::protobuf::Any& any, std::string_view expected);
// One that must be there from the start.
void CheckClusterExists(BuildContext& context, const std::string& name, const std::string& path);
// One that requests or connections go to: it may come later.
void CheckRequestCluster(BuildContext& context, const std::string& name, const std::string& path);
// One that calls of gRPC about requests go to: it may come later, too, and must not be of HTTP/1.
void CheckGrpcCluster(BuildContext& context, const std::string& name, const std::string& path);

// Within the bounds that CheckConstraints has put on every duration.
base::Duration ToDuration(const google::protobuf::Duration& from);

}  // namespace pillion::config
