#include "source/telemetry/log_operator.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "source/telemetry/log_arguments.h"
#include "source/telemetry/log_names.h"
#include "source/telemetry/log_tls.h"
#include "source/telemetry/log_values.h"

namespace pillion::telemetry {

#define ADDRESS(name, member)                                                \
  {name, Address<&Record::member, AddressPart::kWhole>}, {                   \
    name "_WITHOUT_PORT", Ip<&Record::member>, LogArguments::MayHaveMask     \
  }
#define ATTEMPTS(name, choice) \
  { name, Attempts, nullptr, Choose<choice> }
#define HEADER_BYTES(name, member)                                                                  \
  {name "_HEADER_BYTES_RECEIVED", Number<&Record::member##_header_bytes_received>},                  \
      {name "_HEADER_BYTES_SENT", Number<&Record::member##_header_bytes_sent>},                      \
      {name "_DECOMPRESSED_HEADER_BYTES_RECEIVED",                                                   \
       Number<&Record::member##_decompressed_header_bytes_received>},                                \
      {name "_DECOMPRESSED_HEADER_BYTES_SENT", Number<&Record::member##_decompressed_header_bytes_sent>}
#define DURATION(name, from, to) \
  { name, Duration, nullptr, Between<TimePoint::from, TimePoint::to> }

// clang-format off
const LogOperators::Entry LogOperators::kTable[] = {
    {"ACCESS_LOG_TYPE", Type},
    {"BYTES_RECEIVED", Number<&Record::bytes_received>},
    {"BYTES_RETRANSMITTED", Zero}, {"PACKETS_RETRANSMITTED", Zero},
    {"CUSTOM_FLAGS", Never}, {"ROUNDTRIP_DURATION", Never}, {"SPAN_ID", Never}, {"TRACE_ID", Never},
    {"DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID", Never}, {"DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", Never},
    {"UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", Never},
    {"COALESCE", FirstOf, LogArguments::NeedAlternatives},
    {"COMMON_DURATION", Duration, LogArguments::NeedDuration},
    {"CONNECTION_ID", Number<&Record::connection_id>}, {"BYTES_SENT", Number<&Record::bytes_sent>},
    {"CLUSTER_METADATA", ConfiguredMetadata, LogArguments::NeedPathIn<&Record::cluster_metadata>},
    {"CONNECTION_TERMINATION_DETAILS", Text<&Record::connection_termination_details>},
    ADDRESS("DOWNSTREAM_DIRECT_LOCAL_ADDRESS", downstream_direct_local_address),
    {"DOWNSTREAM_DIRECT_LOCAL_PORT", Address<&Record::downstream_direct_local_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", downstream_direct_remote_address),
    {"DOWNSTREAM_DIRECT_REMOTE_PORT", Address<&Record::downstream_direct_remote_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_LOCAL_ADDRESS", downstream_local_address),
    {"DOWNSTREAM_LOCAL_PORT", Address<&Record::downstream_local_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_REMOTE_ADDRESS", downstream_remote_address),
    {"DOWNSTREAM_REMOTE_PORT", Address<&Record::downstream_remote_address, AddressPart::kPort>},
    HEADER_BYTES("DOWNSTREAM", downstream), HEADER_BYTES("UPSTREAM", upstream),
    {"DOWNSTREAM_WIRE_BYTES_RECEIVED", Number<&Record::downstream_wire_bytes_received>},
    {"DOWNSTREAM_WIRE_BYTES_SENT", Number<&Record::downstream_wire_bytes_sent>},
    {"DOWNSTREAM_DETECTED_CLOSE_TYPE", Text<&Record::downstream_close_type>},
    DURATION("DOWNSTREAM_HANDSHAKE_DURATION", kDownstreamConnectBegin, kDownstreamHandshakeEnd),
    {"DOWNSTREAM_LOCAL_CLOSE_REASON", Text<&Record::downstream_local_close_reason>},
    {"UPSTREAM_DETECTED_CLOSE_TYPE", Text<&Record::upstream_close_type>},
    {"UPSTREAM_LOCAL_CLOSE_REASON", Text<&Record::upstream_local_close_reason>},
    DURATION("DURATION", kDownstreamRxBegin, kEnd),
    {"DYNAMIC_METADATA", DynamicMetadata, LogArguments::NeedMetadataPath},
    {"UPSTREAM_METADATA", ConfiguredMetadata, LogArguments::NeedPathIn<&Record::upstream_metadata>},
    {"CEL", Expression<WriteText>, LogArguments::NeedExpression},
    {"TYPED_CEL", Expression<WriteTyped>, LogArguments::NeedExpression},
    {"EMIT_TIME", Time<&Record::end_time>, LogArguments::MayHaveTimeFormat},
    {"EMIT_TIME_LOCAL", LocalTime<&Record::end_time>, LogArguments::MayHaveTimeFormat},
    {"ENVIRONMENT", Constant, LogArguments::NeedVariable}, {"FILTER_CHAIN_NAME", Text<&Record::filter_chain_name>},
    {"REQUESTED_SERVER_NAME", ServerName, LogArguments::MayHaveServerNameChoice},
    {"FILTER_STATE", FilterState, LogArguments::NeedState},
    {"GRPC_STATUS", GrpcStatus, LogArguments::MayHaveGrpcChoice},
    {"GRPC_STATUS_NUMBER", GrpcStatus, nullptr, Choose<kNumeric>},
    {"HOSTNAME", Constant, nullptr, SetHostname},
    {"LOCAL_REPLY_BODY", LocalReplyBody},
    {"METADATA", DynamicMetadata, LogArguments::NeedTypedMetadataPath},
    {"PATH", Path, LogArguments::MayHavePathChoice},
    {"PROTOCOL", Protocol<&Record::protocol>},
    {"QUERY_PARAM", QueryParameter, LogArguments::NeedName},
    {"QUERY_PARAMS", QueryParameters, LogArguments::MayHaveQueryChoice},
    {"REQ", RequestHeader, LogArguments::NeedHeader},
    {"REQUEST_HEADER", RequestHeader, LogArguments::NeedHeader},
    {"REQ_WITHOUT_QUERY", FieldWithoutQuery, LogArguments::NeedHeader},
    DURATION("REQUEST_DURATION", kDownstreamRxBegin, kDownstreamRxEnd),
    {"REQUEST_HEADERS_BYTES", RequestFieldBytes},
    DURATION("REQUEST_TX_DURATION", kDownstreamRxBegin, kUpstreamTxEnd),
    {"RESP", ResponseHeader, LogArguments::NeedHeader},
    {"RESPONSE_CODE", Number<&Record::response_code>},
    {"RESPONSE_CODE_DETAILS", Details, LogArguments::MayAllowBlanks},
    DURATION("RESPONSE_DURATION", kDownstreamRxBegin, kUpstreamRxBegin),
    {"RESPONSE_FLAGS", Flags, nullptr, Choose<0>}, {"RESPONSE_FLAGS_LONG", Flags, nullptr, Choose<1>},
    {"RESPONSE_HEADER", ResponseHeader, LogArguments::NeedHeader},
    {"RESPONSE_HEADERS_BYTES", ResponseFieldBytes},
    {"RESPONSE_TRAILER", Trailer, LogArguments::NeedHeader},
    {"RESPONSE_TRAILERS_BYTES", TrailerBytes},
    DURATION("RESPONSE_TX_DURATION", kUpstreamRxBegin, kDownstreamTxEnd),
    {"ROUTE_NAME", Text<&Record::route_name>},
    {"START_TIME", Time<&Record::start_time>, LogArguments::MayHaveTimeFormat},
    {"START_TIME_LOCAL", LocalTime<&Record::start_time>, LogArguments::MayHaveTimeFormat},
    {"STREAM_ID", Text<&Record::stream_id>},
    {"TLS_JA3_FINGERPRINT", Text<&Record::tls_ja3_fingerprint>},
    {"TLS_JA4_FINGERPRINT", Text<&Record::tls_ja4_fingerprint>},
    {"TRAILER", Trailer, LogArguments::NeedHeader},
    {"UNIQUE_ID", UniqueId},
    {"UPSTREAM_FILTER_STATE", Never, LogArguments::NeedState},
    {"UPSTREAM_CLUSTER", Text<&Record::upstream_cluster>},
    {"UPSTREAM_CLUSTER_RAW", Text<&Record::upstream_cluster>},
    ATTEMPTS("UPSTREAM_CONNECTION_IDS_ATTEMPTED", kAttemptConnection),
    {"UPSTREAM_CONNECTION_ID", Number<&Record::upstream_connection_id>},
    DURATION("UPSTREAM_CONNECTION_POOL_READY_DURATION", kDownstreamRxBegin, kUpstreamPoolReady),
    {"UPSTREAM_HOST", Address<&Record::upstream_host_address, AddressPart::kWhole>},
    ATTEMPTS("UPSTREAM_HOSTS_ATTEMPTED", kAttemptAddress),
    ATTEMPTS("UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", kAttemptIp),
    ATTEMPTS("UPSTREAM_HOST_NAMES_ATTEMPTED", kAttemptName),
    ATTEMPTS("UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", kAttemptBareName),
    {"UPSTREAM_HOST_NAME", Text<&Record::upstream_host_name>},
    {"UPSTREAM_HOST_NAME_WITHOUT_PORT", Address<&Record::upstream_host_name, AddressPart::kHost>},
    ADDRESS("UPSTREAM_LOCAL_ADDRESS", upstream_local_address),
    {"UPSTREAM_LOCAL_PORT", Address<&Record::upstream_local_address, AddressPart::kPort>},
    {"UPSTREAM_PROTOCOL", Protocol<&Record::upstream_protocol>},
    ADDRESS("UPSTREAM_REMOTE_ADDRESS", upstream_remote_address),
    {"UPSTREAM_REMOTE_PORT", Address<&Record::upstream_remote_address, AddressPart::kPort>},
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", Number<&Record::upstream_attempts>},
    {"DOWNSTREAM_TRANSPORT_FAILURE_REASON", DownstreamFailure},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON", Text<&Record::upstream_transport_failure_reason>},
    {"UPSTREAM_WIRE_BYTES_RECEIVED", Number<&Record::upstream_wire_bytes_received>},
    {"UPSTREAM_WIRE_BYTES_SENT", Number<&Record::upstream_wire_bytes_sent>},
    {"VIRTUAL_CLUSTER_NAME", Text<&Record::virtual_cluster_name>},
};
// clang-format on

#undef ADDRESS
#undef ATTEMPTS
#undef DURATION
#undef HEADER_BYTES

const LogOperators::Entry* LogOperators::Find(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kTable), std::end(kTable), [&](const Entry& e) { return e.name == name; });
  return found == std::end(kTable) ? nullptr : found;
}

absl::StatusOr<LogOperator> LogOperators::Make(const Entry& entry, bool has_argument, std::string_view argument) {
  LogOperator made;
  made.evaluate_ = entry.evaluate;
  if (entry.set != nullptr) entry.set(made);
  if (entry.argument == nullptr) {
    if (has_argument) return absl::InvalidArgumentError(fmt::format("%{}% takes no argument", entry.name));
    return made;
  }
  if (const std::string error = entry.argument(made, argument); !error.empty()) {
    return absl::InvalidArgumentError(fmt::format("%{}({})%: {}", entry.name, argument, error));
  }
  return made;
}

absl::StatusOr<LogOperator> LogOperator::Compile(std::string_view name, bool has_argument, std::string_view argument) {
  if (const LogOperators::Entry* entry = LogOperators::Find(name)) {
    return LogOperators::Make(*entry, has_argument, argument);
  }
  if (const TlsOperator* tls = FindTlsOperator(name)) {
    LogOperators::Entry entry{tls->name, LogOperators::Tls};
    if (tls->date != nullptr) entry = {tls->name, LogOperators::TlsDate, LogArguments::MayHaveTimeFormat};
    absl::StatusOr<LogOperator> made = LogOperators::Make(entry, has_argument, argument);
    if (made.ok()) made->tls_ = tls;
    return made;
  }
  if (KnownButNotSupported(name)) {
    return absl::UnimplementedError(fmt::format("operator %{}% is not supported", name));
  }
  return absl::InvalidArgumentError(fmt::format("unknown operator %{}%", name));
}

}  // namespace pillion::telemetry
