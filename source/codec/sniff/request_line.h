#pragma once

// Whether a connection speaks HTTP, and which version: told by its first bytes, as a preface (RFC 9113, 3.4) or a request
// line (RFC 9112, 3). No more is looked at than that takes.

#include <cstdint>
#include <string_view>

#include "source/codec/sniff/found.h"

namespace pillion::codec::sniff {

enum class HttpVersion : uint8_t { kHttp10, kHttp11, kHttp2 };

// A line that is longer is none of HTTP's.
inline constexpr size_t kLongestRequestLine = 8192;

[[nodiscard]] Found ReadRequestLine(std::string_view bytes, HttpVersion& version);

}  // namespace pillion::codec::sniff
