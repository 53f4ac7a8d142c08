#include "source/net/own_source.h"

#include <gtest/gtest.h>

namespace pillion::net {
namespace {

std::string Text(std::string_view ip, uint32_t mark) { return OwnSource{*Address::Ip(ip, 4711), mark}.text(); }

TEST(OwnSourceTest, IsATextAndBack) {
  EXPECT_EQ(Text("192.0.2.1", 7), "7 192.0.2.1");
  EXPECT_EQ(Text("2001:db8::1", 0), "0 2001:db8::1");
  const std::optional<OwnSource> source = OwnSource::Parse("4294967295 2001:db8::1");
  ASSERT_TRUE(source);
  EXPECT_EQ(source->mark, 4294967295u);
  EXPECT_EQ(source->address, *Address::Ip("2001:db8::1", 0));
}

// Its hosts are reached by the family that it speaks.
TEST(OwnSourceTest, AMappedAddressIsThatOfIpv4) { EXPECT_EQ(Text("::ffff:192.0.2.1", 1), "1 192.0.2.1"); }

TEST(OwnSourceTest, WhatIsNone) {
  for (const std::string_view text : {"", "7", "7 ", "x 192.0.2.1", "7 192.0.2.1:0", "7 [::1]", "-1 192.0.2.1", "4294967296 192.0.2.1"}) {
    EXPECT_FALSE(OwnSource::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace pillion::net
