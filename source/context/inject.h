#pragma once

// Writing a context into the head that goes on (specification.md, "What is written").

#include "source/base/random.h"
#include "source/context/carrier.h"
#include "source/context/carrier_fields.h"
#include "source/context/context.h"
#include "source/http/header_map.h"

namespace pillion::context {

struct InjectOptions {
  // Carriers that were read, too: what was not is not in the context, and would be lost.
  CarrierSet write = kWrittenByDefault;
  bool grpc = false;  // the request is a call of gRPC
};

// A trace for a context that has none, and a span where that is missing. A new trace is sampled only if somebody said so.
void BeginTrace(Context& context, base::Random& random);

// Writes the carriers that are to be written. Others in the head stay as they came, but for those that are malformed, which
// go, and those that say something else than `context`: these are written anew. Returns how many entries were left out for
// want of room. What is written lives in the arena of the head. Text of `context` must live as long as the head.
uint32_t Inject(const Context& context, const InjectOptions& options, base::MonotonicTime now, http::HeaderMap& headers);
// The same of a head whose fields were found: `fields` is of `headers`, as they are until then.
uint32_t Inject(const Context& context, CarrierSet write, base::MonotonicTime now, CarrierFields& fields,
                http::HeaderMap& headers);

// Tells anew how much time is left, in the fields that do: before each attempt, of a head that was injected into.
void InjectTimeLeft(const Context& context, bool grpc, base::MonotonicTime now, http::HeaderMap& headers);

// The same of a deadline that is not the one that was told, in all carriers that tell it. None begins, and nothing else
// changes: what was taken off the head since, or is said otherwise, is somebody's will.
void InjectDeadline(const Context& context, const InjectOptions& options, base::MonotonicTime now,
                    http::HeaderMap& headers);

}  // namespace pillion::context
