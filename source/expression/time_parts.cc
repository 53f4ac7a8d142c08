// What a timestamp says in a time zone, and how much of each unit a duration has. Months, days of a month (but for getDate),
// of a year and of a week (Sunday first) count from 0.

#include <algorithm>
#include <chrono>

#include "source/expression/operations.h"
#include "source/expression/time.h"

namespace pillion::expression {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year_month_day;

// The wall's clock in the zone of the second argument, UTC where there is none.
struct Local {
  sys_seconds time;
  uint32_t nanos = 0;

  sys_days day() const { return floor<days>(time); }
  year_month_day date() const { return day(); }
  int64_t second_of_day() const { return (time - day()).count(); }
};

// An error where there is no such zone, or no timestamp.
template <typename Part>
Value Of(Arguments arguments, const Part& part) {
  if (!arguments[0].Is(Kind::kTimestamp)) return NoOverload();
  int64_t east = 0;
  if (arguments.size() == 2) {
    if (!arguments[1].Is(Kind::kString)) return NoOverload();
    const std::optional<int64_t> offset = ParseOffset(arguments[1].text());
    if (!offset) return Value::Error(ErrorCode::kBadConversion);
    east = *offset;
  }
  const Seconds since = arguments[0].seconds();
  return Value::Int(static_cast<int64_t>(part(Local{sys_seconds(std::chrono::seconds(since.seconds + east)), since.nanos})));
}

// Of a duration how many whole units it has in all, towards 0; else the part of a timestamp.
template <typename Part>
Value OfEither(Arguments arguments, int64_t unit, const Part& part) {
  if (!arguments[0].Is(Kind::kDuration)) return Of(arguments, part);
  if (arguments.size() != 1) return NoOverload();
  const Seconds length = arguments[0].seconds();
  const int64_t towards_zero = length.seconds + (length.seconds < 0 && length.nanos > 0);
  return Value::Int(towards_zero / unit);
}

}  // namespace

Value FullYear(Arguments arguments, Evaluation&) {
  return Of(arguments, [](const Local& local) { return static_cast<int>(local.date().year()); });
}
Value Month(Arguments arguments, Evaluation&) {
  return Of(arguments, [](const Local& local) { return static_cast<unsigned>(local.date().month()) - 1; });
}
Value DayOfYear(Arguments arguments, Evaluation&) {
  return Of(arguments, [](const Local& local) {
    return (local.day() - sys_days(local.date().year() / std::chrono::January / 1)).count();
  });
}
Value DayOfMonth(Arguments arguments, Evaluation&) {
  return Of(arguments, [](const Local& local) { return static_cast<unsigned>(local.date().day()) - 1; });
}
Value Date(Arguments arguments, Evaluation&) {
  return Of(arguments, [](const Local& local) { return static_cast<unsigned>(local.date().day()); });
}
Value DayOfWeek(Arguments arguments, Evaluation&) {
  return Of(arguments, [](const Local& local) { return std::chrono::weekday(local.day()).c_encoding(); });
}
Value Hours(Arguments arguments, Evaluation&) {
  return OfEither(arguments, 3600, [](const Local& local) { return local.second_of_day() / 3600; });
}
Value Minutes(Arguments arguments, Evaluation&) {
  return OfEither(arguments, 60, [](const Local& local) { return local.second_of_day() / 60 % 60; });
}
Value WholeSeconds(Arguments arguments, Evaluation&) {
  return OfEither(arguments, 1, [](const Local& local) { return local.second_of_day() % 60; });
}
// Of a duration, too, the part of a second and not all of it (cel-spec, "List of Standard Definitions").
Value Milliseconds(Arguments arguments, Evaluation&) {
  if (!arguments[0].Is(Kind::kDuration)) {
    return Of(arguments, [](const Local& local) { return local.nanos / 1'000'000; });
  }
  if (arguments.size() != 1) return NoOverload();
  const Seconds length = arguments[0].seconds();
  if (length.seconds >= 0 || length.nanos == 0) return Value::Int(length.nanos / 1'000'000);
  return Value::Int(-static_cast<int64_t>((kNanos - length.nanos) / 1'000'000));
}

}  // namespace pillion::expression
