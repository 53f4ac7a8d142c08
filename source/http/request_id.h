#pragma once

// A new x-request-id.

#include <string_view>

#include "source/base/arena.h"
#include "source/base/random.h"

namespace pillion::http {

// A UUID of version 4 (RFC 9562, 5.4), in the arena.
std::string_view MakeRequestId(base::Arena& arena, base::Random& random);

}  // namespace pillion::http
