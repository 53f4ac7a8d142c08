#pragma once

// The time that is left, as a caller says it: X-Timeout-Ms, and grpc-timeout in calls of gRPC.

#include <optional>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/clock.h"

namespace pillion::context {

// As good as for ever: longer times count as this.
inline constexpr base::Duration kLongestTimeout = std::chrono::hours(24 * 365 * 10);

// 1 to 18 digits. Nothing for what is malformed. 0 is no time at all.
std::optional<base::Duration> ParseTimeoutMs(std::string_view text);

// What is left, in whole milliseconds, rounded down, but at least 1: to say that no time is left is not for a field.
std::string_view TimeoutMsText(base::Duration left, base::Arena& arena);
bool IsTimeoutMsText(std::string_view text, base::Duration left);  // it is just that
std::string_view GrpcTimeLeftText(base::Duration left, base::Arena& arena);

}  // namespace pillion::context
