#include "source/match/ip_range.h"

#include <gtest/gtest.h>

namespace pillion::match {
namespace {

bool Contains(std::string_view range, int bits, std::string_view address) {
  return IpRange(*IpAddress::Parse(range), bits).Contains(*IpAddress::Parse(address));
}

TEST(IpRangeTest, Contains) {
  EXPECT_TRUE(Contains("10.0.0.0", 8, "10.255.0.1"));
  EXPECT_FALSE(Contains("10.0.0.0", 8, "11.0.0.0"));
  EXPECT_TRUE(Contains("192.168.4.0", 22, "192.168.7.255"));
  EXPECT_FALSE(Contains("192.168.4.0", 22, "192.168.8.0"));
  EXPECT_TRUE(Contains("127.0.0.1", 32, "127.0.0.1"));
  EXPECT_FALSE(Contains("127.0.0.1", 32, "127.0.0.2"));
  EXPECT_TRUE(Contains("0.0.0.0", 0, "255.255.255.255"));
  EXPECT_TRUE(Contains("fd00::", 8, "fdff::1"));
  EXPECT_FALSE(Contains("fd00::", 8, "fe00::1"));
  EXPECT_TRUE(Contains("2001:db8::1", 128, "2001:DB8:0::1"));
  EXPECT_FALSE(Contains("2001:db8::1", 128, "2001:db8::2"));
}

TEST(IpRangeTest, TwoKinds) {
  EXPECT_FALSE(Contains("0.0.0.0", 0, "::1"));
  EXPECT_FALSE(Contains("::", 0, "127.0.0.1"));
  EXPECT_TRUE(Contains("127.0.0.0", 8, "::ffff:127.0.0.1"));
  EXPECT_TRUE(Contains("::ffff:127.0.0.0", 8, "127.0.0.1"));
}

TEST(IpRangeTest, WhatIsNoAddress) {
  for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4:80", "[::1]", "::1%eth0", "a", " 1.2.3.4"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string(100, '1')));
}

}  // namespace
}  // namespace pillion::match
