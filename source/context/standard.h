#pragma once

// The fields of one text each: x-request-id, x-deadline, x-tenant.

#include <cstdint>
#include <optional>
#include <string_view>

#include "source/base/arena.h"

namespace pillion::context {

// x-deadline: nanoseconds since the Unix epoch, below 2^63, in 1 to 19 digits. Nothing for what is malformed. 0: none.
std::optional<uint64_t> ParseDeadline(std::string_view text);

std::string_view DeadlineText(uint64_t deadline, base::Arena& arena);

// A request id, or a tenant: at most `most` bytes of a field's value, not empty.
bool IsShortText(std::string_view text, size_t most);

}  // namespace pillion::context
