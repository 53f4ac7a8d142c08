#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "source/base/block.h"
#include "source/filters/stateful_session/session_value.h"

namespace pillion::filters::stateful_session {
namespace {

class SessionValueTest : public testing::Test {
 protected:
  std::string Read(std::string_view value, uint64_t now_s = 100) { return std::string(ReadCookie(arena_, value, now_s)); }
  std::string Written(uint64_t expires_s) { return std::string(WriteCookie(arena_, "127.0.0.1:19801", expires_s)); }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
};

// As Envoy 1.39 writes them.
TEST_F(SessionValueTest, Cookies) {
  EXPECT_EQ(Written(0), "Cg8xMjcuMC4wLjE6MTk4MDE=");
  EXPECT_EQ(Written(1'795'424'742), "Cg8xMjcuMC4wLjE6MTk4MDEQ5oOQ2AY=");
  EXPECT_EQ(Read("Cg8xMjcuMC4wLjE6MTk4MDE=", UINT64_MAX), "127.0.0.1:19801");
  EXPECT_EQ(Read("Cg8xMjcuMC4wLjE6MTk4MDEQ5oOQ2AY="), "127.0.0.1:19801");
}

TEST_F(SessionValueTest, CookiesExpire) {
  const std::string cookie = Written(1000);
  EXPECT_EQ(Read(cookie, 999), "127.0.0.1:19801");
  EXPECT_EQ(Read(cookie, 1000), "127.0.0.1:19801");
  EXPECT_EQ(Read(cookie, 1001), "");
}

TEST_F(SessionValueTest, OldCookiesAreTheAddressAlone) {
  EXPECT_EQ(Read(WriteAddress(arena_, "127.0.0.1:80")), "127.0.0.1:80");
  EXPECT_EQ(Read(WriteAddress(arena_, "[::1]:80")), "[::1]:80");
}

TEST_F(SessionValueTest, FieldsThatAreNotKnownArePassedOver) {
  const std::string bytes = std::string("\x1a\x02hi\x18\x07\x0a\x01x\x10\x05", 11);
  EXPECT_EQ(Read(WriteAddress(arena_, bytes), 5), "x");
  EXPECT_EQ(Read(WriteAddress(arena_, bytes), 6), "");
}

TEST_F(SessionValueTest, WhatIsNone) {
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read("%%%"), "");
  EXPECT_EQ(Read(std::string(5000, 'A')), "");
  // A message that breaks off is an old value, that of no host.
  EXPECT_EQ(Read(WriteAddress(arena_, "\x0a\x09zz")), "\x0a\x09zz");
}

TEST_F(SessionValueTest, Addresses) {
  EXPECT_EQ(WriteAddress(arena_, "127.0.0.1:80"), "MTI3LjAuMC4xOjgw");
  EXPECT_EQ(ReadAddress(arena_, "MTI3LjAuMC4xOjgw"), "127.0.0.1:80");
  EXPECT_EQ(ReadAddress(arena_, "no base64!"), "");
  EXPECT_EQ(ReadAddress(arena_, ""), "");
}

}  // namespace
}  // namespace pillion::filters::stateful_session
