#pragma once

// What is kept of a context that comes from somebody who is not trusted: at the edge it is replaced.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source/base/arena.h"
#include "source/context/deadline.h"

namespace pillion::context {

// Immutable; any thread.
struct EdgePolicy {
  bool keep_trace = false;                       // trace, span, flags, tracestate and request id
  std::optional<base::Duration> longest_deadline;  // from now; a context without deadline gets it as well
  uint16_t biz_flags = 0;                        // those that may pass
  std::vector<std::string> baggage;              // keys whose entries may pass
};

// The caller's deadline stays, within the policy; its tenant, its reason to cancel and what nobody here knows do not.
void ReplaceAtEdge(Context& context, const EdgePolicy& policy, const Moment& now, base::Arena& arena);

}  // namespace pillion::context
