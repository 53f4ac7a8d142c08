#include "source/context/x_context.h"

#include "source/context/base64.h"
#include "source/context/bytes.h"

namespace pillion::context {
namespace {

constexpr size_t kBytes = 35;

// Where the parts begin: trace_id (16), span_id (8), deadline (8), cancel_reason (1), biz_flags (2).
constexpr size_t kSpanId = 16;
constexpr size_t kDeadline = 24;
constexpr size_t kCancelReason = 32;
constexpr size_t kBizFlags = 33;

}  // namespace

bool DecodeXContext(std::string_view text, Context& context) {
  char bytes[kBytes];
  if (DecodeBase64(text, bytes, sizeof bytes) != kBytes) return false;
  context.trace_id = {ReadBigEndian<uint64_t>(bytes), ReadBigEndian<uint64_t>(bytes + 8)};
  context.span_id = ReadBigEndian<uint64_t>(bytes + kSpanId);
  context.deadline = ReadBigEndian<uint64_t>(bytes + kDeadline);
  context.cancel_reason = static_cast<CancelReason>(bytes[kCancelReason]);
  context.biz_flags = ReadBigEndian<uint16_t>(bytes + kBizFlags);
  return true;
}

std::string_view EncodeXContext(const Context& context, base::Arena& arena) {
  const bool says_nothing = !context.trace_id && context.span_id == 0 && !context.has_deadline() && context.biz_flags == 0 &&
                            context.cancel_reason == CancelReason::kNone;
  if (says_nothing) return {};
  char bytes[kBytes];
  char* to = WriteBigEndian(context.trace_id.high, bytes);
  to = WriteBigEndian(context.trace_id.low, to);
  to = WriteBigEndian(context.span_id, to);
  to = WriteBigEndian(context.deadline, to);
  to = WriteBigEndian(static_cast<uint8_t>(context.cancel_reason), to);
  WriteBigEndian(context.biz_flags, to);
  constexpr size_t kCharacters = Base64Size(kBytes, true);
  char* const text = static_cast<char*>(arena.Allocate(kCharacters, 1));
  EncodeBase64({bytes, kBytes}, true, text);
  return {text, kCharacters};
}

}  // namespace pillion::context
