// Clusters.

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "envoy/extensions/clusters/aggregate/v3/cluster.pb.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"
#include "source/config/build.h"
#include "source/config/build_answer_matcher.h"
#include "source/config/build_dns.h"
#include "source/config/route_overrides.h"
#include "source/config/text.h"
#include "source/config/tls.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::cluster::v3;
using UpstreamOptions = envoy::extensions::upstreams::http::v3::HttpProtocolOptions;

constexpr std::string_view kHttpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

// What holds for requests to the cluster, whatever their routes say. Whether the clusters of copies are there,
// CheckMembers() looks, when all are built.
void BuildRequestPolicies(BuildContext& context, const UpstreamOptions& from, const std::string& path,
                          UpstreamHttp& http) {
  if (from.request_mirror_policies().empty() && from.hash_policy().empty() && !from.has_retry_policy()) return;
  RouteOverrides overrides;
  const bool checks = std::exchange(context.check_route_clusters, false);
  overrides.mirrors =
      BuildMirrors(context, from.request_mirror_policies(), FieldPath(path, "request_mirror_policies"));
  context.check_route_clusters = checks;
  overrides.hash_policies = BuildHashPolicies(context, from.hash_policy(), FieldPath(path, "hash_policy"));
  if (from.has_retry_policy()) {
    overrides.retry_policy = BuildRetryPolicy(context, from.retry_policy(), FieldPath(path, "retry_policy"));
  }
  http.route_overrides = std::make_shared<const RouteOverrides>(std::move(overrides));
}

void BuildHttp(BuildContext& context, const UpstreamOptions& from, const std::string& path, UpstreamHttp& http) {
  http.options = BuildHttpOptions(context, from.common_http_protocol_options(), Side::kUpstream,
                                  FieldPath(path, "common_http_protocol_options"));
  if (from.outlier_detection().has_error_matcher()) {
    http.errors = std::make_shared<const match::AnswerMatcher>(BuildAnswerMatcher(
        context, from.outlier_detection().error_matcher(), FieldPath(path, "outlier_detection.error_matcher")));
  }
  BuildRequestPolicies(context, from, path, http);
  if (from.has_use_downstream_protocol_config()) {
    const auto& both = from.use_downstream_protocol_config();
    const std::string both_path = FieldPath(path, "use_downstream_protocol_config");
    http.protocol = UpstreamHttp::Protocol::kAsDownstream;
    http.http1 = BuildHttp1Options(context, both.http_protocol_options(), Side::kUpstream,
                                   FieldPath(both_path, "http_protocol_options"));
    http.http2 = BuildHttp2Options(context, both.http2_protocol_options(), Side::kUpstream,
                                   FieldPath(both_path, "http2_protocol_options"));
  } else if (from.explicit_http_config().has_http2_protocol_options()) {
    http.protocol = UpstreamHttp::Protocol::kHttp2;
    http.http2 = BuildHttp2Options(context, from.explicit_http_config().http2_protocol_options(), Side::kUpstream,
                                   FieldPath(path, "explicit_http_config.http2_protocol_options"));
  } else if (from.has_auto_config()) {
    http.protocol = UpstreamHttp::Protocol::kAuto;
    http.http1 = BuildHttp1Options(context, from.auto_config().http_protocol_options(), Side::kUpstream,
                                   FieldPath(path, "auto_config.http_protocol_options"));
    http.http2 = BuildHttp2Options(context, from.auto_config().http2_protocol_options(), Side::kUpstream,
                                   FieldPath(path, "auto_config.http2_protocol_options"));
  } else {
    http.http1 = BuildHttp1Options(context, from.explicit_http_config().http_protocol_options(), Side::kUpstream,
                                   FieldPath(path, "explicit_http_config.http_protocol_options"));
  }
}

