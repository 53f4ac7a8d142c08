#pragma once

// What can be set on an HTTP/1 codec. One constant object is shared by all connections of a listener or a cluster
// and outlives them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "source/http/spelling.h"

namespace pillion::codec::http1 {

// What becomes of a field whose name has an underscore: behind a CGI-like border `_` and `-` are the same.
enum class UnderscoreAction : uint8_t { kAllow, kDropField, kReject };

// Bounds of one message that comes in, and how its head is read.
struct MessageLimits {
  size_t max_head_bytes = 60 * 1024;             // start line, fields and trailers with their line ends
  size_t max_headers = 100;                      // fields and trailer fields
  size_t max_target_bytes = 16 * 1024;           // RFC 9112, 3 asks for 8,000 at least
  size_t max_chunk_extension_bytes = 16 * 1024;  // of all chunks of a message
  UnderscoreAction headers_with_underscores = UnderscoreAction::kAllow;
  bool enable_trailers = false;  // false: read and checked, but neither handed on nor sent
  // Whether a head keeps how its names were spelled; and how names are then written that it did not have.
  std::optional<http::NameStyle> keep_spelling;
  bool keep_reason = false;  // with the spelling: the reason behind the status
};

struct ServerOptions {
  MessageLimits limits;
  bool secure = false;          // the transport is TLS: the scheme of every request is https
  bool accept_http_10 = false;  // false: 426
  std::string default_host;  // the authority of an HTTP/1.0 request without Host; empty: such a request is refused
  // Output above which SendData() returns false, and no further request is read.
  size_t output_high_watermark = 256 * 1024;
  // What is read and dropped of a request after its answer was complete, before the connection ends instead.
  size_t max_drain_bytes = 64 * 1024;
  http::NameStyle names = http::NameStyle::kLowerCase;  // of heads that are sent and have no spelling
};

struct ClientOptions {
  MessageLimits limits;
  size_t max_informational = 32;  // 1xx heads before one response
  // Output above which SendData() returns false. Also bounds what waits for an upgrade to be accepted.
  size_t output_high_watermark = 256 * 1024;
  http::NameStyle names = http::NameStyle::kLowerCase;  // of heads that are sent and have no spelling
};

}  // namespace pillion::codec::http1
