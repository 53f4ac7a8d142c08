// Filter chains: the HTTP connection manager and the TCP proxy that they end in.

#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
using HttpMessage = hcm::HttpConnectionManager;
using TcpMessage = envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;

HttpConnectionManager::Codec BuildCodec(HttpMessage::CodecType from) {
  switch (from) {
    case HttpMessage::HTTP1:
      return HttpConnectionManager::Codec::kHttp1;
    case HttpMessage::HTTP2:
      return HttpConnectionManager::Codec::kHttp2;
    default:
      return HttpConnectionManager::Codec::kAuto;
  }
}

HttpConnectionManager::ServerHeader BuildServerHeader(HttpMessage::ServerHeaderTransformation from) {
  switch (from) {
    case HttpMessage::APPEND_IF_ABSENT:
      return HttpConnectionManager::ServerHeader::kAppendIfAbsent;
    case HttpMessage::PASS_THROUGH:
      return HttpConnectionManager::ServerHeader::kPassThrough;
    default:
      return HttpConnectionManager::ServerHeader::kOverwrite;
  }
}

void BuildInternalAddresses(BuildContext& context, const HttpMessage::InternalAddressConfig& from,
                            const std::string& path, InternalAddresses& to) {
  to.unix_sockets = from.unix_sockets();
  for (int i = 0; i < from.cidr_ranges_size(); ++i) {
    to.ranges.push_back(BuildIpRange(context, from.cidr_ranges(i), ElementPath(FieldPath(path, "cidr_ranges"), i)));
  }
}

EscapedSlashes BuildEscapedSlashes(HttpMessage::PathWithEscapedSlashesAction from) {
  switch (from) {
    case HttpMessage::REJECT_REQUEST:
      return EscapedSlashes::kReject;
    case HttpMessage::UNESCAPE_AND_REDIRECT:
      return EscapedSlashes::kRedirect;
    case HttpMessage::UNESCAPE_AND_FORWARD:
      return EscapedSlashes::kUnescape;
    default:
      return EscapedSlashes::kKeep;
  }
}

