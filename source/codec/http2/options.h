#pragma once

#include <cstddef>
#include <cstdint>

namespace pillion::codec::http2 {

// What is done with a field whose name has an underscore (a name that others may take for one with a hyphen).
enum class Underscores : uint8_t { kAllow, kDropField, kRejectMessage };

// Bounds after which a peer's odd behaviour ends its connection; flood_guard.h says what counts.
struct FloodBounds {
  uint32_t resets = 300;          // more streams cut short than finished well
  uint32_t pings = 200;           // beyond 10 for each read
  uint32_t settings = 50;         // beyond 1 for each read
  uint32_t priorities = 100;      // and as many for each stream opened
  uint32_t window_updates = 100;  // and 2 for each stream opened
  uint32_t window_updates_per_data = 10;  // and so many for each DATA frame sent
  uint32_t empty_frames = 16;     // in a row
  uint32_t outbound = 1000;       // answers that wait in output()
  uint32_t outbound_frames = 10'000;  // frames that wait there; DATA waits itself before there are so many
  uint32_t informational = 32;    // 1xx heads of one response
};

struct Options {
  uint32_t max_concurrent_streams = 1024;          // that the peer may open
  uint32_t initial_stream_window = 256 * 1024;     // received and not taken, per stream
  uint32_t initial_connection_window = 1024 * 1024;
  uint32_t hpack_table_size = 4096;                // of the decoder
  uint32_t max_header_list_bytes = 60 * 1024;      // of a head or trailers, as RFC 9113, 6.5.2 measures it
  uint32_t max_headers = 100;
  Underscores headers_with_underscores = Underscores::kAllow;
  bool extended_connect = false;                   // a server's: clients may ask for another protocol (RFC 8441)
  // What a stream may have waiting to be sent: SendData() is false above the first, OnSendReady() comes below the
  // second.
  size_t send_high_watermark = 256 * 1024;
  size_t send_low_watermark = 128 * 1024;
  // Bytes that paused streams may hold before the whole connection gets no more window.
  size_t max_held_bytes = 4 * 1024 * 1024;
  // A malformed message ends the connection, not only its stream (RFC 9113, 8.1.1).
  bool invalid_message_ends_connection = false;
  FloodBounds floods;
};

}  // namespace pillion::codec::http2