void BuildAutoSni(BuildContext& context, const envoy::config::core::v3::UpstreamHttpProtocolOptions& from,
                  const std::string& path, UpstreamHttp& http) {
  http.auto_sni = from.auto_sni();
  http.auto_san_validation = from.auto_san_validation();
  http.auto_sni_header = absl::AsciiStrToLower(from.override_auto_sni_header());
  if (from.auto_san_validation() && !from.auto_sni()) {
    context.errors.Add(FieldPath(path, "auto_san_validation"), "true, but needs auto_sni");
  }
  if (!from.override_auto_sni_header().empty() && !from.auto_sni()) {
    context.errors.Add(FieldPath(path, "override_auto_sni_header"), "set, but needs auto_sni");
  }
}

std::string HttpOptionsPath(const v3::Cluster& from, const std::string& path) {
  return from.typed_extension_protocol_options().contains(kHttpOptionsKey)
             ? KeyPath(FieldPath(path, "typed_extension_protocol_options"), kHttpOptionsKey)
             : path;
}

// What is said by HttpProtocolOptions nowadays stands in the cluster itself.
void BuildFormerHttp(BuildContext& context, const v3::Cluster& from, const std::string& path, UpstreamHttp& http) {
  http.options = BuildHttpOptions(context, from.common_http_protocol_options(), Side::kUpstream,
                                  FieldPath(path, "common_http_protocol_options"));
  http.http1 = BuildHttp1Options(context, from.http_protocol_options(), Side::kUpstream,
                                 FieldPath(path, "http_protocol_options"));
  http.http2 = BuildHttp2Options(context, from.http2_protocol_options(), Side::kUpstream,
                                 FieldPath(path, "http2_protocol_options"));
  if (from.protocol_selection() == v3::Cluster::USE_DOWNSTREAM_PROTOCOL) {
    http.protocol = UpstreamHttp::Protocol::kAsDownstream;
  } else if (from.has_http2_protocol_options()) {
    http.protocol = UpstreamHttp::Protocol::kHttp2;
    if (from.has_http_protocol_options()) {
      context.errors.Add(FieldPath(path, "http_protocol_options"),
                         "expected none beside http2_protocol_options without protocol_selection USE_DOWNSTREAM_PROTOCOL");
    }
  }
  BuildAutoSni(context, from.upstream_http_protocol_options(), FieldPath(path, "upstream_http_protocol_options"), http);
}

// The extension holds; a control plane may send both, for proxies of any age.
void NoteFormerHttp(BuildContext& context, const v3::Cluster& from, const std::string& path) {
  const auto note = [&](bool is_set, std::string_view field) {
    if (is_set) context.Note(FieldPath(path, field), "says nothing: typed_extension_protocol_options stands instead");
  };
  note(from.protocol_selection() != v3::Cluster::USE_CONFIGURED_PROTOCOL, "protocol_selection");
  note(from.has_common_http_protocol_options(), "common_http_protocol_options");
  note(from.has_upstream_http_protocol_options(), "upstream_http_protocol_options");
  note(from.has_http_protocol_options(), "http_protocol_options");
  note(from.has_http2_protocol_options(), "http2_protocol_options");
}

// What only TLS can give.
void CheckTls(BuildContext& context, const v3::Cluster& from, const Cluster& cluster, const std::string& path) {
  const std::string options = HttpOptionsPath(from, path);
  // Of each host's.
  std::vector<const UpstreamTls*> sockets = {cluster.tls.get()};
  for (const TransportSocketMatch& match : cluster.transport_matches) sockets.push_back(match.tls.get());
  const auto plain = [](const UpstreamTls* tls) { return tls == nullptr; };
  const auto trusts_anybody = [](const UpstreamTls* tls) { return tls != nullptr && !tls->verifies_chain; };
  if (cluster.http.protocol == UpstreamHttp::Protocol::kAuto && std::ranges::any_of(sockets, plain)) {
    context.errors.Add(FieldPath(options, "auto_config"), "needs a transport_socket with UpstreamTlsContext");
  }
  if (cluster.http.auto_sni && std::ranges::all_of(sockets, plain)) {
    context.errors.Add(FieldPath(options, "upstream_http_protocol_options.auto_sni"),
                       "needs a transport_socket with UpstreamTlsContext");
  }
  if (cluster.http.auto_san_validation && std::ranges::any_of(sockets, trusts_anybody)) {
    context.errors.Add(FieldPath(options, "upstream_http_protocol_options.auto_san_validation"),
                       "needs trusted_ca: a name in a certificate that nobody vouches for says nothing");
  }
}

