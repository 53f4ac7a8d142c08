#include "source/context/trust.h"

#include <algorithm>

namespace pillion::context {

void ReplaceAtEdge(Context& context, const EdgePolicy& policy, const Moment& now, base::Arena& arena) {
  Context kept;
  kept.deadline = context.deadline;
  kept.deadline_at = context.deadline_at;
  if (policy.keep_trace) {
    kept.trace_id = context.trace_id;
    kept.span_id = context.span_id;
    kept.trace_flags = context.trace_flags;
    kept.has_trace_flags = context.has_trace_flags;
    kept.tracestate = context.tracestate;
    kept.request_id = context.request_id;
  }
  kept.biz_flags = context.biz_flags & policy.biz_flags;
  uint32_t left_out = 0;  // there are no more than there were
  for (const Baggage::Entry& entry : context.baggage) {
    if (std::ranges::find(policy.baggage, entry.key) != policy.baggage.end()) kept.baggage.Add(entry, arena, left_out);
  }
  if (policy.longest_deadline) CapDeadline(kept, *policy.longest_deadline, now);
  context = kept;
}

}  // namespace pillion::context
