#pragma once

// What is known of one request, or of one TCP connection, when it is over: the input of the access log. Filled by
// the proxy on the stream's worker and gone when the log has been written; every view in it outlives that call.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "source/base/clock.h"
#include "source/http/message.h"
#include "source/metadata/annotations.h"
#include "source/telemetry/response_flag.h"

namespace pillion::tls {
class Facts;
}

namespace pillion::telemetry {

struct NodeFacts;

// Points in the life of a request, as %COMMON_DURATION% names them.
enum class TimePoint : uint8_t {
  kDownstreamRxBegin,     // DS_RX_BEG: the request's first byte; every request has it
  kDownstreamRxEnd,       // DS_RX_END
  kUpstreamConnectBegin,  // US_CX_BEG
  kUpstreamConnectEnd,    // US_CX_END
  kUpstreamHandshakeEnd,  // US_HS_END
  kUpstreamPoolReady,     // a connection was there to send on
  kUpstreamTxBegin,       // US_TX_BEG
  kUpstreamTxEnd,         // US_TX_END
  kUpstreamRxBegin,       // US_RX_BEG: the response's first byte
  kUpstreamRxEnd,         // US_RX_END
  kDownstreamTxBegin,     // DS_TX_BEG
  kDownstreamTxEnd,       // DS_TX_END
  kDownstreamConnectBegin,    // DS_CX_BEG
  kDownstreamHandshakeEnd,    // of TLS; of a connection's own line
  kDownstreamConnectionEnd,   // DS_CX_END
  kUpstreamRxBodyBegin,       // US_RX_BODY_BEG
  kEnd,                   // the record was closed
  kCount,
};

// Why a record was made, as %ACCESS_LOG_TYPE% and Envoy's configuration number them.
enum class LogType : uint8_t {
  kNone = 0,  // a listener's own log
  kTcpUpstreamConnected = 1,
  kTcpPeriodic = 2,
  kTcpConnectionEnd = 3,
  kDownstreamStart = 4,
  kDownstreamPeriodic = 5,
  kDownstreamEnd = 6,  // an HTTP request is over
  kDownstreamTunnelEstablished = 10,
  kTcpConnectionStart = 14,
};

// A host that the request was sent to, or was meant to be.
struct AttemptedHost {
  std::string_view address;
  std::string_view name;
  uint64_t connection_id = 0;            // 0: there was no connection
  const AttemptedHost* earlier = nullptr;
};

struct RequestRecord {
  LogType type = LogType::kNone;
  bool health_check = false;  // a filter says that it was one
  uint64_t random = 0;        // what decides by chance
  // Null or empty: there is none, and the log shows `-`.
  const http::RequestHead* request = nullptr;
  const http::ResponseHead* response = nullptr;
  const http::HeaderMap* response_trailers = nullptr;
  std::optional<http::Version> protocol;  // downstream; also known when the head could not be parsed
  std::optional<http::Version> upstream_protocol;

  uint64_t response_code = 0;  // 0: none was sent
  ResponseFlags response_flags;
  std::string_view response_code_details;
  std::string_view connection_termination_details;
  std::string_view local_reply_body;

  // Bodies, in bytes without framing.
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  // With framing, on the wire; upstream of all attempts. Headers are part of them, with trailers; decompressed they are
  // texts.
  uint64_t downstream_wire_bytes_received = 0;
  uint64_t downstream_wire_bytes_sent = 0;
  uint64_t downstream_header_bytes_received = 0;
  uint64_t downstream_header_bytes_sent = 0;
  uint64_t downstream_decompressed_header_bytes_received = 0;
  uint64_t downstream_decompressed_header_bytes_sent = 0;
  uint64_t upstream_wire_bytes_received = 0;
  uint64_t upstream_wire_bytes_sent = 0;
  uint64_t upstream_header_bytes_received = 0;
  uint64_t upstream_header_bytes_sent = 0;
  uint64_t upstream_decompressed_header_bytes_received = 0;
  uint64_t upstream_decompressed_header_bytes_sent = 0;

  base::WallTime start_time{};                                                      // at kDownstreamRxBegin
  base::WallTime end_time{};                                                        // at kEnd
  std::array<base::MonotonicTime, static_cast<size_t>(TimePoint::kCount)> times{};  // zero: not reached

  // Addresses are "192.0.2.1:80", "[2001:db8::1]:80" or a socket's path.
  std::string_view downstream_remote_address;         // the client, as trusted headers may tell
  std::string_view downstream_direct_remote_address;  // the peer of the connection
  std::string_view downstream_direct_local_address;   // where it arrived
  std::string_view downstream_local_address;
  std::string_view requested_server_name;             // of a TLS client
  std::string_view downstream_transport_failure_reason;
  std::string_view downstream_close_type = "Normal";  // how its connection ended, where it has
  std::string_view downstream_local_close_reason;     // empty: it was not us
  std::string_view upstream_close_type;               // empty: there is no host
  std::string_view upstream_local_close_reason;
  std::string_view tls_ja3_fingerprint;               // of a TLS client, where a listener filter has taken it
  std::string_view tls_ja4_fingerprint;
  tls::Facts* downstream_tls = nullptr;  // of a TLS connection; good as long as the record
  tls::Facts* upstream_tls = nullptr;
  std::string_view upstream_remote_address;
  std::string_view upstream_host_address;  // the host's first; the connection may be to another of its addresses
  std::string_view upstream_local_address;
  std::string_view upstream_host_name;
  std::string_view upstream_cluster;
  std::string_view upstream_transport_failure_reason;
  uint64_t upstream_attempts = 0;
  const AttemptedHost* attempted_hosts = nullptr;  // the last one; null: none was chosen

  const metadata::Annotations* annotations = nullptr;  // what filters noted; null: nothing
  // What the configuration says, by namespace; null: nothing.
  const metadata::Value* listener_metadata = nullptr;
  const metadata::Value* filter_chain_metadata = nullptr;
  const metadata::Value* virtual_host_metadata = nullptr;
  const metadata::Value* route_metadata = nullptr;
  const metadata::Value* cluster_metadata = nullptr;
  const metadata::Value* upstream_metadata = nullptr;  // of the host
  const metadata::Value* upstream_locality_metadata = nullptr;
  // Where the host is.
  std::string_view upstream_region;
  std::string_view upstream_zone;
  std::string_view upstream_sub_zone;

  const NodeFacts* node = nullptr;  // who this process is; null: nobody has said
  uint8_t listener_direction = 0;   // envoy.config.core.v3.TrafficDirection
  std::string_view virtual_host_name;

  std::string_view route_name;
  std::string_view virtual_cluster_name;
  std::string_view filter_chain_name;
  std::string_view stream_id;  // the request's id
  uint64_t connection_id = 0;
  uint64_t upstream_connection_id = 0;

  base::MonotonicTime& at(TimePoint point) { return times[static_cast<size_t>(point)]; }
  base::MonotonicTime at(TimePoint point) const { return times[static_cast<size_t>(point)]; }
};

}  // namespace pillion::telemetry
