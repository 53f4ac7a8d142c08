#include "source/grey/schedule.h"

#include <algorithm>

#include "source/expression/time.h"

namespace pillion::grey {

std::optional<uint16_t> ParseTimeOfDay(std::string_view text, bool may_be_midnight) {
  const auto digit = [&](size_t place) { return static_cast<unsigned>(text[place] - '0'); };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const size_t place : {0, 1, 3, 4}) {
    if (text[place] < '0' || text[place] > '9') return std::nullopt;
  }
  const unsigned hours = digit(0) * 10 + digit(1), minutes = digit(3) * 10 + digit(4);
  const unsigned of_day = hours * 60 + minutes;
  if (minutes >= 60 || of_day > Window::kMinutesOfDay - (may_be_midnight ? 0u : 1u)) return std::nullopt;
  return static_cast<uint16_t>(of_day);
}

std::optional<absl::TimeZone> FindZone(const std::string& name) {
  if (const std::optional<int64_t> east = expression::ParseOffset(name)) {
    return absl::FixedTimeZone(static_cast<int>(*east));
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) return std::nullopt;
  return zone;
}

bool Schedule::Holds(base::WallTime now) const {
  if ((from && now < *from) || (until && now >= *until)) return false;
  if (windows.empty()) return true;
  const absl::CivilMinute local = absl::ToCivilMinute(absl::FromUnixNanos(now.time_since_epoch().count()), zone);
  const auto day = static_cast<unsigned>(absl::GetWeekday(local));  // Monday is 0
  const auto minute = static_cast<uint16_t>(local.hour() * 60 + local.minute());
  return std::any_of(windows.begin(), windows.end(), [&](const Window& window) { return window.Holds(day, minute); });
}

}  // namespace pillion::grey
