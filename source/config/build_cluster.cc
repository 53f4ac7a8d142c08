// Clusters.

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::cluster::v3;
using UpstreamOptions = envoy::extensions::upstreams::http::v3::HttpProtocolOptions;

constexpr std::string_view kHttpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

// Letters, digits, '-', '_' and dots between labels of 1 to 63: what a resolver can be asked for.
bool IsDnsName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_') return false;
    if (++label > 63) return false;
  }
  return label > 0;
}

// An IP address is one in every type of cluster; a name only where DNS is asked.
std::variant<Address, DnsTarget> BuildTarget(BuildContext& context, Cluster::Discovery discovery,
                                             const envoy::config::core::v3::Address& from,
                                             const std::string& path) {
  const auto& socket = from.socket_address();
  const std::string socket_path = FieldPath(path, "socket_address");
  if (from.has_socket_address() && socket.has_port_value() && socket.port_value() == 0) {
    context.errors.Add(FieldPath(socket_path, "port_value"), "0, expected a port from 1 to 65535");
  }
  if (discovery != Cluster::Discovery::kStatic) {
    if (from.has_pipe()) context.errors.Add(path, "a unix path, expected a socket_address in a cluster of DNS names");
    const auto port = static_cast<uint16_t>(socket.port_value());
    if (const std::optional<SocketAddress> ip = ParseIp(socket.address(), port)) return Address(*ip);
    if (!socket.address().empty() && !IsDnsName(socket.address())) {
      context.errors.Add(FieldPath(socket_path, "address"),
                         Concat(Quote(socket.address()), ", expected a DNS name or an IP address"));
    }
    return DnsTarget{absl::AsciiStrToLower(socket.address()), port};
  }
  if (from.has_socket_address() && !ParseIp(socket.address(), 0) && IsDnsName(socket.address())) {
    context.errors.Add(FieldPath(socket_path, "address"),
                       Concat(Quote(socket.address()), ", expected an IP address; names need type STRICT_DNS"));
    return Address();
  }
  return BuildAddress(context, from, path).value_or(Address());
}

EndpointHealth BuildHealth(envoy::config::core::v3::HealthStatus from) {
  constexpr EndpointHealth kHealth[] = {EndpointHealth::kUnknown,  EndpointHealth::kHealthy, EndpointHealth::kUnhealthy,
                                        EndpointHealth::kDraining, EndpointHealth::kTimeout, EndpointHealth::kDegraded};
  return kHealth[from];
}

void BuildEndpoints(BuildContext& context, const envoy::config::endpoint::v3::ClusterLoadAssignment& from,
                    const std::string& path, Cluster& cluster) {
  std::map<uint32_t, uint64_t> weights;  // sum by priority
  for (int l = 0; l < from.endpoints_size(); ++l) {
    const auto& group = from.endpoints(l);
    const std::string group_path = ElementPath(FieldPath(path, "endpoints"), l);
    const Locality locality{group.locality().region(), group.locality().zone(), group.locality().sub_zone()};
    weights.try_emplace(group.priority(), 0);
    for (int e = 0; e < group.lb_endpoints_size(); ++e) {
      const auto& lb_endpoint = group.lb_endpoints(e);
      const std::string endpoint_path = ElementPath(FieldPath(group_path, "lb_endpoints"), e);
      Endpoint& endpoint = cluster.endpoints.emplace_back();
      if (lb_endpoint.endpoint().has_address()) {
        endpoint.target = BuildTarget(context, cluster.discovery, lb_endpoint.endpoint().address(),
                                      FieldPath(endpoint_path, "endpoint.address"));
      }
      endpoint.hostname = lb_endpoint.endpoint().hostname();
      if (lb_endpoint.endpoint().has_health_check_config()) {
        endpoint.check = BuildEndpointCheck(context, lb_endpoint.endpoint().health_check_config(),
                                            FieldPath(endpoint_path, "endpoint.health_check_config"));
      }
      if (lb_endpoint.has_load_balancing_weight()) endpoint.weight = lb_endpoint.load_balancing_weight().value();
      endpoint.priority = group.priority();
      endpoint.locality = locality;
      endpoint.locality_weight = group.load_balancing_weight().value();
      endpoint.health = BuildHealth(lb_endpoint.health_status());
      endpoint.metadata = BuildMetadata(lb_endpoint.metadata());
      weights[group.priority()] += endpoint.weight;
    }
  }
  if (from.policy().has_overprovisioning_factor()) {
    cluster.assignment_policy.overprovisioning_percent = from.policy().overprovisioning_factor().value();
  }
  cluster.assignment_policy.weighted_priority_health = from.policy().weighted_priority_health();
  uint32_t expected = 0;
  for (const auto& [priority, sum] : weights) {
    if (priority != expected++) {
      context.errors.Add(FieldPath(path, "endpoints"),
                         Concat("there is a priority ", priority, " but no priority ", expected - 1));
      break;
    }
    if (sum > std::numeric_limits<uint32_t>::max()) {
      context.errors.Add(FieldPath(path, "endpoints"), Concat("the weights add up to ", sum, ", expected at most ",
                                                              std::numeric_limits<uint32_t>::max()));
    }
  }
}