HttpConnectionManager BuildHttp(BuildContext& context, const HttpMessage& from, const std::string& path) {
  HttpConnectionManager http;
  http.codec = BuildCodec(from.codec_type());
  http.stat_prefix = from.stat_prefix();
  http.http_filters = BuildHttpFilters(context, from, http.router, path);  // before the routes, which say more of them
  http.route_config = BuildRouteConfig(context, from.route_config(), FieldPath(path, "route_config"));

  http.options = BuildHttpOptions(context, from.common_http_protocol_options(), Side::kDownstream,
                                  FieldPath(path, "common_http_protocol_options"));
  http.http1 = BuildHttp1Options(context, from.http_protocol_options(), Side::kDownstream,
                                 FieldPath(path, "http_protocol_options"));
  http.http2 = BuildHttp2Options(context, from.http2_protocol_options(), Side::kDownstream,
                                 FieldPath(path, "http2_protocol_options"));
  if (from.has_max_request_headers_kb()) http.max_request_headers_kb = from.max_request_headers_kb().value();

  if (from.has_stream_idle_timeout()) http.stream_idle_timeout = ToDuration(from.stream_idle_timeout());
  http.request_timeout = ToDuration(from.request_timeout());
  if (from.has_request_headers_timeout()) http.request_headers_timeout = ToDuration(from.request_headers_timeout());
  if (from.has_drain_timeout()) http.drain_timeout = ToDuration(from.drain_timeout());
  if (from.has_delayed_close_timeout()) http.delayed_close_timeout = ToDuration(from.delayed_close_timeout());

  if (!from.server_name().empty()) http.server_name = from.server_name();
  http.server_header = BuildServerHeader(from.server_header_transformation());
  http.via = from.via();
  if (from.add_user_agent().value()) {
    http.service_cluster = context.node.cluster();
    http.service_node = context.node.id();
  }
  http.proxy_100_continue = from.proxy_100_continue();
  http.use_remote_address = from.use_remote_address().value();
  http.xff_num_trusted_hops = from.xff_num_trusted_hops();
  http.skip_xff_append = from.skip_xff_append();
  http.forwards_client_cert = from.forward_client_cert_details() == HttpMessage::ALWAYS_FORWARD_ONLY;
  if (from.has_generate_request_id()) http.generate_request_id = from.generate_request_id().value();
  BuildTracing(context, from, path, http);
  BuildScheme(context, from.scheme_header_transformation(), FieldPath(path, "scheme_header_transformation"), http);
  http.maps_ipv4_to_ipv6 = from.represent_ipv4_remote_address_as_ipv4_mapped_ipv6();
  if (from.has_stream_error_on_invalid_http_message() &&
      !from.http2_protocol_options().has_override_stream_error_on_invalid_http_message()) {
    http.http2.invalid_message_ends_connection = !from.stream_error_on_invalid_http_message().value();
  }
  http.preserve_external_request_id = from.preserve_external_request_id();
  http.request_id_in_response = from.always_set_request_id_in_response();
  http.append_x_forwarded_port = from.append_x_forwarded_port();
  BuildInternalAddresses(context, from.internal_address_config(), FieldPath(path, "internal_address_config"),
                         http.internal_addresses);
  http.escaped_slashes = BuildEscapedSlashes(from.path_with_escaped_slashes_action());
  http.normalize_path = from.normalize_path().value();
  http.merge_slashes = from.merge_slashes();

  if (from.strip_matching_host_port()) http.strip_port = HttpConnectionManager::StripPort::kMatching;
  if (from.strip_any_host_port()) {
    if (from.strip_matching_host_port()) {
      context.errors.Add(FieldPath(path, "strip_any_host_port"), "excludes strip_matching_host_port");
    }
    http.strip_port = HttpConnectionManager::StripPort::kAny;
  }
  http.strip_trailing_host_dot = from.strip_trailing_host_dot();
  http.local_replies = BuildLocalReplies(context, from.local_reply_config(), FieldPath(path, "local_reply_config"));
  http.upgrades = BuildUpgrades(context, from.upgrade_configs(), FieldPath(path, "upgrade_configs"));
  http.access_logs = BuildAccessLogs(context, from.access_log(), FieldPath(path, "access_log"));
  return http;
}

TcpProxy BuildTcp(BuildContext& context, const TcpMessage& from, const std::string& path) {
  TcpProxy tcp;
  tcp.stat_prefix = from.stat_prefix();
  tcp.cluster = from.cluster();
  CheckClusterExists(context, from.cluster(), FieldPath(path, "cluster"));
  if (from.has_idle_timeout()) tcp.idle_timeout = ToDuration(from.idle_timeout());
  if (from.has_max_connect_attempts()) tcp.max_connect_attempts = from.max_connect_attempts().value();
  tcp.access_logs = BuildAccessLogs(context, from.access_log(), FieldPath(path, "access_log"));
  return tcp;
}

}  // namespace

FilterChain BuildFilterChain(BuildContext& context, const envoy::config::listener::v3::FilterChain& from,
                             const std::string& path) {
  FilterChain chain;
  chain.name = from.name();
  const std::string field = FieldPath(path, "filters");
  if (from.filters_size() == 0) {
    context.errors.AddMissing(path, field, "empty, but HttpConnectionManager or TcpProxy is required");
    return chain;
  }
  // Both are terminal, so the first is the last.
  for (int i = 1; i < from.filters_size(); ++i) {
    context.errors.AddMissing(path, ElementPath(field, i), "comes after the filter that ends the chain");
  }
  const std::string filter_path = ElementPath(field, 0);
  const std::string config_path = FieldPath(filter_path, "typed_config");
  const google::protobuf::Any& config = from.filters(0).typed_config();
  HttpMessage http;
  TcpMessage tcp;
  if (config.UnpackTo(&http)) {
    chain.terminal = BuildHttp(context, http, config_path);
  } else if (config.UnpackTo(&tcp)) {
    chain.terminal = BuildTcp(context, tcp, config_path);
  } else {
    context.errors.AddMissing(filter_path, config_path, WrongType(config, "HttpConnectionManager or TcpProxy"));
  }
  return chain;
}

}  // namespace pillion::config