void BuildProtocolOptions(BuildContext& context, const v3::Cluster& from, const std::string& path,
                          Cluster& cluster) {
  const std::string field = FieldPath(path, "typed_extension_protocol_options");
  for (const auto& [key, any] : from.typed_extension_protocol_options()) {
    UpstreamOptions options;
    if (key != kHttpOptionsKey) {
      context.errors.Add(KeyPath(field, key), Concat("unknown extension, expected ", kHttpOptionsKey));
    } else if (!any.UnpackTo(&options)) {
      context.errors.AddMissing(field, KeyPath(field, key), WrongType(any, "HttpProtocolOptions"));
    } else {
      BuildHttp(context, options, KeyPath(field, key), cluster.http);
      BuildAutoSni(context, options.upstream_http_protocol_options(),
                   FieldPath(KeyPath(field, key), "upstream_http_protocol_options"), cluster.http);
    }
  }
  if (from.typed_extension_protocol_options().contains(kHttpOptionsKey)) {
    NoteFormerHttp(context, from, path);
  } else {
    BuildFormerHttp(context, from, path, cluster.http);
  }
  if (!from.has_max_requests_per_connection()) return;
  uint32_t& most = cluster.http.options.max_requests_per_connection;
  if (most > 0) {
    context.errors.Add(FieldPath(path, "max_requests_per_connection"),
                       Concat(from.max_requests_per_connection().value(), ", but common_http_protocol_options says ", most));
  } else {
    most = from.max_requests_per_connection().value();
  }
}

// Two types have no policy but their own.
void CheckPolicy(BuildContext& context, const v3::Cluster& from, const std::string& path, const Cluster& cluster) {
  const bool original_dst = from.type() == v3::Cluster::ORIGINAL_DST;
  const bool own = original_dst || cluster.discovery == Cluster::Discovery::kAggregate;
  const bool provided = from.lb_policy() == v3::Cluster::CLUSTER_PROVIDED;
  if (own == provided) return;
  context.errors.Add(FieldPath(path, "lb_policy"),
                     !own            ? "CLUSTER_PROVIDED, but no cluster of type ORIGINAL_DST and no aggregate"
                     : original_dst ? "expected CLUSTER_PROVIDED in a cluster of type ORIGINAL_DST"
                                    : "expected CLUSTER_PROVIDED in an aggregate");
}

void BuildOriginalDst(BuildContext& context, const v3::Cluster& from, const std::string& path, Cluster& cluster) {
  const bool is_one = from.type() == v3::Cluster::ORIGINAL_DST;
  if (!is_one) {
    if (from.has_original_dst_lb_config()) {
      context.errors.Add(FieldPath(path, "original_dst_lb_config"), "needs type ORIGINAL_DST");
    }
    return;
  }
  cluster.discovery = Cluster::Discovery::kOriginalDst;
  if (!cluster.endpoints.empty()) {
    context.errors.Add(FieldPath(path, "load_assignment"), "expected none in a cluster of type ORIGINAL_DST");
  }
  const auto& config = from.original_dst_lb_config();
  if (config.use_http_header()) {
    const std::string& name = config.http_header_name();
    cluster.original_dst.header = name.empty() ? "x-envoy-original-dst-host" : absl::AsciiStrToLower(name);
  }
  if (config.has_metadata_key()) cluster.original_dst.metadata = BuildMetadataPath(config.metadata_key());
  if (config.has_upstream_port_override()) {
    cluster.original_dst.port = static_cast<uint16_t>(config.upstream_port_override().value());
  }
  if (from.has_cleanup_interval()) cluster.original_dst.cleanup_interval = ToDuration(from.cleanup_interval());
}

