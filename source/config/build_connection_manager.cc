// The HTTP connection manager.

#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "source/config/build.h"
#include "source/config/check_routes.h"
#include "source/config/route.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
using HttpMessage = hcm::HttpConnectionManager;

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
    to.ranges.push_back(
        BuildIpRange(context, from.cidr_ranges(i), ElementPath(FieldPath(path, "cidr_ranges"), i)));
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

// A table that stands in the manager at `path`, for its filters.
std::shared_ptr<const RouteConfig> BuildTableFor(BuildContext& context,
                                                 const envoy::config::route::v3::RouteConfiguration& from,
                                                 const std::vector<HttpFilter>& filters, const std::string& path,
                                                 const std::string& place) {
  context.chain = &filters;
  std::shared_ptr<const RouteConfig> table = BuildRouteConfig(context, from, place);
  context.chain = nullptr;
  CheckOverrides(*table, filters, place, context.errors);
  for (ConfigError& error : Contradictions(*table, filters, place)) {
    context.errors.Add(std::move(error.path), std::move(error.message));
  }
  // A filter that could not be built has its name, too.
  if (!context.errors.AnyBelow(FieldPath(path, "http_filters"))) {
    for (ConfigError& note : UnusedOverrides(*table, filters, place)) {
      context.Note(std::move(note.path), std::move(note.message));
    }
  }
  return table;
}

}  // namespace

HttpConnectionManager BuildHttpConnectionManager(BuildContext& context, const HttpMessage& from,
                                                 const std::string& path) {
  HttpConnectionManager http;
  http.codec = BuildCodec(from.codec_type());
  http.stat_prefix = from.stat_prefix();
  http.http_filters = BuildHttpFilters(context, from, http.router, path);
  const auto build_table = [&](const envoy::config::route::v3::RouteConfiguration& table, const std::string& place) {
    return BuildTableFor(context, table, http.http_filters, path, place);
  };
  if (from.has_scoped_routes()) {
    http.scoped_routes = BuildScopedRoutes(context, from.scoped_routes(), FieldPath(path, "scoped_routes"), build_table);
  } else if (from.has_rds()) {
    const std::string place = FieldPath(path, "rds.config_source");
    http.route_source = {from.rds().route_config_name(), BuildFeed(context, from.rds().config_source(), place)};
  } else {
    http.route_config = build_table(from.route_config(), FieldPath(path, "route_config"));
  }

  http.options = BuildHttpOptions(context, from.common_http_protocol_options(), Side::kDownstream,
                                  FieldPath(path, "common_http_protocol_options"));
  http.http1 = BuildHttp1Options(context, from.http_protocol_options(), Side::kDownstream,
                                 FieldPath(path, "http_protocol_options"));
  http.http2 = BuildHttp2Options(context, from.http2_protocol_options(), Side::kDownstream,
                                 FieldPath(path, "http2_protocol_options"));
  if (from.has_max_request_headers_kb()) http.max_request_headers_kb = from.max_request_headers_kb().value();

  if (from.has_stream_idle_timeout()) http.stream_idle_timeout = ToDuration(from.stream_idle_timeout());
  http.request_timeout = ToDuration(from.request_timeout());
  if (from.has_request_headers_timeout())
    http.request_headers_timeout = ToDuration(from.request_headers_timeout());
  if (from.has_drain_timeout()) http.drain_timeout = ToDuration(from.drain_timeout());
  if (from.has_delayed_close_timeout()) http.delayed_close_timeout = ToDuration(from.delayed_close_timeout());

  if (!from.server_name().empty()) http.server_name = from.server_name();
  http.server_header = BuildServerHeader(from.server_header_transformation());
  http.tells_overload = from.append_local_overload();
  http.via = from.via();
  if (from.add_user_agent().value()) {
    http.service_cluster = context.node.cluster();
    http.service_node = context.node.id();
  }
  http.proxy_100_continue = from.proxy_100_continue();
  http.use_remote_address = from.use_remote_address().value();
  http.xff_num_trusted_hops = from.xff_num_trusted_hops();
  BuildIpDetections(context, from, path, http);
  BuildEarlyMutations(context, from, path, http);
  http.skip_xff_append = from.skip_xff_append();
  // Theirs have Envoy's numbers; others were refused.
  http.forwarded_client_cert.mode = static_cast<ForwardedClientCert::Mode>(from.forward_client_cert_details());
  const auto& says = from.set_current_client_cert_details();
  http.forwarded_client_cert.subject = says.subject().value();
  http.forwarded_client_cert.cert = says.cert();
  http.forwarded_client_cert.chain = says.chain();
  http.forwarded_client_cert.uri = says.uri();
  http.forwarded_client_cert.dns = says.dns();
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

}  // namespace pillion::config
