// Active health checks.

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "envoy/extensions/health_check/event_sinks/file/v3/file.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/http/syntax.h"

namespace pillion::config {
namespace {

namespace core = envoy::config::core::v3;
using Payload = core::HealthCheck::Payload;

// Bytes, or hexadecimal text of them.
std::string BuildPayload(BuildContext& context, const Payload& from, const std::string& path) {
  if (!from.has_text()) return from.binary();
  const std::string& text = from.text();
  bool good = text.size() % 2 == 0;
  for (const char c : text) good = good && absl::ascii_isxdigit(static_cast<unsigned char>(c));
  if (!good) {
    context.errors.Add(FieldPath(path, "text"), Concat(Quote(text), ", expected bytes in hexadecimal, two digits each"));
    return "";
  }
  return absl::HexStringToBytes(text);
}

std::vector<std::string> BuildPayloads(BuildContext& context, const google::protobuf::RepeatedPtrField<Payload>& from,
                                       const std::string& path) {
  std::vector<std::string> pieces;
  for (int i = 0; i < from.size(); ++i) pieces.push_back(BuildPayload(context, from[i], ElementPath(path, i)));
  return pieces;
}

// A request's body is one piece, in a block.
void CheckBody(BuildContext& context, size_t bytes, const std::string& path) {
  constexpr size_t kMost = 64000;
  if (bytes > kMost) context.errors.Add(path, Concat(bytes, " bytes, expected at most ", kMost));
}

std::vector<StatusRange> BuildRanges(BuildContext& context,
                                     const google::protobuf::RepeatedPtrField<envoy::type::v3::Int64Range>& from,
                                     const std::string& path) {
  std::vector<StatusRange> ranges;
  for (int i = 0; i < from.size(); ++i) {
    const StatusRange range{from[i].start(), from[i].end()};
    if (range.start < 100 || range.end > 600 || range.start >= range.end) {
      context.errors.Add(ElementPath(path, i), Concat("from ", range.start, " to below ", range.end,
                                                      ", expected a range of statuses from 100 to below 600"));
    }
    ranges.push_back(range);
  }
  return ranges;
}

std::vector<CheckHeader> BuildHeaders(BuildContext& context,
                                      const google::protobuf::RepeatedPtrField<core::HeaderValueOption>& from,
                                      const std::string& path) {
  // The general rules for names and values hold here too; no operator can be evaluated without a request.
  BuildHeaderEdits(context, from, path, {}, path);
  std::vector<CheckHeader> headers;
  for (int i = 0; i < from.size(); ++i) {
    const auto& header = from[i].header();
    const std::string value_path = FieldPath(ElementPath(path, i), "header.value");
    std::string value;
    for (size_t at = 0; at < header.value().size(); ++at) {
      value.push_back(header.value()[at]);
      if (header.value()[at] != '%') continue;
      if (at + 1 < header.value().size() && header.value()[at + 1] == '%') {
        ++at;
        continue;
      }
      context.errors.Add(value_path, Concat(Quote(header.value()), ", expected a text without operators"));
      break;
    }
    if (value.empty() && !from[i].keep_empty_value()) continue;
    const bool append = from[i].has_append() ? from[i].append().value()
                                             : from[i].append_action() == core::HeaderValueOption::APPEND_IF_EXISTS_OR_ADD;
    headers.push_back({.name = absl::AsciiStrToLower(header.key()), .value = std::move(value), .append = append});
  }
  return headers;
}

HttpHealthCheck BuildHttp(BuildContext& context, const core::HealthCheck::HttpHealthCheck& from,
                          const std::string& path) {
  HttpHealthCheck to;
  to.host = from.host();
  to.path = from.path();
  for (const char c : from.path()) {
    if (c > ' ' && c != '\x7f') continue;
    context.errors.Add(FieldPath(path, "path"), Concat(Quote(from.path()), ", expected no blanks or control characters"));
    break;
  }
  if (from.method() == core::CONNECT) {
    context.errors.Add(FieldPath(path, "method"), "CONNECT, expected another method");
  } else if (from.method() != core::METHOD_UNSPECIFIED) {
    to.method = core::RequestMethod_Name(from.method());
  }
  to.http2 = from.codec_client_type() == envoy::type::v3::HTTP2;
  to.add = BuildHeaders(context, from.request_headers_to_add(), FieldPath(path, "request_headers_to_add"));
  const std::string removed_path = FieldPath(path, "request_headers_to_remove");
  to.remove = BuildHeaderEdits(context, {}, path, from.request_headers_to_remove(), removed_path).remove;
  to.expected_statuses = BuildRanges(context, from.expected_statuses(), FieldPath(path, "expected_statuses"));
  if (to.expected_statuses.empty()) to.expected_statuses = {{200, 201}};
  to.retriable_statuses = BuildRanges(context, from.retriable_statuses(), FieldPath(path, "retriable_statuses"));
  if (from.has_send()) {
    to.send = BuildPayload(context, from.send(), FieldPath(path, "send"));
    CheckBody(context, to.send.size(), FieldPath(path, "send"));
    if (to.method != "POST" && to.method != "PUT" && to.method != "PATCH" && to.method != "OPTIONS") {
      context.errors.Add(FieldPath(path, "send"), Concat("a body, which ", to.method, " does not have"));
    }
  }
  to.receive = BuildPayloads(context, from.receive(), FieldPath(path, "receive"));
  if (from.has_response_buffer_size()) to.response_buffer = from.response_buffer_size().value();
  if (from.has_service_name_matcher()) {
    to.service_name = BuildStringMatcher(context, from.service_name_matcher(), FieldPath(path, "service_name_matcher"));
  }
  return to;
}

}  // namespace

std::shared_ptr<const HealthCheck> BuildHealthCheck(BuildContext& context, const core::HealthCheck& from,
                                                    const UpstreamHttp& http, const std::string& path) {
  auto to = std::make_shared<HealthCheck>();
  to->timeout = ToDuration(from.timeout());
  to->interval = ToDuration(from.interval());
  to->initial_jitter = ToDuration(from.initial_jitter());
  to->interval_jitter = ToDuration(from.interval_jitter());
  to->interval_jitter_percent = from.interval_jitter_percent();
  to->unhealthy_threshold = from.unhealthy_threshold().value();
  to->healthy_threshold = from.healthy_threshold().value();
  if (from.has_no_traffic_interval()) to->no_traffic_interval = ToDuration(from.no_traffic_interval());
  to->no_traffic_healthy_interval =
      from.has_no_traffic_healthy_interval() ? ToDuration(from.no_traffic_healthy_interval()) : to->no_traffic_interval;
  to->unhealthy_interval = from.has_unhealthy_interval() ? ToDuration(from.unhealthy_interval()) : to->interval;
  to->unhealthy_edge_interval =
      from.has_unhealthy_edge_interval() ? ToDuration(from.unhealthy_edge_interval()) : to->unhealthy_interval;
  to->healthy_edge_interval =
      from.has_healthy_edge_interval() ? ToDuration(from.healthy_edge_interval()) : to->interval;
  if (from.has_reuse_connection()) to->reuse_connection = from.reuse_connection().value();
  to->event_log = from.event_log_path();
  for (int i = 0; i < from.event_logger_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "event_logger"), i);
    const google::protobuf::Any& any = from.event_logger(i).typed_config();
    envoy::extensions::health_check::event_sinks::file::v3::HealthCheckEventFileSink sink;
    if (!any.UnpackTo(&sink)) {
      context.errors.AddMissing(place, FieldPath(place, "typed_config"), WrongType(any, "HealthCheckEventFileSink"));
    } else if (!to->event_log.empty()) {
      context.errors.Add(place, "a second event log, expected at most one");
    }
    to->event_log = sink.event_log_path();
  }
  to->always_log_failures = from.always_log_health_check_failures();
  if (from.has_http_health_check()) {
    to->how = BuildHttp(context, from.http_health_check(), FieldPath(path, "http_health_check"));
  } else if (from.has_tcp_health_check()) {
    const std::string tcp_path = FieldPath(path, "tcp_health_check");
    TcpHealthCheck tcp;
    if (from.tcp_health_check().has_send()) {
      tcp.send = BuildPayload(context, from.tcp_health_check().send(), FieldPath(tcp_path, "send"));
    }
    tcp.receive = BuildPayloads(context, from.tcp_health_check().receive(), FieldPath(tcp_path, "receive"));
    to->how = std::move(tcp);
  } else if (from.has_grpc_health_check()) {
    const auto& grpc = from.grpc_health_check();
    const std::string grpc_path = FieldPath(path, "grpc_health_check");
    to->how = GrpcHealthCheck{
        .service_name = grpc.service_name(),
        .authority = grpc.authority(),
        .add = BuildHeaders(context, grpc.initial_metadata(), FieldPath(grpc_path, "initial_metadata"))};
    CheckBody(context, grpc.service_name().size(), FieldPath(grpc_path, "service_name"));
    if (http.protocol == UpstreamHttp::Protocol::kHttp1) {
      context.errors.Add(grpc_path, "needs a cluster that speaks HTTP/2");
    }
  }
  return to;
}

std::shared_ptr<const EndpointCheck> BuildEndpointCheck(
    BuildContext& context, const envoy::config::endpoint::v3::Endpoint::HealthCheckConfig& from,
    const std::string& path) {
  auto to = std::make_shared<EndpointCheck>();
  to->disabled = from.disable_active_health_check();
  to->port = static_cast<uint16_t>(from.port_value());
  to->hostname = from.hostname();
  if (from.has_address()) to->address = BuildAddress(context, from.address(), FieldPath(path, "address"));
  return to;
}

}  // namespace pillion::config
