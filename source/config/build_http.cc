// Options of HTTP connections.

#include <algorithm>

#include "absl/strings/ascii.h"
#include "envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

void BuildStatefulFormatter(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                            Http1Options& to) {
  using Formatter = envoy::extensions::http::header_formatters::preserve_case::v3::PreserveCaseFormatterConfig;
  Formatter formatter;
  if (!from.UnpackTo(&formatter)) {
    context.errors.AddMissing(path, FieldPath(path, "typed_config"), WrongType(from, "PreserveCaseFormatterConfig"));
    return;
  }
  const bool proper = formatter.formatter_type_on_envoy_headers() == Formatter::PROPER_CASE;
  to.keep_spelling = proper ? http::NameStyle::kProperCase : http::NameStyle::kLowerCase;
  to.keep_reason = formatter.forward_reason_phrase();
}

}  // namespace

std::string BuildUpgradeType(BuildContext& context, const std::string& text, const std::string& path) {
  std::string type = absl::AsciiStrToLower(text);
  const bool is_token =
      std::all_of(type.begin(), type.end(), [](char c) {  // RFC 9110, 5.6.2, and '/' for a version
        return absl::ascii_isalnum(c) || std::string_view("!#$%&'*+-.^_`|~/").find(c) != std::string_view::npos;
      });
  if (!is_token) context.errors.Add(path, Concat(Quote(text), ", expected a protocol's name"));
  if (type == "connect-udp") {
    context.errors.Add(path, Concat(Quote(text), " is not implemented, expected a protocol over TCP"));
  }
  return type;
}

HttpOptions BuildHttpOptions(BuildContext& context, const envoy::config::core::v3::HttpProtocolOptions& from,
                             Side side, const std::string& path) {
  HttpOptions options;
  if (from.has_idle_timeout()) options.idle_timeout = ToDuration(from.idle_timeout());
  options.max_connection_duration = ToDuration(from.max_connection_duration());
  options.max_stream_duration = ToDuration(from.max_stream_duration());
  if (from.has_max_headers_count()) options.max_headers_count = from.max_headers_count().value();
  options.max_requests_per_connection = from.max_requests_per_connection().value();
  switch (from.headers_with_underscores_action()) {
    case envoy::config::core::v3::HttpProtocolOptions::REJECT_REQUEST:
      options.headers_with_underscores = HeadersWithUnderscores::kRejectRequest;
      break;
    case envoy::config::core::v3::HttpProtocolOptions::DROP_HEADER:
      options.headers_with_underscores = HeadersWithUnderscores::kDropHeader;
      break;
    default:
      break;
  }
  if (side == Side::kUpstream && options.headers_with_underscores != HeadersWithUnderscores::kAllow) {
    context.errors.Add(FieldPath(path, "headers_with_underscores_action"), "is for listeners only");
  }
  return options;
}

Http1Options BuildHttp1Options(BuildContext& context, const envoy::config::core::v3::Http1ProtocolOptions& from,
                               Side side, const std::string& path) {
  if (side == Side::kUpstream && from.accept_http_10()) {
    context.errors.Add(FieldPath(path, "accept_http_10"), "is for listeners only");
  }
  if (side == Side::kUpstream && !from.default_host_for_http_10().empty()) {
    context.errors.Add(FieldPath(path, "default_host_for_http_10"), "is for listeners only");
  }
  if (from.has_allow_absolute_url() && !from.allow_absolute_url().value()) {
    context.errors.Add(FieldPath(path, "allow_absolute_url"),
                       "false is not implemented: servers take them (RFC 9112, 3.2.2)");
  }
  Http1Options to;
  to.accept_http_10 = from.accept_http_10();
  to.default_host_for_http_10 = from.default_host_for_http_10();
  to.enable_trailers = from.enable_trailers();
  if (from.header_key_format().has_proper_case_words()) to.names = http::NameStyle::kProperCase;
  if (from.header_key_format().has_stateful_formatter()) {
    BuildStatefulFormatter(context, from.header_key_format().stateful_formatter().typed_config(),
                           FieldPath(path, "header_key_format.stateful_formatter"), to);
  }
  return to;
}

Http2Options BuildHttp2Options(BuildContext& context, const envoy::config::core::v3::Http2ProtocolOptions& from,
                               Side side, const std::string& path) {
  Http2Options to;
  const auto take = [](bool set, const google::protobuf::UInt32Value& value, uint32_t& target) {
    if (set) target = value.value();
  };
  take(from.has_hpack_table_size(), from.hpack_table_size(), to.hpack_table_size);
  take(from.has_max_concurrent_streams(), from.max_concurrent_streams(), to.max_concurrent_streams);
  take(from.has_initial_stream_window_size(), from.initial_stream_window_size(), to.initial_stream_window_size);
  take(from.has_initial_connection_window_size(), from.initial_connection_window_size(),
       to.initial_connection_window_size);
  take(from.has_max_outbound_frames(), from.max_outbound_frames(), to.max_outbound_frames);
  take(from.has_max_outbound_control_frames(), from.max_outbound_control_frames(), to.max_outbound_control_frames);
  take(from.has_max_consecutive_inbound_frames_with_empty_payload(),
       from.max_consecutive_inbound_frames_with_empty_payload(),
       to.max_consecutive_inbound_frames_with_empty_payload);
  take(from.has_max_inbound_priority_frames_per_stream(), from.max_inbound_priority_frames_per_stream(),
       to.max_inbound_priority_frames_per_stream);
  take(from.has_max_inbound_window_update_frames_per_data_frame_sent(),
       from.max_inbound_window_update_frames_per_data_frame_sent(),
       to.max_inbound_window_update_frames_per_data_frame_sent);
  to.extended_connect = from.allow_connect();
  to.invalid_message_ends_connection = from.has_override_stream_error_on_invalid_http_message() &&
                                       !from.override_stream_error_on_invalid_http_message().value();
  if (from.has_connection_keepalive()) {
    KeepaliveOptions& keepalive = to.keepalive.emplace();
    keepalive.interval = ToDuration(from.connection_keepalive().interval());
    keepalive.timeout = ToDuration(from.connection_keepalive().timeout());
    if (from.connection_keepalive().has_interval_jitter()) {
      keepalive.interval_jitter_percent = from.connection_keepalive().interval_jitter().value();
    }
    keepalive.connection_idle_interval = ToDuration(from.connection_keepalive().connection_idle_interval());
    if (side == Side::kDownstream && from.connection_keepalive().has_connection_idle_interval()) {
      context.errors.Add(FieldPath(path, "connection_keepalive.connection_idle_interval"), "is for clusters only");
    }
  }
  return to;
}

}  // namespace pillion::config
