#pragma once

// The value of grpc-timeout (gRPC over HTTP/2, "Timeout"): at most eight digits and a unit.

#include <optional>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/clock.h"

namespace pillion::http {

// Nothing for what is no such value.
std::optional<base::Duration> ParseGrpcTimeout(std::string_view text);

// In the smallest unit, from milliseconds on, in which it fits; a part of that is left off.
std::string_view GrpcTimeoutText(base::Duration timeout, base::Arena& arena);

}  // namespace pillion::http
