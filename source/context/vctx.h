#pragma once

// vctx-v2: the carrier that has all of a context. Its bytes; what stands in a field is Base64 of them. specification.md has
// the table of types, and what is malformed.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "source/context/context.h"

namespace pillion::context {

inline constexpr size_t kMostVctxBytes = 1024;

// What was read, where it is just as it would be written: while a context says the same, it need not be written anew. In the
// arena that it was read into.
struct VctxOrigin {
  Context context;
  uint32_t types = 0;  // of its TLVs, but for baggage and those that are unknown: a bit for each
  std::string_view bytes;
  std::string_view text;  // in Base64
};

// Into a fresh context, whose views see `bytes`. False when they are malformed; then `context` is unspecified.
[[nodiscard]] bool DecodeVctx(std::string_view bytes, base::Arena& arena, Context& context);

// Writes at most kMostVctxBytes to `out`; their number. What does not fit is left out from the end, by whole entries, which
// are added to `left_out`.
size_t EncodeVctx(const Context& context, char* out, uint32_t& left_out);

// The same bytes but for what stands in front: deadline, trace, span and trace flags. Where they were read if the rest of
// the context has not changed, else in `out`, which has room for all of them.
std::string_view VctxRest(const Context& context, char* out, uint32_t& left_out);
// Into a context that has what stands in front.
[[nodiscard]] bool DecodeVctxRest(std::string_view rest, base::Arena& arena, Context& context);

// The same in Base64. The bytes are kept in the arena. Of a context that says nothing the text is empty.
[[nodiscard]] bool DecodeVctxText(std::string_view text, base::Arena& arena, Context& context);
std::string_view EncodeVctxText(const Context& context, bool padded, base::Arena& arena, uint32_t& left_out);

}  // namespace pillion::context
