#pragma once

// What an answer says of a limit, as the values of its fields: `retry-after` (RFC 9110, 10.2.3), and `RateLimit` and
// `RateLimit-Policy` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-11). Written to the caller's memory; a text
// that does not fit there is left out whole, and empty.
//
// Of a limit called `api` with both stages:
//
// | field | value |
// |---|---|
// | `RateLimit-Policy` | `"api.window";q=100;w=60, "api.bucket";q=20;w=2` |
// | `RateLimit` | `"api.window";r=41;t=1, "api.bucket";r=0;t=1`; had it been admitted `"api.window";r=40;t=58, ...` |
// | `retry-after` | `1` |
//
// `t` is until all of a quota is there again; of what was refused no longer than `retry-after`, which by the draft is not to
// be earlier. With one stage it is called `api`. Seconds are rounded up: who waits for so many does not come too early.

#include <cstdint>
#include <span>
#include <string_view>

#include "source/limit/decision.h"
#include "source/limit/policy.h"

namespace pillion::limit {

// Enough for each of them, with a name of up to 64 characters.
inline constexpr size_t kMostFieldBytes = 512;

// Of what was refused. Empty: it will never be admitted.
std::string_view WriteRetryAfter(const Decision& decision, std::span<char> memory);

// What a quota counts: the draft's `qu`, left out where it is requests.
enum class Unit : uint8_t { kRequests, kContentBytes };

// What of `name` cannot stand in a string of RFC 8941 becomes `_`. The first is the same for each answer.
std::string_view WriteRateLimitPolicy(std::string_view name, const Policy& policy, std::span<char> memory,
                                      Unit unit = Unit::kRequests);
std::string_view WriteRateLimit(std::string_view name, const Decision& decision, std::span<char> memory);

}  // namespace pillion::limit
