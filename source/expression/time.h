#pragma once

// Durations and timestamps as texts, and how far they go (cel-spec, "Timestamps"; RFC 3339).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "source/expression/value.h"

namespace pillion::expression {

inline constexpr uint32_t kNanos = 1'000'000'000;
inline constexpr int64_t kLongestDuration = 9'223'372'036;   // seconds, 292 years: as nanoseconds it has 64 bits
inline constexpr int64_t kFirstTimestamp = -62'135'596'800;  // 0001-01-01T00:00:00Z
inline constexpr int64_t kLastTimestamp = 253'402'300'799;   // 9999-12-31T23:59:59Z

bool IsDuration(Seconds length);
bool IsTimestamp(Seconds since);

// "1h30m", "-1.5s", "10ms", "+1us2ns", "0". Nothing for others, and for what goes too far.
std::optional<Seconds> ParseDuration(std::string_view text);
// "2026-11-22T16:00:00.5Z", "...+02:00".
std::optional<Seconds> ParseTimestamp(std::string_view text);

inline constexpr size_t kLongestTime = 40;
// "1.5s"; "2026-11-22T16:00:00.500Z". They are within the bounds above; `out` has room for kLongestTime bytes. The size
// is given.
size_t WriteDuration(Seconds length, char* out);
size_t WriteTimestamp(Seconds since, char* out);

// "+05:30", "-00:30", "02:00", "UTC", "": in seconds east. Names of places are not known.
std::optional<int64_t> ParseOffset(std::string_view text);

}  // namespace pillion::expression