void BuildEds(BuildContext& context, const v3::Cluster& from, const std::string& path, Cluster& cluster) {
  const std::string place = FieldPath(path, "eds_cluster_config");
  if (from.type() != v3::Cluster::EDS) {
    if (from.has_eds_cluster_config()) context.errors.Add(place, "needs type EDS");
    return;
  }
  cluster.discovery = Cluster::Discovery::kEds;
  if (!from.has_eds_cluster_config()) context.errors.AddMissing(path, place, "missing, but type EDS asks for it");
  if (from.load_assignment().endpoints_size() > 0) {
    context.errors.Add(FieldPath(path, "load_assignment"), "expected none in a cluster of type EDS");
  }
  const auto& eds = from.eds_cluster_config();
  cluster.service_name = eds.service_name().empty() ? from.name() : eds.service_name();
  if (eds.has_eds_config()) cluster.eds = BuildFeed(context, eds.eds_config(), FieldPath(place, "eds_config"));
}

void BuildCustomType(BuildContext& context, const v3::Cluster& from, const std::string& path, Cluster& cluster) {
  if (!from.has_cluster_type()) return BuildDns(context, from, path, cluster);
  const std::string place = FieldPath(path, "cluster_type");
  const auto& any = from.cluster_type().typed_config();
  if (envoy::extensions::clusters::dns::v3::DnsCluster names; any.UnpackTo(&names)) {
    BuildDnsCluster(context, names, FieldPath(place, "typed_config"), cluster);
    NoteFormerDns(context, from, path);
    return;
  }
  BuildDns(context, from, path, cluster);
  envoy::extensions::clusters::aggregate::v3::ClusterConfig aggregate;
  if (!any.UnpackTo(&aggregate)) {
    context.errors.AddMissing(place, FieldPath(place, "typed_config"),
                              WrongType(any, "DnsCluster, or ClusterConfig of an aggregate"));
    return;
  }
  cluster.discovery = Cluster::Discovery::kAggregate;
  cluster.members.assign(aggregate.clusters().begin(), aggregate.clusters().end());
  if (from.has_load_assignment()) {
    context.errors.Add(FieldPath(path, "load_assignment"), "expected none in an aggregate");
  }
  if (from.health_checks_size() > 0) {
    context.errors.Add(FieldPath(path, "health_checks"), "expected none in an aggregate: its clusters have them");
  }
}

// Checks are not made on the workers, which have the internal listeners.
void NoteUncheckable(BuildContext& context, const Cluster& cluster, const std::string& path) {
  for (const Endpoint& endpoint : cluster.endpoints) {
    const auto* const address = std::get_if<Address>(&endpoint.target);
    if (address == nullptr || !std::holds_alternative<InternalAddress>(*address)) continue;
    if (endpoint.check != nullptr && (endpoint.check->disabled || endpoint.check->address)) continue;
    return context.Note(path, Concat("none of them reaches ", AddressText(*address),
                                     ", an internal listener: its endpoint needs a health_check_config.address"));
  }
}

