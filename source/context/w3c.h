#pragma once

// traceparent and tracestate (W3C Trace Context, level 2).

#include <string_view>

#include "source/context/context.h"

namespace pillion::context {

inline constexpr size_t kLongestTracestate = 512;
inline constexpr size_t kMostTracestateMembers = 32;

// Trace, span and flags into a fresh context. False when `text` is malformed.
[[nodiscard]] bool DecodeTraceparent(std::string_view text, Context& context);

// Other flags mean nothing yet, and are sent as zero.
inline constexpr uint8_t kSentFlags = kSampled | kRandomTraceId;
// Of a context with a trace and a span.
std::string_view EncodeTraceparent(const Context& context, base::Arena& arena);
// Whether that makes the text again of which DecodeTraceparent() has read this.
bool IsAsEncoded(std::string_view text, const Context& read);

// At most 512 bytes and 32 members, each with another key. Empty members are allowed, an empty list is not.
bool IsTracestate(std::string_view text);

}  // namespace pillion::context
