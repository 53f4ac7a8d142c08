#include "source/context/b3.h"

#include "source/context/bytes.h"

namespace pillion::context {
namespace {

// Trace ids of 64 bits are the lower half of ours.
bool TakeTraceId(std::string_view text, TraceId& id) {
  if (text.size() != 16 && text.size() != 32) return false;
  id.high = 0;
  if (text.size() == 32 && !ParseHex(text.data(), id.high)) return false;
  return ParseHex(text.data() + text.size() - 16, id.low) && id;
}

bool TakeSpanId(std::string_view text, SpanId& id) { return text.size() == 16 && ParseHex(text.data(), id) && id != 0; }

void SetSampled(bool sampled, Context& context) {
  context.has_trace_flags = true;
  context.trace_flags = sampled ? kSampled : 0;
}

bool TakeState(std::string_view text, Context& context) {
  if (text != "0" && text != "1" && text != "d") return false;
  SetSampled(text != "0", context);
  return true;
}

// Takes what is before the next '-' from the front of `text`.
std::string_view NextPart(std::string_view& text) {
  const size_t dash = text.find('-');
  const std::string_view part = text.substr(0, dash);
  text = dash == std::string_view::npos ? std::string_view() : text.substr(dash + 1);
  return part;
}

}  // namespace

bool DecodeB3(std::string_view text, Context& context) {
  if (text.size() == 1) return TakeState(text, context);
  // trace "-" span [ "-" state [ "-" parent ] ]
  if (text.ends_with('-')) return false;
  if (!TakeTraceId(NextPart(text), context.trace_id) || !TakeSpanId(NextPart(text), context.span_id)) return false;
  if (!text.empty() && !TakeState(NextPart(text), context)) return false;
  SpanId parent;
  return text.empty() || TakeSpanId(text, parent);
}

bool DecodeB3(const B3Fields& fields, Context& context) {
  if (!fields.trace_id.empty() || !fields.span_id.empty()) {
    if (!TakeTraceId(fields.trace_id, context.trace_id) || !TakeSpanId(fields.span_id, context.span_id)) return false;
  }
  SpanId parent;
  if (!fields.parent_span_id.empty() && !TakeSpanId(fields.parent_span_id, parent)) return false;
  if (!fields.sampled.empty()) {
    const bool yes = fields.sampled == "1" || fields.sampled == "true";  // words were sent before there was a specification
    if (!yes && fields.sampled != "0" && fields.sampled != "false") return false;
    SetSampled(yes, context);
  }
  if (fields.flags == "1") SetSampled(true, context);
  return fields.flags.empty() || fields.flags == "0" || fields.flags == "1";
}

std::string_view EncodeB3(const Context& context, base::Arena& arena) {
  constexpr size_t kLongest = 32 + 1 + 16 + 2;
  char* const text = static_cast<char*>(arena.Allocate(kLongest, 1));
  char* to = WriteHex(context.trace_id.low, WriteHex(context.trace_id.high, text));
  *to++ = '-';
  to = WriteHex(context.span_id, to);
  if (context.has_trace_flags) {
    *to++ = '-';
    *to++ = (context.trace_flags & kSampled) != 0 ? '1' : '0';
  }
  return {text, static_cast<size_t>(to - text)};
}

B3Fields EncodeB3Fields(const Context& context, base::Arena& arena) {
  const std::string_view one = EncodeB3(context, arena);
  const std::string_view state = one.size() > 49 ? one.substr(50) : std::string_view();
  return {.trace_id = one.substr(0, 32), .span_id = one.substr(33, 16), .sampled = state, .flags = {}, .parent_span_id = {}};
}

}  // namespace pillion::context
