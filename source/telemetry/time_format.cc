#include "source/telemetry/time_format.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <ctime>
#include <utility>

namespace pillion::telemetry {
namespace {

constexpr std::string_view kFields = "YmdeHIMSpjybBaAnZtzs";
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct Civil {
  explicit Civil(base::WallTime time, int east = 0)
      : at(time + std::chrono::seconds(east)),
        east(east),
        day(std::chrono::floor<std::chrono::days>(at)),
        date(day),
        clock(at - day) {}

  base::WallTime at;
  int east;  // of UTC, in seconds

  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<base::Duration> clock;
};

// `value` in at least `width` digits, filled up by `fill`.
void AppendNumber(std::string& out, int64_t value, int width, char fill = '0') {
  char digits[20];
  int count = 0;
  const bool negative = value < 0;
  uint64_t rest = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  do {
    digits[count++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (negative) out += '-';
  for (int i = count; i < width; ++i) out += fill;
  while (count > 0) out += digits[--count];
}

void AppendFraction(std::string& out, const Civil& civil, int digits) {
  int64_t value = civil.clock.subseconds().count();
  for (int i = digits; i < 9; ++i) value /= 10;
  AppendNumber(out, value, digits);
}

void AppendField(std::string& out, char field, const Civil& civil, base::WallTime time) {
  const int64_t hour = civil.clock.hours().count();
  const unsigned weekday = std::chrono::weekday(civil.day).c_encoding();
  const unsigned month = static_cast<unsigned>(civil.date.month());
  switch (field) {
    case 'Y':
      AppendNumber(out, static_cast<int>(civil.date.year()), 4);
      break;
    case 'y':
      AppendNumber(out, static_cast<int>(civil.date.year()) % 100, 2);
      break;
    case 'm':
      AppendNumber(out, month, 2);
      break;
    case 'd':
      AppendNumber(out, static_cast<unsigned>(civil.date.day()), 2);
      break;
    case 'e':
      AppendNumber(out, static_cast<unsigned>(civil.date.day()), 2, ' ');
      break;
    case 'H':
      AppendNumber(out, hour, 2);
      break;
    case 'I':
      AppendNumber(out, (hour + 11) % 12 + 1, 2);
      break;
    case 'M':
      AppendNumber(out, civil.clock.minutes().count(), 2);
      break;
    case 'S':
      AppendNumber(out, civil.clock.seconds().count(), 2);
      break;
    case 'p':
      out += hour < 12 ? "AM" : "PM";
      break;
    case 'j':
      AppendNumber(out, (civil.day - std::chrono::sys_days(civil.date.year() / 1 / 1)).count() + 1, 3);
      break;
    case 'b':
      out += kMonths[month - 1].substr(0, 3);
      break;
    case 'B':
      out += kMonths[month - 1];
      break;
    case 'a':
      out += kDays[weekday].substr(0, 3);
      break;
    case 'A':
      out += kDays[weekday];
      break;
    case 'n':
      out += '\n';
      break;
    case 't':
      out += '\t';
      break;
    case 'Z':
      if (civil.east == 0) {
        out += "UTC";
        break;
      }
      [[fallthrough]];
    case 'z': {
      const int minutes = (civil.east < 0 ? -civil.east : civil.east) / 60;
      out += civil.east < 0 ? '-' : '+';
      AppendNumber(out, minutes / 60, 2);
      AppendNumber(out, minutes % 60, 2);
      break;
    }
    case 's':
      AppendNumber(out, std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(), 1);
      break;
  }
}

// What stands for several fields.
std::string_view Expand(char field) {
  switch (field) {
    case 'F':
      return "%Y-%m-%d";
    case 'T':
      return "%H:%M:%S";
    case 'D':
      return "%m/%d/%y";
    case 'R':
      return "%H:%M";
    default:
      return {};
  }
}

// Most lines are written in the second of the one before: its text is kept.
void AppendDefault(base::WallTime time, std::string& out) {
  struct Second {
    std::chrono::sys_seconds at{std::chrono::seconds::min()};
    std::string text;
  };
  static thread_local Second known;
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  if (second != known.at) {
    const Civil civil(second);
    known.at = second;
    known.text.clear();
    const std::pair<char, char> fields[] = {{'Y', '-'}, {'m', '-'}, {'d', 'T'}, {'H', ':'}, {'M', ':'}, {'S', '.'}};
    for (const auto& [field, separator] : fields) {
      AppendField(known.text, field, civil, second);
      known.text += separator;
    }
  }
  out += known.text;
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time - second).count();
  const char fraction[] = {static_cast<char>('0' + milliseconds / 100), static_cast<char>('0' + milliseconds / 10 % 10),
                           static_cast<char>('0' + milliseconds % 10), 'Z'};
  out.append(fraction, sizeof fraction);
}

}  // namespace

absl::StatusOr<TimeFormat> TimeFormat::Compile(std::string_view format) {
  std::string expanded;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 1 < format.size()) {
      const std::string_view several = Expand(format[i + 1]);
      expanded += several.empty() ? format.substr(i, 2) : several;
      ++i;
    } else {
      expanded += format[i];
    }
  }

  TimeFormat compiled;
  const auto literal = [&compiled](char c) {
    if (compiled.pieces_.empty() || compiled.pieces_.back().field != 0) compiled.pieces_.push_back({0});
    compiled.pieces_.back().literal += c;
  };
  for (size_t i = 0; i < expanded.size(); ++i) {
    if (expanded[i] != '%') {
      literal(expanded[i]);
      continue;
    }
    const char field = ++i < expanded.size() ? expanded[i] : '\0';
    if (field == '%') {
      literal('%');
    } else if (field == 'f') {
      compiled.pieces_.push_back({'f', 9});
    } else if (field >= '1' && field <= '9' && i + 1 < expanded.size() && expanded[i + 1] == 'f') {
      compiled.pieces_.push_back({'f', static_cast<uint8_t>(field - '0')});
      ++i;
    } else if (field != '\0' && kFields.find(field) != std::string_view::npos) {
      compiled.pieces_.push_back({field});
    } else {
      return absl::InvalidArgumentError(fmt::format("time format \"{}\": \"%{}\" is not known", format,
                                                    field == '\0' ? "" : std::string(1, field)));
    }
  }
  return compiled;
}

void TimeFormat::AppendLocal(base::WallTime time, std::string& out) const {
  const time_t seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  tm local{};
  const bool known = localtime_r(&seconds, &local) != nullptr;
  AppendAt(time, known ? static_cast<int>(local.tm_gmtoff) : 0, out);
}

void TimeFormat::AppendAt(base::WallTime time, int east, std::string& out) const {
  if (pieces_.empty()) {
    AppendDefault(time + std::chrono::seconds(east), out);
    if (east == 0) return;
    out.pop_back();  // the Z
    AppendField(out, 'z', Civil(time, east), time);
    return;
  }
  const Civil civil(time, east);
  for (const Piece& piece : pieces_) {
    if (piece.field == 0) {
      out += piece.literal;
    } else if (piece.field == 'f') {
      AppendFraction(out, civil, piece.digits);
    } else {
      AppendField(out, piece.field, civil, time);
    }
  }
}

}  // namespace pillion::telemetry
