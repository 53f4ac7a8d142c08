#pragma once

// What a text that a key is set to can be read as.

#include <string_view>

#include "source/runtime/key.h"

namespace pillion::runtime {

// "true", "12", "0.5", or a part as YAML or JSON write one: "{numerator: 5, denominator: MILLION}". Anything else is
// a text, which no key takes for a number.
Value ParseValue(std::string_view text);

}  // namespace pillion::runtime