void BuildHttp(BuildContext& context, const UpstreamOptions& from, const std::string& path, UpstreamHttp& http) {
  http.options = BuildHttpOptions(context, from.common_http_protocol_options(), Side::kUpstream,
                                  FieldPath(path, "common_http_protocol_options"));
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
  } else {
    http.http1 = BuildHttp1Options(context, from.explicit_http_config().http_protocol_options(), Side::kUpstream,
                                   FieldPath(path, "explicit_http_config.http_protocol_options"));
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
    }
  }
}

Cluster::DnsFamily BuildDnsFamily(v3::Cluster::DnsLookupFamily from) {
  switch (from) {
    case v3::Cluster::V4_ONLY:
      return Cluster::DnsFamily::kV4Only;
    case v3::Cluster::V6_ONLY:
      return Cluster::DnsFamily::kV6Only;
    case v3::Cluster::V4_PREFERRED:
      return Cluster::DnsFamily::kV4Preferred;
    case v3::Cluster::ALL:
      return Cluster::DnsFamily::kAll;
    default:
      return Cluster::DnsFamily::kAuto;
  }
}

void BuildOriginalDst(BuildContext& context, const v3::Cluster& from, const std::string& path, Cluster& cluster) {
  const bool is_one = from.type() == v3::Cluster::ORIGINAL_DST;
  const bool provided = from.lb_policy() == v3::Cluster::CLUSTER_PROVIDED;
  if (is_one != provided) {
    context.errors.Add(FieldPath(path, "lb_policy"), is_one ? "expected CLUSTER_PROVIDED in a cluster of type ORIGINAL_DST"
                                                            : "CLUSTER_PROVIDED, but no cluster of type ORIGINAL_DST");
  }
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
  if (config.has_upstream_port_override()) {
    cluster.original_dst.port = static_cast<uint16_t>(config.upstream_port_override().value());
  }
  if (from.has_cleanup_interval()) cluster.original_dst.cleanup_interval = ToDuration(from.cleanup_interval());
}

}  // namespace

std::shared_ptr<const Cluster> BuildCluster(BuildContext& context, const v3::Cluster& from,
                                            const std::string& path) {
  const auto cluster = std::make_shared<Cluster>();
  cluster->name = from.name();
  cluster->stat_name =
      absl::StrReplaceAll(from.alt_stat_name().empty() ? from.name() : from.alt_stat_name(), {{":", "_"}});
  if (from.type() == v3::Cluster::STRICT_DNS) cluster->discovery = Cluster::Discovery::kStrictDns;
  if (from.type() == v3::Cluster::LOGICAL_DNS) cluster->discovery = Cluster::Discovery::kLogicalDns;
  BuildEndpoints(context, from.load_assignment(), FieldPath(path, "load_assignment"), *cluster);
  BuildOriginalDst(context, from, path, *cluster);
  if (cluster->discovery == Cluster::Discovery::kLogicalDns && cluster->endpoints.size() != 1) {
    context.errors.Add(FieldPath(path, "load_assignment.endpoints"),
                       Concat(cluster->endpoints.size(), " endpoints, expected one in a LOGICAL_DNS cluster"));
  }

  cluster->load_balancing = BuildLoadBalancing(context, from, path);

  if (from.has_connect_timeout()) cluster->connect_timeout = ToDuration(from.connect_timeout());
  if (from.has_per_connection_buffer_limit_bytes()) {
    cluster->per_connection_buffer_limit = BufferLimit(from.per_connection_buffer_limit_bytes().value());
  }
  BuildCircuitBreakers(context, from.circuit_breakers(), FieldPath(path, "circuit_breakers"), *cluster);
  BuildProtocolOptions(context, from, path, *cluster);
  if (from.upstream_connection_options().has_tcp_keepalive()) {
    const auto& keepalive = from.upstream_connection_options().tcp_keepalive();
    TcpKeepalive& to = cluster->tcp_keepalive.emplace();
    if (keepalive.has_keepalive_probes()) to.probes = keepalive.keepalive_probes().value();
    if (keepalive.has_keepalive_time()) to.time_s = keepalive.keepalive_time().value();
    if (keepalive.has_keepalive_interval()) to.interval_s = keepalive.keepalive_interval().value();
  }

  for (int i = 0; i < from.health_checks_size(); ++i) {
    const std::string check_path = ElementPath(FieldPath(path, "health_checks"), i);
    if (i > 0) context.errors.Add(check_path, "a second health check, expected at most one");
    cluster->health_check = BuildHealthCheck(context, from.health_checks(i), cluster->http, check_path);
  }
  cluster->ignore_health_on_host_removal = from.ignore_health_on_host_removal();
  if (from.has_wait_for_warm_on_init()) cluster->wait_for_warm = from.wait_for_warm_on_init().value();
  if (from.has_outlier_detection()) {
    cluster->outlier_detection = BuildOutlierDetection(from.outlier_detection());
  }
  cluster->bind = from.has_upstream_bind_config()
                      ? BuildBindOptions(context, from.upstream_bind_config(), FieldPath(path, "upstream_bind_config"))
                      : context.default_bind;

  if (from.has_dns_refresh_rate()) cluster->dns_refresh_rate = ToDuration(from.dns_refresh_rate());
  cluster->respect_dns_ttl = from.respect_dns_ttl();
  cluster->dns_family = BuildDnsFamily(from.dns_lookup_family());
  return cluster;
}

}  // namespace pillion::config
