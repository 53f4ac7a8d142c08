#pragma once

// X-Context: 35 bytes of a fixed layout, in Base64. What a field does not say is zero.

#include <string_view>

#include "source/context/context.h"

namespace pillion::context {

// Into a fresh context. False when `text` is malformed.
[[nodiscard]] bool DecodeXContext(std::string_view text, Context& context);

// Empty of a context that says nothing of what has a place here.
std::string_view EncodeXContext(const Context& context, base::Arena& arena);

}  // namespace pillion::context
