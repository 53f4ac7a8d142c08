#pragma once

// The context of a request: what travels with it from the first caller to the last service (specification.md).
//
// A Context is views: into the fields of a head, or into the arena of the stream, and must not outlive these. It is copied
// freely; copies share what they see. Nothing here allocates but in that arena. One thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/clock.h"
#include "source/context/baggage.h"

namespace pillion::context {

// As W3C has it, big endian on the wire. All zero: none.
struct TraceId {
  uint64_t high = 0;
  uint64_t low = 0;

  explicit operator bool() const { return (high | low) != 0; }
  friend bool operator==(const TraceId&, const TraceId&) = default;
};

using SpanId = uint64_t;  // 0: none

inline constexpr uint8_t kSampled = 0x01;
inline constexpr uint8_t kRandomTraceId = 0x02;  // W3C Trace Context level 2

// Why a request was given up. Others of these may come, and are passed on.
enum class CancelReason : uint8_t { kNone = 0, kTimeout = 1, kCancel = 2, kError = 3 };

// Bits of biz_flags that have a meaning everywhere; the others are free.
inline constexpr uint16_t kPaymentPath = 0x0001;
inline constexpr uint16_t kRealNameCheck = 0x0002;

// Longer ones are malformed.
inline constexpr size_t kLongestRequestId = 128;
inline constexpr size_t kLongestTenant = 128;

struct VctxOrigin;

struct Context {
  uint64_t deadline = 0;                // nanoseconds since the Unix epoch; 0: none
  base::MonotonicTime deadline_at{};    // the same on this process's own clock; set by SettleDeadline(), where there is one
  TraceId trace_id;
  SpanId span_id = 0;
  uint8_t trace_flags = 0;
  bool has_trace_flags = false;         // else nobody has said whether the trace is sampled
  CancelReason cancel_reason = CancelReason::kNone;
  uint16_t biz_flags = 0;
  std::string_view request_id;          // at most kLongestRequestId bytes
  std::string_view tenant;              // at most kLongestTenant bytes
  std::string_view tracestate;          // as W3C has it, checked
  Baggage baggage;
  std::string_view unknown;             // TLVs of vctx whose types nobody here knows, one after the other
  const VctxOrigin* origin = nullptr;   // a vctx that this was read from, whatever it has become since (vctx.h); null: none

  bool has_deadline() const { return deadline != 0; }
};

// Takes from `other`, which comes from a carrier of lower precedence, what `context` has not: specification.md, "Merging".
// Entries of the baggage for which there was no room are added to `left_out`.
void Merge(Context& context, const Context& other, base::Arena& arena, uint32_t& left_out);

// Whether all that `carried` says is what `context` says. It may say less.
bool Agrees(const Context& carried, const Context& context);

}  // namespace pillion::context
