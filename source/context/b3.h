#pragma once

// B3 (OpenZipkin), in one field and in several. A debug flag counts as sampled; who the parent was is not kept.

#include <string_view>

#include "source/context/context.h"

namespace pillion::context {

// The values of x-b3-*; empty where there is no such field.
struct B3Fields {
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view sampled;
  std::string_view flags;
  std::string_view parent_span_id;
};

// Into a fresh context. False when they are malformed. What only says whether the trace is sampled is well-formed.
[[nodiscard]] bool DecodeB3(std::string_view text, Context& context);
[[nodiscard]] bool DecodeB3(const B3Fields& fields, Context& context);

// Of a context with a trace and a span.
std::string_view EncodeB3(const Context& context, base::Arena& arena);
B3Fields EncodeB3Fields(const Context& context, base::Arena& arena);

}  // namespace pillion::context
