#include "source/telemetry/time_format.h"

#include <gtest/gtest.h>

#include <ctime>

namespace pillion::telemetry {
namespace {

base::WallTime At(int64_t seconds, int64_t nanos = 0) {
  return base::WallTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos));
}

std::string Write(std::string_view format, base::WallTime time) {
  absl::StatusOr<TimeFormat> compiled = TimeFormat::Compile(format);
  if (!compiled.ok()) return std::string(compiled.status().message());
  std::string out;
  compiled->Append(time, out);
  return out;
}

TEST(TimeFormat, DefaultIsIso8601WithMilliseconds) {
  EXPECT_EQ(Write("", At(1795224627, 387'999'999)), "2026-11-21T01:30:27.387Z");
  EXPECT_EQ(Write("", At(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(Write("", At(1709164800)), "2024-02-29T00:00:00.000Z");
}

TEST(TimeFormat, SecondsAndFractions) {
  const base::WallTime time = At(1795224627, 12'345'678);
  EXPECT_EQ(Write("%s.%3f", time), "1795224627.012");
  EXPECT_EQ(Write("%f|%1f|%6f|%9f", time), "012345678|0|012345|012345678");
}

TEST(TimeFormat, AgreesWithStrftime) {
  for (const int64_t seconds : {int64_t{0}, int64_t{951782400}, int64_t{1795224627}, int64_t{4102444799}}) {
    for (const char* format :
         {"%Y-%m-%d %e %H:%M:%S", "%I %p", "%j", "%y", "%b %B", "%a %A", "%F %T", "%D %R", "%z %%", "%s"}) {
      const time_t time = seconds;
      tm civil;
      gmtime_r(&time, &civil);
      char expected[100];
      strftime(expected, sizeof expected, format, &civil);
      if (std::string_view(format) == "%s") snprintf(expected, sizeof expected, "%ld", static_cast<long>(seconds));
      EXPECT_EQ(Write(format, At(seconds)), expected) << format;
    }
  }
  EXPECT_EQ(Write("%I%p", At(12 * 3600)), "12PM");
}

TEST(TimeFormat, Local) {
  const char* const before = getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  const auto local = [](const char* zone, const char* format) {
    setenv("TZ", zone, 1);
    tzset();
    std::string out;
    TimeFormat::Compile(format)->AppendLocal(At(1795224627), out);
    return out;
  };
  EXPECT_EQ(local("XST-5:30", "%F %T %z"), "2026-11-21 07:00:27 +0530");
  EXPECT_EQ(local("XST+8", "%F %T %z"), "2026-11-20 17:30:27 -0800");
  EXPECT_EQ(local("UTC", "%F %T %z"), "2026-11-21 01:30:27 +0000");
  EXPECT_EQ(local("XST-1", ""), "2026-11-21T02:30:27.000+0100");
  before == nullptr ? unsetenv("TZ") : setenv("TZ", kept.c_str(), 1);
  tzset();
}

TEST(TimeFormat, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Write("%Y %Q", At(0)), "time format \"%Y %Q\": \"%Q\" is not known");
  EXPECT_EQ(Write("%0f", At(0)), "time format \"%0f\": \"%0\" is not known");
  EXPECT_EQ(Write("100%", At(0)), "time format \"100%\": \"%\" is not known");
}

}  // namespace
}  // namespace pillion::telemetry
