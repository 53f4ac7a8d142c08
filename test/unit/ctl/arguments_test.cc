#include "source/ctl/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pillion::ctl {
namespace {

using testing::HasSubstr;

TEST(ParseDuration, HasAUnit) {
  EXPECT_EQ(*ParseDuration("90s", absl::Seconds(1)), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("30m", absl::Seconds(1)), absl::Minutes(30));
  EXPECT_EQ(*ParseDuration("12h", absl::Seconds(1)), absl::Hours(12));
  EXPECT_EQ(*ParseDuration("3650d", absl::Seconds(1)), absl::Hours(24 * 3650));
}

TEST(ParseDuration, RefusesWithTheValueAndWhatIsExpected) {
  for (const char* text : {"", "s", "1", "1w", "1 h", "1.5h", "1h30m", "-1h", "+1h", "0s", "3s", "3651d",
                           "9223372036854775807d", "99999999999999999999s"}) {
    const auto duration = ParseDuration(text, absl::Seconds(4));
    ASSERT_FALSE(duration.ok()) << text;
    EXPECT_THAT(std::string(duration.status().message()), HasSubstr('"' + std::string(text) + '"'));
    EXPECT_THAT(std::string(duration.status().message()), HasSubstr("from 4s to 3650d"));
  }
}

TEST(ParseListen, OfLoopback) {
  const auto listen = ParseListen("web=127.0.0.1:8081", false);
  ASSERT_TRUE(listen.ok()) << listen.status();
  EXPECT_EQ(listen->workload, "web");
  EXPECT_EQ(listen->address.text(), "127.0.0.1:8081");
  EXPECT_EQ(ParseListen("web=[::1]:8081", false)->address.text(), "[::1]:8081");
}

TEST(ParseListen, BeyondLoopbackOnlyWhenAllowed) {
  for (const char* text :
       {"web=0.0.0.0:8081", "web=[::]:8081", "web=192.0.2.1:8081", "web=[::ffff:192.0.2.1]:8081"}) {
    const auto listen = ParseListen(text, false);
    ASSERT_FALSE(listen.ok()) << text;
    EXPECT_THAT(std::string(listen.status().message()), HasSubstr("--allow-remote"));
    EXPECT_TRUE(ParseListen(text, true).ok()) << text;
  }
}

TEST(ParseListen, NamesBoth) {
  for (const char* text : {"", "web", "127.0.0.1:8081", "web=", "web=8081", "web=127.0.0.1",
                           "web=localhost:8081", "web=127.0.0.1:70000", "web=/run/a.sock"}) {
    const auto listen = ParseListen(text, true);
    ASSERT_FALSE(listen.ok()) << text;
    EXPECT_THAT(std::string(listen.status().message()), HasSubstr("expected WORKLOAD=IP:PORT"));
  }
}

TEST(ParseListen, APortThatIsKnown) {
  const auto listen = ParseListen("web=127.0.0.1:0", true);
  ASSERT_FALSE(listen.ok());
  EXPECT_THAT(std::string(listen.status().message()),
              HasSubstr("\"web=127.0.0.1:0\": port 0 is one that nobody could know, expected one from 1 to 65535"));
}

}  // namespace
}  // namespace pillion::ctl
