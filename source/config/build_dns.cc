#include "source/config/build_dns.h"

#include "envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.pb.h"
#include "envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver.pb.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::cluster::v3;
namespace dns = envoy::extensions::clusters::common::dns::v3;
namespace resolvers = envoy::extensions::network::dns_resolver;
using DnsCluster = envoy::extensions::clusters::dns::v3::DnsCluster;

Cluster::DnsFamily BuildFamily(v3::Cluster::DnsLookupFamily from) {
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

Cluster::DnsFamily BuildFamily(dns::DnsLookupFamily from) {
  switch (from) {
    case dns::V4_ONLY:
      return Cluster::DnsFamily::kV4Only;
    case dns::V6_ONLY:
      return Cluster::DnsFamily::kV6Only;
    case dns::V4_PREFERRED:
      return Cluster::DnsFamily::kV4Preferred;
    case dns::ALL:
      return Cluster::DnsFamily::kAll;
    default:
      return Cluster::DnsFamily::kAuto;
  }
}

// Both messages have the same fields.
template <typename Message>
void BuildTimes(BuildContext& context, const Message& from, const std::string& path, Cluster& cluster) {
  if (from.has_dns_refresh_rate()) cluster.dns_refresh_rate = ToDuration(from.dns_refresh_rate());
  cluster.dns_jitter = ToDuration(from.dns_jitter());
  cluster.respect_dns_ttl = from.respect_dns_ttl();
  cluster.dns_family = BuildFamily(from.dns_lookup_family());
  cluster.name_resolution = from.has_typed_dns_resolver_config()
                                ? BuildNameResolution(context, from.typed_dns_resolver_config(),
                                                      FieldPath(path, "typed_dns_resolver_config"))
                                : context.name_resolution;
  if (!from.has_dns_failure_refresh_rate()) return;
  const auto& rate = from.dns_failure_refresh_rate();
  DnsBackOff& back_off = cluster.dns_back_off.emplace();
  back_off.base = ToDuration(rate.base_interval());
  back_off.max = rate.has_max_interval() ? ToDuration(rate.max_interval()) : 10 * back_off.base;
  if (back_off.max < back_off.base) {
    context.errors.Add(FieldPath(path, "dns_failure_refresh_rate.max_interval"), "less than base_interval");
  }
}

void BuildServer(BuildContext& context, const envoy::config::core::v3::Address& from, const std::string& path,
                 NameResolution& to) {
  if (from.has_pipe()) {
    context.errors.Add(path, "a unix path, expected a socket_address: who is asked by DNS has an IP address");
    return;
  }
  const auto& socket = from.socket_address();
  const std::string place = FieldPath(path, "socket_address");
  if (socket.has_port_value() && socket.port_value() == 0) {
    context.errors.Add(FieldPath(place, "port_value"), "0, expected a port from 1 to 65535");
  }
  const std::optional<SocketAddress> address = ParseIp(socket.address(), static_cast<uint16_t>(socket.port_value()));
  if (address) {
    to.servers.push_back(*address);
  } else if (!socket.address().empty()) {
    context.errors.Add(FieldPath(place, "address"), Concat(Quote(socket.address()), ", expected an IP address"));
  }
}

void BuildCares(BuildContext& context, const resolvers::cares::v3::CaresDnsResolverConfig& from,
                const std::string& path, NameResolution& to) {
  for (int i = 0; i < from.resolvers_size(); ++i) {
    BuildServer(context, from.resolvers(i), ElementPath(FieldPath(path, "resolvers"), i), to);
  }
  if (from.use_resolvers_as_fallback() && from.resolvers().empty()) {
    context.errors.Add(FieldPath(path, "use_resolvers_as_fallback"), "true, but there are no resolvers");
  }
  to.servers_as_fallback = from.use_resolvers_as_fallback();
  to.leaves_unroutable = from.filter_unroutable_families();
  to.tcp = from.dns_resolver_options().use_tcp_for_dns_lookups();
  to.search_domains = !from.dns_resolver_options().no_default_search_domain();
  to.rotate = from.rotate_nameservers();
  to.questions_per_port = from.udp_max_queries().value();
  to.timeout = std::chrono::seconds(from.query_timeout_seconds().value());
  to.tries = from.query_tries().value();
}

}  // namespace

std::shared_ptr<const NameResolution> BuildNameResolution(BuildContext& context,
                                                          const envoy::config::core::v3::TypedExtensionConfig& from,
                                                          const std::string& path) {
  auto to = std::make_shared<NameResolution>();
  const std::string place = FieldPath(path, "typed_config");
  resolvers::cares::v3::CaresDnsResolverConfig cares;
  resolvers::getaddrinfo::v3::GetAddrInfoDnsResolverConfig system;
  if (from.typed_config().UnpackTo(&cares)) {
    BuildCares(context, cares, place, *to);
  } else if (from.typed_config().UnpackTo(&system)) {
    to->system = true;
    to->retries = system.num_retries().value();
  } else {
    context.errors.AddMissing(path, place,
                              WrongType(from.typed_config(), "CaresDnsResolverConfig or GetAddrInfoDnsResolverConfig"));
  }
  return to;
}

void BuildDns(BuildContext& context, const v3::Cluster& from, const std::string& path, Cluster& cluster) {
  BuildTimes(context, from, path, cluster);
}

void BuildDnsCluster(BuildContext& context, const DnsCluster& from, const std::string& path, Cluster& cluster) {
  BuildTimes(context, from, path, cluster);
  cluster.discovery = from.all_addresses_in_single_endpoint() ? Cluster::Discovery::kLogicalDns
                                                              : Cluster::Discovery::kStrictDns;
}

void NoteFormerDns(BuildContext& context, const v3::Cluster& from, const std::string& path) {
  const auto note = [&](bool is_set, std::string_view field) {
    if (is_set) context.Note(FieldPath(path, field), "says nothing: cluster_type stands instead");
  };
  note(from.has_dns_refresh_rate(), "dns_refresh_rate");
  note(from.has_dns_failure_refresh_rate(), "dns_failure_refresh_rate");
  note(from.has_dns_jitter(), "dns_jitter");
  note(from.respect_dns_ttl(), "respect_dns_ttl");
  note(from.dns_lookup_family() != v3::Cluster::AUTO, "dns_lookup_family");
  note(from.has_typed_dns_resolver_config(), "typed_dns_resolver_config");
}

}  // namespace pillion::config