void BuildTransports(BuildContext& context, const v3::Cluster& from, const std::string& path, Cluster& cluster) {
  if (from.has_transport_socket()) {
    UpstreamSocket socket = BuildUpstreamSocket(context, from.transport_socket(), FieldPath(path, "transport_socket"));
    cluster.tls = std::move(socket.tls);
    cluster.proxy_version = socket.proxy_version;
    cluster.proxy_tlvs = std::move(socket.proxy_tlvs);
    cluster.internal = std::move(socket.internal);
    cluster.names_clients = socket.proxy_version.has_value();
  }
  for (int i = 0; i < from.transport_socket_matches_size(); ++i) {
    const auto& match = from.transport_socket_matches(i);
    const std::string place = ElementPath(FieldPath(path, "transport_socket_matches"), i);
    // Without one of its own it is plain, as Envoy has it.
    UpstreamSocket socket;
    if (match.has_transport_socket()) {
      socket = BuildUpstreamSocket(context, match.transport_socket(), FieldPath(place, "transport_socket"));
    }
    cluster.names_clients |= socket.proxy_version.has_value();
    cluster.transport_matches.push_back(
        {match.name(), BuildMetadataFields(match.match()), std::move(socket.tls), socket.proxy_version,
         std::move(socket.proxy_tlvs), std::move(socket.internal)});
  }
  if (!context.errors.AnyBelow(FieldPath(path, "transport_socket")) &&
      !context.errors.AnyBelow(FieldPath(path, "transport_socket_matches"))) {
    CheckTls(context, from, cluster, path);
  }
}

}  // namespace

void CheckMembers(BuildContext& context, const std::vector<std::shared_ptr<const Cluster>>& clusters,
                  const std::string& path) {
  for (size_t i = 0; i < clusters.size(); ++i) {
    const RouteOverrides* const overrides = clusters[i]->http.route_overrides.get();
    for (size_t m = 0; overrides != nullptr && m < overrides->mirrors.size(); ++m) {
      const auto* const name = std::get_if<std::string>(&overrides->mirrors[m].cluster);
      if (name == nullptr) continue;
      const std::string options =
          KeyPath(FieldPath(ElementPath(path, i), "typed_extension_protocol_options"), kHttpOptionsKey);
      const std::string policies = FieldPath(options, "request_mirror_policies");
      CheckRequestCluster(context, *name, FieldPath(ElementPath(policies, m), "cluster"));
    }
    const std::string list = FieldPath(ElementPath(path, i), "cluster_type.typed_config.clusters");
    for (size_t m = 0; m < clusters[i]->members.size(); ++m) {
      const std::string& name = clusters[i]->members[m];
      CheckRequestCluster(context, name, ElementPath(list, m));
      const auto member =
          std::find_if(clusters.begin(), clusters.end(), [&](const auto& each) { return each->name == name; });
      if (member == clusters.end()) continue;
      const Cluster::Discovery type = (*member)->discovery;
      if (type == Cluster::Discovery::kAggregate || type == Cluster::Discovery::kOriginalDst) {
        context.errors.Add(ElementPath(list, m), Concat("cluster ", Quote(name), " has no hosts of its own"));
      }
    }
  }
}

