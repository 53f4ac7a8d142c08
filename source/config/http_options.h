#pragma once

// Options of an HTTP connection that listeners (downstream) and clusters (upstream) have in common.
// A zero duration means: no such limit.

#include <cstdint>
#include <optional>
#include <string>

#include "source/base/clock.h"
#include "source/http/spelling.h"

namespace pillion::config {

enum class HeadersWithUnderscores : uint8_t { kAllow, kRejectRequest, kDropHeader };

// Both protocols.
struct HttpOptions {
  base::Duration idle_timeout = std::chrono::hours(1);  // connection without a stream
  base::Duration max_connection_duration{0};            // then drained
  base::Duration max_stream_duration{0};
  uint32_t max_headers_count = 100;
  uint32_t max_requests_per_connection = 0;  // 0: no limit
  HeadersWithUnderscores headers_with_underscores = HeadersWithUnderscores::kAllow;  // downstream only
};

struct Http1Options {
  bool accept_http_10 = false;
  std::string default_host_for_http_10;  // empty: an HTTP/1.0 request without Host is refused
  bool enable_trailers = false;          // false: trailers are dropped
  http::NameStyle names = http::NameStyle::kLowerCase;  // of heads that are sent
  // Heads that are received go on with their names as they were spelled; and how names are then written that were added.
  std::optional<http::NameStyle> keep_spelling;
  bool keep_reason = false;  // with them: the reason behind a status
};

// PING of HTTP/2.
struct KeepaliveOptions {
  base::Duration interval{0};
  base::Duration timeout{0};  // never zero: without an answer by then the connection is closed
  double interval_jitter_percent = 15;
  base::Duration connection_idle_interval{0};  // PING before a connection idle this long is used again
};

// The windows are smaller than Envoy's (16 and 24 MiB): they bound what one peer can make us hold.
struct Http2Options {
  uint32_t hpack_table_size = 4096;
  uint32_t max_concurrent_streams = 1024;
  uint32_t initial_stream_window_size = 256 * 1024;
  uint32_t initial_connection_window_size = 1024 * 1024;

  // Bounds on floods; past them the connection is closed.
  uint32_t max_outbound_frames = 10000;
  uint32_t max_outbound_control_frames = 1000;  // PING, SETTINGS, RST_STREAM
  uint32_t max_consecutive_inbound_frames_with_empty_payload = 1;
  uint32_t max_inbound_priority_frames_per_stream = 100;
  uint32_t max_inbound_window_update_frames_per_data_frame_sent = 10;

  bool invalid_message_ends_connection = false;  // false: only its stream (RFC 9113, 8.1.1); Envoy's default is true
  std::optional<KeepaliveOptions> keepalive;
  bool extended_connect = false;  // downstream: clients may ask for upgrades (RFC 8441). Upstream they always are
};

}  // namespace pillion::config
