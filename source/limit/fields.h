#pragma once

// What an answer says of a limit, as the values of its fields: `retry-after` (RFC 9110, 10.2.3), and `RateLimit` and
// `RateLimit-Policy` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10). Written to the caller's memory; a text
// that does not fit there is left out whole, and empty.
//
// Of a limit called `api` with both stages:
//
// | field | value |
// |---|---|
// | `RateLimit-Policy` | `"api.window";q=100;w=60, "api.bucket";q=20;w=2` |
// | `RateLimit` | `"api.window";r=41;t=58, "api.bucket";r=0;t=1` |
// | `retry-after` | `1` |
//
// With one stage it is called `api`. Seconds are rounded up: who waits for so many does not come too early.

#include <span>
#include <string_view>

#include "source/limit/decision.h"
#include "source/limit/policy.h"

namespace pillion::limit {

// Enough for each of them, with a name of up to 64 characters.
inline constexpr size_t kMostFieldBytes = 512;

// Of what was refused. Empty: it will never be admitted.
std::string_view WriteRetryAfter(const Decision& decision, std::span<char> memory);

// What of `name` cannot stand in a string of RFC 8941 becomes `_`. The first is the same for each answer.
std::string_view WriteRateLimitPolicy(std::string_view name, const Policy& policy, std::span<char> memory);
std::string_view WriteRateLimit(std::string_view name, const Decision& decision, std::span<char> memory);

}  // namespace pillion::limit
