#pragma once

// When something is in force: from a time, until a time, in windows of the wall's clock in some zone. Immutable; any thread.

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "source/base/clock.h"

namespace pillion::grey {

// A part of a day, or of two: it begins on one of `days`, and goes beyond midnight where it does not end after its start.
// Where clocks are put forward or back, it goes by what they show.
struct Window {
  static constexpr uint16_t kMinutesOfDay = 24 * 60;

  uint8_t days = 0x7f;     // bit 0: Monday
  uint16_t start = 0;      // minutes of the day, below kMinutesOfDay
  uint16_t end = 0;        // up to kMinutesOfDay

  // `day`: 0 is Monday.
  bool Holds(unsigned day, uint16_t minute) const {
    const bool begins_today = (days >> day & 1) != 0;
    if (start < end) return begins_today && minute >= start && minute < end;
    const bool began_yesterday = (days >> (day + 6) % 7 & 1) != 0;
    return (begins_today && minute >= start) || (began_yesterday && minute < end);
  }
};

// "22:30" in minutes; "24:00" where that may be. Nothing for what is none.
std::optional<uint16_t> ParseTimeOfDay(std::string_view text, bool may_be_midnight);
// "Asia/Shanghai", "+08:00", "": UTC. Nothing for what the system does not know.
std::optional<absl::TimeZone> FindZone(const std::string& name);

struct Schedule {
  std::optional<base::WallTime> from;
  std::optional<base::WallTime> until;  // no longer then
  std::vector<Window> windows;          // any of them; none: always
  absl::TimeZone zone = absl::UTCTimeZone();

  bool Holds(base::WallTime now) const;
};

}  // namespace pillion::grey
