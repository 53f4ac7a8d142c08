#include "source/context/context.h"

#include <algorithm>

namespace pillion::context {
namespace {

void TakeTraceFlags(Context& context, const Context& other) {
  context.has_trace_flags = other.has_trace_flags;
  context.trace_flags = other.trace_flags;
}

// Span, flags and tracestate belong to a trace: of another one than the context's they mean nothing.
void MergeTrace(Context& context, const Context& other) {
  if (!context.trace_id && other.trace_id) {
    context.trace_id = other.trace_id;
    context.span_id = other.span_id;
    context.tracestate = other.tracestate;
    TakeTraceFlags(context, other);  // those that stood alone say nothing of this trace
    return;
  }
  if (other.trace_id != context.trace_id) return;
  if (!context.has_trace_flags) TakeTraceFlags(context, other);
  if (!context.trace_id) return;
  if (context.span_id == 0) context.span_id = other.span_id;
  if (context.tracestate.empty()) context.tracestate = other.tracestate;
}

}  // namespace

void Merge(Context& context, const Context& other, base::Arena& arena, uint32_t& left_out) {
  if (other.has_deadline()) {
    context.deadline = context.has_deadline() ? std::min(context.deadline, other.deadline) : other.deadline;
  }
  MergeTrace(context, other);
  if (context.cancel_reason == CancelReason::kNone) context.cancel_reason = other.cancel_reason;
  if (context.biz_flags == 0) context.biz_flags = other.biz_flags;
  if (context.request_id.empty()) context.request_id = other.request_id;
  if (context.tenant.empty()) context.tenant = other.tenant;
  if (context.unknown.empty()) context.unknown = other.unknown;
  if (context.origin == nullptr) context.origin = other.origin;
  context.baggage.Merge(other.baggage, arena, left_out);
}

bool Agrees(const Context& carried, const Context& context) {
  const auto same_text = [](std::string_view theirs, std::string_view ours) { return theirs.empty() || theirs == ours; };
  return (!carried.has_deadline() || carried.deadline == context.deadline) &&
         (!carried.trace_id || carried.trace_id == context.trace_id) &&
         (carried.span_id == 0 || carried.span_id == context.span_id) &&
         (!carried.has_trace_flags || ((carried.trace_flags ^ context.trace_flags) & kSampled) == 0) &&
         (carried.cancel_reason == CancelReason::kNone || carried.cancel_reason == context.cancel_reason) &&
         (carried.biz_flags == 0 || carried.biz_flags == context.biz_flags) &&
         same_text(carried.request_id, context.request_id) && same_text(carried.tenant, context.tenant) &&
         same_text(carried.tracestate, context.tracestate) && same_text(carried.unknown, context.unknown) &&
         std::ranges::all_of(carried.baggage, [&](const Baggage::Entry& entry) {
           const Baggage::Entry* ours = context.baggage.Find(entry.key);
           return ours != nullptr && ours->text == entry.text;
         });
}

}  // namespace pillion::context
