// Filter chains: which connections get one, and their network filters.

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "envoy/extensions/filters/network/connection_limit/v3/connection_limit.pb.h"
#include "envoy/extensions/filters/network/echo/v3/echo.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.pb.h"
#include "envoy/extensions/filters/network/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/network/set_filter_state/v3/set_filter_state.pb.h"
#include "envoy/extensions/filters/network/sni_cluster/v3/sni_cluster.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "source/config/build.h"
#include "source/config/build_access.h"
#include "source/config/build_filter_state.h"
#include "source/config/build_token_bucket.h"
#include "source/config/text.h"
#include "source/limit/shared_bucket.h"

namespace pillion::config {
namespace {

namespace core = envoy::config::core::v3;
namespace v3 = envoy::config::listener::v3;
namespace network = envoy::extensions::filters::network;
using HttpMessage = network::http_connection_manager::v3::HttpConnectionManager;
using TcpMessage = network::tcp_proxy::v3::TcpProxy;
using LimitMessage = network::connection_limit::v3::ConnectionLimit;
using RateMessage = network::local_ratelimit::v3::LocalRateLimit;
using RbacMessage = network::rbac::v3::RBAC;
using StateMessage = network::set_filter_state::v3::Config;

constexpr std::string_view kTerminals = "HttpConnectionManager, TcpProxy or Echo";
constexpr std::string_view kOthers = "ConnectionLimit, LocalRateLimit, RBAC, SetFilterState or SniCluster";

TcpProxy BuildTcp(BuildContext& context, const TcpMessage& from, const std::string& path) {
  TcpProxy tcp;
  tcp.stat_prefix = from.stat_prefix();
  tcp.lb_criteria = BuildLbCriteria(from.metadata_match());
  if (from.has_weighted_clusters()) {
    const std::string list = FieldPath(path, "weighted_clusters.clusters");
    uint64_t total = 0;
    for (int i = 0; i < from.weighted_clusters().clusters_size(); ++i) {
      const auto& cluster = from.weighted_clusters().clusters(i);
      CheckRequestCluster(context, cluster.name(), FieldPath(ElementPath(list, i), "name"));
      LbCriteria criteria = tcp.lb_criteria;
      criteria = criteria.MergedWith(BuildLbCriteria(cluster.metadata_match()));
      tcp.clusters.push_back({cluster.name(), cluster.weight(), std::move(criteria)});
      total += cluster.weight();
    }
    if (total > UINT32_MAX) {
      context.errors.Add(list, Concat("the weights are ", total, " in all, expected at most ", UINT32_MAX));
    }
  } else {
    CheckRequestCluster(context, from.cluster(), FieldPath(path, "cluster"));
    tcp.clusters.push_back({from.cluster(), 1, tcp.lb_criteria});
  }
  for (int i = 0; i < from.hash_policy_size(); ++i) {
    const auto& policy = from.hash_policy(i);
    if (i > 0) context.errors.Add(ElementPath(FieldPath(path, "hash_policy"), i), "a second one, expected at most one");
    tcp.hashes_source_ip = policy.has_source_ip();
    tcp.hashes_object = policy.filter_state().key();
  }
  if (from.has_idle_timeout()) tcp.idle_timeout = ToDuration(from.idle_timeout());
  if (from.has_max_downstream_connection_duration()) {
    tcp.max_connection_duration = ToDuration(from.max_downstream_connection_duration());
  }
  if (from.has_max_connect_attempts()) tcp.max_connect_attempts = from.max_connect_attempts().value();
  if (from.has_tunneling_config()) {
    tcp.tunneling = BuildTunneling(context, from.tunneling_config(), FieldPath(path, "tunneling_config"));
  }
  tcp.access_logs = BuildAccessLogs(context, from.access_log(), FieldPath(path, "access_log"));
  tcp.logs_start = from.access_log_options().flush_access_log_on_start();
  tcp.logs_connected = from.access_log_options().flush_access_log_on_connected();
  tcp.log_interval = ToDuration(from.access_log_options().access_log_flush_interval());
  return tcp;
}

Switch BuildSwitch(BuildContext& context, const envoy::config::core::v3::RuntimeFeatureFlag& from) {
  return {.otherwise = from.default_value().value(), .key = context.runtime_keys->Find(from.runtime_key())};
}

ConnectionLimit BuildConnectionLimit(BuildContext& context, const LimitMessage& from, const std::string& path) {
  if (from.has_max_connections() && from.max_connections().value() == 0) {
    context.errors.Add(FieldPath(path, "max_connections"), "0, expected at least 1");
  }
  return {.stat_prefix = from.stat_prefix(),
          .max_connections = from.max_connections().value(),
          .delay = ToDuration(from.delay()),
          .on = from.has_runtime_enabled() ? BuildSwitch(context, from.runtime_enabled()) : Switch()};
}

ConnectionRate BuildConnectionRate(BuildContext& context, const RateMessage& from, const std::string& path) {
  ConnectionRate to;
  to.stat_prefix = from.stat_prefix();
  const std::string place = FieldPath(path, "token_bucket");
  if (const auto terms = BuildTokenBucket(context, from.token_bucket(), place)) {
    // What is shared is so by the whole process, whoever names the key.
    const std::string key = from.share_key().empty() ? context.home.KeyOf(path) : Concat("shared ", from.share_key());
    to.bucket = limit::SharedBucket::Of(key, *terms);
  }
  if (from.has_runtime_enabled()) to.on = BuildSwitch(context, from.runtime_enabled());
  return to;
}

ConnectionState BuildConnectionState(BuildContext& context, const StateMessage& from, bool has_tls,
                                     const std::string& path) {
  const std::string handshake = FieldPath(path, "on_downstream_tls_handshake");
  if (!has_tls && from.on_downstream_tls_handshake_size() > 0) {
    context.Note(handshake, "there is no TLS here, so nothing of it is ever set");
  }
  return {.on_new_connection = BuildFilterState(context, from.on_new_connection(), FieldPath(path, "on_new_connection")),
          .on_handshake = BuildFilterState(context, from.on_downstream_tls_handshake(), handshake)};
}

NetworkRbac BuildNetworkRbac(BuildContext& context, const RbacMessage& from, const std::string& path) {
  return {.stat_prefix = from.stat_prefix(),
          .shadow_prefix = from.shadow_rules_stat_prefix(),
          .engine = BuildAccess(context, from, AccessTo::kConnections, path),
          .shadow = BuildShadowAccess(context, from, AccessTo::kConnections, path),
          .continuous = from.enforcement_type() == RbacMessage::CONTINUOUS,
          .delay = ToDuration(from.delay_deny())};
}

// A filter that ends the chain; nothing: it is none.
std::optional<ChainEnd> BuildTerminal(BuildContext& context, const google::protobuf::Any& config, const std::string& path) {
  HttpMessage http;
  TcpMessage tcp;
  if (config.UnpackTo(&http)) return BuildHttpConnectionManager(context, http, path);
  if (config.UnpackTo(&tcp)) return BuildTcp(context, tcp, path);
  if (config.Is<network::echo::v3::Echo>()) return Echo{};
  return std::nullopt;
}

std::optional<NetworkFilter> BuildNetworkFilter(BuildContext& context, const google::protobuf::Any& config, bool has_tls,
                                                const std::string& path) {
  LimitMessage limit;
  if (config.UnpackTo(&limit)) return BuildConnectionLimit(context, limit, path);
  RateMessage rate;
  if (config.UnpackTo(&rate)) return BuildConnectionRate(context, rate, path);
  StateMessage state;
  if (config.UnpackTo(&state)) return BuildConnectionState(context, state, has_tls, path);
  RbacMessage rbac;
  if (config.UnpackTo(&rbac)) return BuildNetworkRbac(context, rbac, path);
  if (config.Is<network::sni_cluster::v3::SniCluster>()) return SniCluster{};
  return std::nullopt;
}

// One whose configuration comes apart, as it is before that has come.
void BuildDiscovered(BuildContext& context, const v3::Filter& from, bool last, const std::string& path, FilterChain& chain) {
  const AtHome home(context, "network filter", from.name(), path);
  const std::vector<const google::protobuf::Descriptor*> ends{HttpMessage::descriptor(), TcpMessage::descriptor(),
                                                              network::echo::v3::Echo::descriptor()};
  const std::vector<const google::protobuf::Descriptor*> others{LimitMessage::descriptor(), RateMessage::descriptor(),
                                                                RbacMessage::descriptor(), StateMessage::descriptor(),
                                                                network::sni_cluster::v3::SniCluster::descriptor()};
  const core::ExtensionConfigSource& discovery = from.config_discovery();
  const std::shared_ptr<FilterSource> source =
      BuildFilterSource(context, FilterSource::Of::kNetwork, from.name(), discovery, last ? ends : others, path);
  source->ends_chain = last;
  chain.discovered.push_back({.index = chain.filters.size(), .source = source});
  const std::string default_path = FieldPath(path, "default_config");
  const bool has_default =
      discovery.has_default_config() && MayBe(context, source.get(), discovery.default_config(), default_path);
  if (last) {
    chain.terminal = MissingFilter{};
    if (!has_default) return;
    if (auto end = TakeChainEnd(context, discovery.default_config(), default_path)) chain.terminal = *std::move(end);
  } else {
    chain.filters.emplace_back(MissingFilter{});
    if (!has_default) return;
    if (auto filter = TakeNetworkFilter(context, discovery.default_config(), default_path)) {
      chain.filters.back() = *std::move(filter);
    }
  }
}

// In lower case, with a wildcard only in place of the first labels.
std::string BuildServerName(BuildContext& context, const std::string& from, const std::string& path) {
  const std::string_view plain = std::string_view(from).substr(from.starts_with("*.") ? 2 : 0);
  if (plain.empty() || plain.find('*') != plain.npos) {
    context.errors.Add(path, Concat(Quote(from), ", expected a name, or \"*.\" and the end of one"));
  }
  return absl::AsciiStrToLower(from);
}

}  // namespace

bool EndsChain(std::string_view type_url) {
  const std::string_view name = type_url.substr(type_url.rfind('/') + 1);
  return name == HttpMessage::descriptor()->full_name() || name == TcpMessage::descriptor()->full_name() ||
         name == network::echo::v3::Echo::descriptor()->full_name();
}

std::optional<NetworkFilter> TakeNetworkFilter(BuildContext& context, const google::protobuf::Any& any,
                                               const std::string& path) {
  // Whether its chain has TLS is not known here.
  std::optional<NetworkFilter> filter = BuildNetworkFilter(context, any, /*has_tls=*/true, path);
  if (!filter) context.errors.AddMissing(path, path, WrongType(any, kOthers));
  return filter;
}

std::optional<ChainEnd> TakeChainEnd(BuildContext& context, const google::protobuf::Any& any, const std::string& path) {
  const bool before = std::exchange(context.apart, true);
  std::optional<ChainEnd> end = BuildTerminal(context, any, path);
  context.apart = before;
  if (!end) context.errors.AddMissing(path, path, WrongType(any, kTerminals));
  return end;
}

match::ConnectionPattern BuildConnectionPattern(BuildContext& context, const v3::FilterChainMatch& from,
                                                const std::string& path) {
  match::ConnectionPattern pattern;
  const auto build_ranges = [&](const auto& ranges, std::string_view field, std::vector<match::IpRange>& to) {
    for (int i = 0; i < ranges.size(); ++i) {
      to.push_back(BuildIpRange(context, ranges[i], ElementPath(FieldPath(path, field), i)));
    }
  };
  if (from.has_destination_port()) {
    pattern.destination_port = static_cast<uint16_t>(from.destination_port().value());
  }
  build_ranges(from.prefix_ranges(), "prefix_ranges", pattern.destinations);
  for (int i = 0; i < from.server_names_size(); ++i) {
    pattern.server_names.push_back(
        BuildServerName(context, from.server_names(i), ElementPath(FieldPath(path, "server_names"), i)));
  }
  pattern.transport_protocol = from.transport_protocol();
  pattern.application_protocols.assign(from.application_protocols().begin(), from.application_protocols().end());
  build_ranges(from.direct_source_prefix_ranges(), "direct_source_prefix_ranges", pattern.direct_sources);
  if (from.source_type() == v3::FilterChainMatch::SAME_IP_OR_LOOPBACK) pattern.source_type = match::SourceType::kLocal;
  if (from.source_type() == v3::FilterChainMatch::EXTERNAL) pattern.source_type = match::SourceType::kExternal;
  build_ranges(from.source_prefix_ranges(), "source_prefix_ranges", pattern.sources);
  for (const uint32_t port : from.source_ports()) pattern.source_ports.push_back(static_cast<uint16_t>(port));
  return pattern;
}

FilterChain BuildFilterChain(BuildContext& context, const v3::FilterChain& from, const std::string& path) {
  FilterChain chain;
  chain.name = from.name();
  chain.metadata = BuildMetadata(from.metadata());
  if (from.has_transport_socket()) {
    chain.tls = BuildDownstreamTls(context, from.transport_socket(), FieldPath(path, "transport_socket"));
  }
  if (from.has_transport_socket_connect_timeout()) {
    chain.handshake_timeout = ToDuration(from.transport_socket_connect_timeout());
  }
  const std::string field = FieldPath(path, "filters");
  if (from.filters_size() == 0) {
    context.errors.AddMissing(path, field, Concat("empty, but ", kTerminals, " is required"));
    return chain;
  }
  bool ended = false;
  for (int i = 0; i < from.filters_size(); ++i) {
    const std::string filter_path = ElementPath(field, i);
    const std::string config_path = FieldPath(filter_path, "typed_config");
    const google::protobuf::Any& config = from.filters(i).typed_config();
    const bool last = i + 1 == from.filters_size();
    if (ended) {
      context.errors.AddMissing(path, filter_path, "comes after the filter that ends the chain");
    } else if (from.filters(i).has_config_discovery()) {
      BuildDiscovered(context, from.filters(i), last, FieldPath(filter_path, "config_discovery"), chain);
    } else if (std::optional<ChainEnd> end = BuildTerminal(context, config, config_path)) {
      chain.terminal = *std::move(end);
      ended = true;
    } else if (std::optional<NetworkFilter> filter =
                   BuildNetworkFilter(context, config, from.has_transport_socket(), config_path)) {
      chain.filters.push_back(*std::move(filter));
      if (last) context.errors.Add(filter_path, Concat("ends the chain, expected ", kTerminals, " behind it"));
    } else {
      context.errors.AddMissing(filter_path, config_path,
                                WrongType(config, last ? kTerminals : kOthers));
    }
  }
  return chain;
}

}  // namespace pillion::config
