#include "source/grey/schedule.h"

#include <gtest/gtest.h>

namespace pillion::grey {
namespace {

using std::chrono::seconds;

// 2026-11-23 is a Monday.
base::WallTime At(int day, int hour, int minute, int second = 0) {
  return base::WallTime(seconds(1'795'392'000 + (day - 23) * 86'400 + hour * 3'600 + minute * 60 + second));
}

TEST(ScheduleTest, FromAndUntil) {
  const Schedule schedule{.from = At(23, 8, 0), .until = At(24, 8, 0), .windows = {}};
  EXPECT_FALSE(schedule.Holds(At(23, 7, 59, 59)));
  EXPECT_TRUE(schedule.Holds(At(23, 8, 0)));
  EXPECT_TRUE(schedule.Holds(At(24, 7, 59, 59)));
  EXPECT_FALSE(schedule.Holds(At(24, 8, 0)));
  EXPECT_TRUE(Schedule{}.Holds(At(23, 0, 0)));
}

TEST(ScheduleTest, WindowsOfDays) {
  const Schedule schedule{.from = {}, .until = {}, .windows = {{.days = 0x1f, .start = 9 * 60, .end = 17 * 60 + 30}}};
  for (int day = 23; day < 30; ++day) {
    const bool works = day < 28;
    EXPECT_FALSE(schedule.Holds(At(day, 8, 59, 59)));
    EXPECT_EQ(schedule.Holds(At(day, 9, 0)), works) << day;
    EXPECT_EQ(schedule.Holds(At(day, 17, 29, 59)), works) << day;
    EXPECT_FALSE(schedule.Holds(At(day, 17, 30)));
  }
}

TEST(ScheduleTest, BeyondMidnightItIsOfTheDayBefore) {
  const Schedule friday{.from = {}, .until = {}, .windows = {{.days = 0x10, .start = 22 * 60, .end = 6 * 60}}};
  EXPECT_FALSE(friday.Holds(At(27, 5, 0)));  // Friday
  EXPECT_TRUE(friday.Holds(At(27, 23, 0)));
  EXPECT_TRUE(friday.Holds(At(28, 5, 59)));
  EXPECT_FALSE(friday.Holds(At(28, 6, 0)));
  EXPECT_FALSE(friday.Holds(At(28, 23, 0)));
  const Schedule sunday{.from = {}, .until = {}, .windows = {{.days = 0x40, .start = 22 * 60, .end = 6 * 60}}};
  EXPECT_TRUE(sunday.Holds(At(23, 5, 59)));
  EXPECT_FALSE(sunday.Holds(At(24, 5, 59)));
  const Schedule always{.from = {}, .until = {}, .windows = {{.start = 0, .end = 24 * 60}}};
  EXPECT_TRUE(always.Holds(At(23, 23, 59, 59)));
}

TEST(ScheduleTest, InItsZone) {
  Schedule schedule{.from = {}, .until = {}, .windows = {{.days = 0x01, .start = 9 * 60, .end = 10 * 60}}};
  schedule.zone = FindZone("+08:00").value();
  EXPECT_TRUE(schedule.Holds(At(23, 1, 30)));
  EXPECT_FALSE(schedule.Holds(At(23, 9, 30)));
  schedule.zone = FindZone("America/New_York").value();  // in winter, -05:00
  EXPECT_TRUE(schedule.Holds(At(23, 14, 30)));
  schedule.zone = FindZone("").value();
  EXPECT_TRUE(schedule.Holds(At(23, 9, 30)));
  EXPECT_FALSE(FindZone("Atlantis/Centre"));
}

TEST(ScheduleTest, TimesOfDay) {
  EXPECT_EQ(ParseTimeOfDay("00:00", false), 0);
  EXPECT_EQ(ParseTimeOfDay("22:30", false), 22 * 60 + 30);
  EXPECT_EQ(ParseTimeOfDay("24:00", true), 24 * 60);
  for (const char* text : {"24:00", "24:01", "23:60", "9:00", "09:00:00", "0900", "", "-1:00", "09.00", "xx:yy"}) {
    EXPECT_EQ(ParseTimeOfDay(text, false), std::nullopt) << text;
  }
  EXPECT_EQ(ParseTimeOfDay("24:01", true), std::nullopt);
}

}  // namespace
}  // namespace pillion::grey