std::shared_ptr<const Cluster> BuildCluster(BuildContext& context, const v3::Cluster& from,
                                            const std::string& path) {
  const auto cluster = std::make_shared<Cluster>();
  cluster->name = from.name();
  cluster->stat_name =
      absl::StrReplaceAll(from.alt_stat_name().empty() ? from.name() : from.alt_stat_name(), {{":", "_"}});
  if (from.type() == v3::Cluster::STRICT_DNS) cluster->discovery = Cluster::Discovery::kStrictDns;
  if (from.type() == v3::Cluster::LOGICAL_DNS) cluster->discovery = Cluster::Discovery::kLogicalDns;
  BuildEds(context, from, path, *cluster);
  BuildCustomType(context, from, path, *cluster);
  Assignment assignment;
  BuildAssignment(context, from.load_assignment(), cluster->discovery, FieldPath(path, "load_assignment"), assignment);
  cluster->endpoints = std::move(assignment.endpoints);
  cluster->assignment_policy = assignment.policy;
  BuildOriginalDst(context, from, path, *cluster);
  CheckPolicy(context, from, path, *cluster);
  if (cluster->discovery == Cluster::Discovery::kLogicalDns && cluster->endpoints.size() != 1) {
    context.errors.Add(FieldPath(path, "load_assignment.endpoints"),
                       Concat(cluster->endpoints.size(), " endpoints, expected one in a LOGICAL_DNS cluster"));
  }

  cluster->load_balancing = BuildLoadBalancing(context, from, path);
  if (from.preconnect_policy().has_per_upstream_preconnect_ratio()) {
    cluster->preconnect.per_host = from.preconnect_policy().per_upstream_preconnect_ratio().value();
  }
  if (from.preconnect_policy().has_predictive_preconnect_ratio()) {
    cluster->preconnect.predictive = from.preconnect_policy().predictive_preconnect_ratio().value();
  }

  if (from.has_connect_timeout()) cluster->connect_timeout = ToDuration(from.connect_timeout());
  if (from.has_per_connection_buffer_limit_bytes()) {
    cluster->per_connection_buffer_limit = BufferLimit(from.per_connection_buffer_limit_bytes().value());
  }
  BuildCircuitBreakers(context, from.circuit_breakers(), FieldPath(path, "circuit_breakers"), *cluster);
  BuildProtocolOptions(context, from, path, *cluster);
  BuildTransports(context, from, path, *cluster);  // its protocols stand
  if (from.upstream_connection_options().has_tcp_keepalive()) {
    const auto& keepalive = from.upstream_connection_options().tcp_keepalive();
    TcpKeepalive& to = cluster->tcp_keepalive.emplace();
    if (keepalive.has_keepalive_probes()) to.probes = keepalive.keepalive_probes().value();
    if (keepalive.has_keepalive_time()) to.time_s = keepalive.keepalive_time().value();
    if (keepalive.has_keepalive_interval()) to.interval_s = keepalive.keepalive_interval().value();
  }

  const auto& eyeballs = from.upstream_connection_options().happy_eyeballs_config();
  cluster->happy_eyeballs.first = static_cast<HappyEyeballs::Family>(eyeballs.first_address_family_version());
  if (eyeballs.has_first_address_family_count()) {
    cluster->happy_eyeballs.count = eyeballs.first_address_family_count().value();
  }

  for (int i = 0; i < from.health_checks_size(); ++i) {
    const std::string check_path = ElementPath(FieldPath(path, "health_checks"), i);
    if (i > 0) context.errors.Add(check_path, "a second health check, expected at most one");
    cluster->health_check = BuildHealthCheck(context, from.health_checks(i), cluster->http, check_path);
  }
  if (cluster->health_check != nullptr) NoteUncheckable(context, *cluster, FieldPath(path, "health_checks"));
  cluster->ignore_health_on_host_removal = from.ignore_health_on_host_removal();
  cluster->ignore_new_hosts_until_first_check = from.common_lb_config().ignore_new_hosts_until_first_hc();
  cluster->close_on_health_failure = from.close_connections_on_host_health_failure();
  cluster->tracked = {.timeout_budgets = from.track_cluster_stats().timeout_budgets() || from.track_timeout_budgets(),
                      .sizes = from.track_cluster_stats().request_response_sizes(),
                      .endpoints = from.track_cluster_stats().per_endpoint_stats()};
  cluster->close_on_membership_change = from.common_lb_config().close_connections_on_host_set_change();
  cluster->metadata = BuildMetadata(from.metadata());
  if (from.has_wait_for_warm_on_init()) cluster->wait_for_warm = from.wait_for_warm_on_init().value();
  if (from.has_outlier_detection()) {
    cluster->outlier_detection = BuildOutlierDetection(from.outlier_detection());
  }
  cluster->bind = from.has_upstream_bind_config()
                      ? BuildBindOptions(context, from.upstream_bind_config(), FieldPath(path, "upstream_bind_config"))
                      : context.default_bind;

  return cluster;
}

}  // namespace pillion::config
