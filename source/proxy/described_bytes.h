#pragma once

// What a log line says of the bytes that codecs have counted.

#include "source/codec/byte_meter.h"
#include "source/telemetry/request_record.h"

namespace pillion::proxy {

// What waits for the peer's window will be sent, so it is counted as sent.
inline void DescribeDownstreamBytes(const codec::ByteMeter& meter, telemetry::RequestRecord& record) {
  record.downstream_wire_bytes_received = meter.wire_received;
  record.downstream_wire_bytes_sent = meter.wire_sent + meter.waiting;
  record.downstream_header_bytes_received = meter.heads_received;
  record.downstream_header_bytes_sent = meter.heads_sent;
  record.downstream_decompressed_header_bytes_received = meter.texts_received;
  record.downstream_decompressed_header_bytes_sent = meter.texts_sent;
}

// Of one attempt of several.
inline void AddUpstreamBytes(const codec::ByteMeter& meter, telemetry::RequestRecord& record) {
  record.upstream_wire_bytes_received += meter.wire_received;
  record.upstream_wire_bytes_sent += meter.wire_sent + meter.waiting;
  record.upstream_header_bytes_received += meter.heads_received;
  record.upstream_header_bytes_sent += meter.heads_sent;
  record.upstream_decompressed_header_bytes_received += meter.texts_received;
  record.upstream_decompressed_header_bytes_sent += meter.texts_sent;
}

// When a connection to a host was there: with TLS its handshake has ended then, and when TCP had connected nobody has noted.
inline void DescribeConnect(base::MonotonicTime ended, bool secured, telemetry::RequestRecord& record) {
  using telemetry::TimePoint;
  record.at(secured ? TimePoint::kUpstreamHandshakeEnd : TimePoint::kUpstreamConnectEnd) = ended;
}

}  // namespace pillion::proxy
