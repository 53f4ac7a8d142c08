#include "source/expression/time.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace pillion::expression {
namespace {

// As many digits, and no other sign.
std::optional<int> Digits(std::string_view text) {
  int number = 0;
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// ".5": nanoseconds; takes what it read. Nothing: there is a dot and no digit behind it.
std::optional<uint32_t> TakeFraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  uint32_t nanos = 0, place = kNanos / 10;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    nanos += static_cast<uint32_t>(text[digits] - '0') * place;  // from the tenth on they are too small
    place /= 10;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return nanos;
}

// "12:30".
std::optional<int64_t> ParseHoursAndMinutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const std::optional<int> hours = Digits(text.substr(0, 2)), minutes = Digits(text.substr(3));
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return *hours * 3600 + *minutes * 60;
}

// As few of nine digits as say the same, in threes.
size_t WriteFraction(uint32_t nanos, char* out) {
  if (nanos == 0) return 0;
  if (nanos % 1'000'000 == 0) return static_cast<size_t>(std::snprintf(out, 11, ".%03u", nanos / 1'000'000));
  if (nanos % 1'000 == 0) return static_cast<size_t>(std::snprintf(out, 11, ".%06u", nanos / 1'000));
  return static_cast<size_t>(std::snprintf(out, 11, ".%09u", nanos));
}

struct Unit {
  std::string_view name;
  int64_t nanos;
};
constexpr Unit kUnits[] = {{"ns", 1}, {"us", 1'000}, {"\xc2\xb5s", 1'000}, {"\xce\xbcs", 1'000}, {"ms", 1'000'000},
                           {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}};

}  // namespace

bool IsDuration(Seconds length) {
  const bool reaches_end = length.seconds == kLongestDuration;
  return length.seconds >= -kLongestDuration && length.seconds <= kLongestDuration && !(reaches_end && length.nanos > 0);
}

bool IsTimestamp(Seconds since) { return since.seconds >= kFirstTimestamp && since.seconds <= kLastTimestamp; }

std::optional<Seconds> ParseDuration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Seconds{};
  if (text.empty()) return std::nullopt;
  __int128 nanos = 0;
  constexpr __int128 kMost = static_cast<__int128>(kLongestDuration) * kNanos;
  while (!text.empty()) {
    int64_t whole = 0;
    const std::from_chars_result read = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (read.ec == std::errc::result_out_of_range || text[0] == '-') return std::nullopt;
    text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
    if (read.ec != std::errc() && !text.starts_with('.')) return std::nullopt;
    const std::optional<uint32_t> fraction = TakeFraction(text);
    if (!fraction) return std::nullopt;
    const Unit* unit = nullptr;
    for (const Unit& known : kUnits) {
      if (unit == nullptr && text.starts_with(known.name)) unit = &known;
    }
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    nanos += static_cast<__int128>(whole) * unit->nanos + static_cast<__int128>(*fraction) * unit->nanos / kNanos;
    if (nanos > kMost) return std::nullopt;
  }
  if (negative) nanos = -nanos;
  auto seconds = static_cast<int64_t>(nanos / kNanos);
  auto rest = static_cast<int64_t>(nanos % kNanos);
  if (rest < 0) --seconds, rest += kNanos;
  return Seconds{seconds, static_cast<uint32_t>(rest)};
}

std::optional<Seconds> ParseTimestamp(std::string_view text) {
  using namespace std::chrono;
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't')) return std::nullopt;
  if (text[13] != ':' || text[16] != ':') return std::nullopt;
  const std::optional<int> year_number = Digits(text.substr(0, 4)), month_number = Digits(text.substr(5, 2));
  const std::optional<int> day_number = Digits(text.substr(8, 2)), second = Digits(text.substr(17, 2));
  const std::optional<int64_t> minutes = ParseHoursAndMinutes(text.substr(11, 5));
  if (!year_number || !month_number || !day_number || !second || !minutes || *second > 59) return std::nullopt;
  const auto month_of = static_cast<unsigned>(*month_number), day_of = static_cast<unsigned>(*day_number);
  const year_month_day date{year(*year_number), month(month_of), day(day_of)};
  if (!date.ok()) return std::nullopt;
  text.remove_prefix(19);
  const std::optional<uint32_t> nanos = TakeFraction(text);
  if (!nanos || text.empty()) return std::nullopt;
  int64_t east = 0;
  if (text != "Z" && text != "z") {
    const std::optional<int64_t> offset = text[0] == '+' || text[0] == '-' ? ParseOffset(text) : std::nullopt;
    if (!offset) return std::nullopt;
    east = *offset;
  }
  const int64_t days = sys_days(date).time_since_epoch().count();
  const Seconds since{days * 86'400 + *minutes + *second - east, *nanos};
  return IsTimestamp(since) ? std::optional(since) : std::nullopt;
}

size_t WriteDuration(Seconds length, char* out) {
  // Down from 0 the fraction counts from the other side.
  const bool negative = length.seconds < 0;
  const int64_t whole = negative ? -(length.seconds + (length.nanos > 0)) : length.seconds;
  const uint32_t nanos = negative && length.nanos > 0 ? kNanos - length.nanos : length.nanos;
  char* end = out;
  if (negative) *end++ = '-';
  end = std::to_chars(end, out + kLongestTime, whole).ptr;
  end += WriteFraction(nanos, end);
  *end++ = 's';
  return static_cast<size_t>(end - out);
}

size_t WriteTimestamp(Seconds since, char* out) {
  using namespace std::chrono;
  const sys_seconds time{seconds(since.seconds)};
  const sys_days midnight = floor<days>(time);
  const year_month_day date(midnight);
  const hh_mm_ss clock(time - midnight);
  const int size = std::snprintf(out, 20, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()) % 10'000,
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                                 static_cast<int>(clock.seconds().count()));
  char* end = out + std::min(size, 19);
  end += WriteFraction(since.nanos, end);
  *end++ = 'Z';
  return static_cast<size_t>(end - out);
}

std::optional<int64_t> ParseOffset(std::string_view text) {
  if (text.empty() || text == "UTC") return 0;
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  const std::optional<int64_t> east = ParseHoursAndMinutes(text);
  if (!east) return std::nullopt;
  return negative ? -*east : *east;
}

}  // namespace pillion::expression
