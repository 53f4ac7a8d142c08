#pragma once

// A new x-request-id.

#include <string_view>

#include "source/base/arena.h"
#include "source/base/random.h"

namespace pillion::http {

// Of an id that is a UUID, the character that says whether its request is traced, as Envoy has it: '9', 'a' or 'b', each for
// another reason. '4', which is the UUID's version: it is not, or nobody has decided.
char TraceMarkOf(std::string_view id);

// A UUID of version 4 (RFC 9562, 5.4) but for that mark, in the arena.
std::string_view MakeRequestId(base::Arena& arena, base::Random& random, char trace_mark = '4');

}  // namespace pillion::http
