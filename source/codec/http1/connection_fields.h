#pragma once

// The fields of a head that are meant for this connection only (RFC 9110, 7.6.1) or frame the message (RFC 9112,
// 6). They are taken out of the head here, and only what they said is kept.

#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/http/header_map.h"
#include "source/http/message.h"

namespace pillion::codec::http1 {

struct ConnectionFields {
  enum class Coding : uint8_t {
    kNone,
    kChunked,
    kUnsupported,  // codings beside chunked, or instead of it
    kInvalid,
  };

  // Takes one field in: host, connection, transfer-encoding, upgrade, te, expect, and drops keep-alive,
  // proxy-connection and http2-settings. `value` lives in `arena`.
  void Add(base::Arena& arena, http::HeaderId id, std::string_view value);

  // Once all fields are there: reads the options of Connection, and removes the fields that they name from
  // `headers`, but for content-length. False: there are too many options.
  [[nodiscard]] bool Finish(http::HeaderMap& headers);

  Coding TransferCoding() const;

  // Whether the sender keeps the connection open behind this message.
  bool KeepsAlive(http::Version version) const {
    return version == http::Version::kHttp10 ? keep_alive && !close : !close;
  }

  std::string_view host;
  std::string_view connection;         // all such fields as one list
  std::string_view transfer_encoding;  // of the first such field
  std::string_view upgrade;            // the first protocol that is not h2c; counts only with connection_upgrade
  int64_t content_length = http::kNoContentLength;
  uint32_t host_fields = 0;
  uint32_t transfer_encoding_fields = 0;
  bool close = false;
  bool keep_alive = false;
  bool connection_upgrade = false;
  bool te_trailers = false;
  bool expect_continue = false;
  bool expect_other = false;
};

}  // namespace pillion::codec::http1
