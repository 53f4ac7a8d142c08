#include "source/net/address.h"

#include <gtest/gtest.h>

namespace pillion::net {
namespace {

TEST(Address, TextsAndParts) {
  const Address v4 = *Address::Ip("127.0.0.1", 80);
  EXPECT_EQ(v4.text(), "127.0.0.1:80");
  EXPECT_EQ(v4.ip(), "127.0.0.1");
  EXPECT_EQ(v4.port(), 80);
  EXPECT_EQ(v4.family(), AF_INET);
  EXPECT_TRUE(v4.is_loopback());
  EXPECT_FALSE(Address::Ip("10.0.0.1", 80)->is_loopback());

  const Address v6 = *Address::Ip("2001:DB8::1", 65535);
  EXPECT_EQ(v6.text(), "[2001:db8::1]:65535");
  EXPECT_EQ(v6.ip(), "2001:db8::1");
  EXPECT_FALSE(v6.is_loopback());
  EXPECT_TRUE(Address::Ip("::1", 1)->is_loopback());
}

TEST(Address, RefusesWhatIsNoIp) {
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "1.2.3.4 ", "[::1]"}) {
    EXPECT_FALSE(Address::Ip(text, 1)) << text;
  }
  EXPECT_FALSE(Address::Ip(std::string(200, '1'), 1));
  EXPECT_FALSE(Address::Ip(std::string_view("1.2.3.4\0x", 9), 1));
}

TEST(Address, NamesOfInternalListeners) {
  const Address address = Address::Internal("inner", "10.0.0.1:80");
  EXPECT_TRUE(address.is_internal());
  EXPECT_EQ(address.text(), "envoy://inner/10.0.0.1:80");
  EXPECT_EQ(address.internal_listener(), "inner");
  EXPECT_EQ(address.internal_endpoint(), "10.0.0.1:80");
  EXPECT_EQ(Address::Internal("inner", "").text(), "envoy://inner/");
  // It is none of the system's.
  EXPECT_EQ(address.ip(), "");
  EXPECT_EQ(address.port(), 0);
  EXPECT_FALSE(address.is_loopback());
  EXPECT_NE(address.family(), AF_INET);
  EXPECT_NE(address.family(), AF_INET6);
  EXPECT_NE(address.family(), AF_UNIX);
  const Address copy = address;
  EXPECT_EQ(copy, Address::Internal("inner", "10.0.0.1:80"));
  EXPECT_FALSE(copy == Address::Internal("inner", "10.0.0.2:80"));
  EXPECT_FALSE(copy == Address::Internal("other", "10.0.0.1:80"));
  EXPECT_FALSE(copy == Address());
  EXPECT_FALSE(Address::Ip("10.0.0.1", 80)->is_internal());
  EXPECT_EQ(Address::Ip("10.0.0.1", 80)->internal_listener(), "");
}

TEST(Address, UnixPathsAndAbstractNames) {
  const Address path = *Address::Unix("/run/app.sock");
  EXPECT_EQ(path.text(), "/run/app.sock");
  EXPECT_EQ(path.family(), AF_UNIX);
  EXPECT_EQ(path.port(), 0);
  EXPECT_EQ(path.ip(), "");
  EXPECT_TRUE(path.is_loopback());
  EXPECT_EQ(Address::Unix("@name")->text(), "@name");
  EXPECT_TRUE(Address::Unix(std::string(107, 'x')));
  EXPECT_FALSE(Address::Unix(std::string(108, 'x')));
  EXPECT_FALSE(Address::Unix(""));
}

TEST(Address, Equality) {
  EXPECT_EQ(*Address::Ip("::1", 80), *Address::Ip("0:0::1", 80));
  EXPECT_FALSE(*Address::Ip("::1", 80) == *Address::Ip("::1", 81));
  EXPECT_FALSE(*Address::Ip("127.0.0.1", 80) == *Address::Ip("::1", 80));
  EXPECT_EQ(Address(), Address());
  EXPECT_EQ(Address().text(), "");
  EXPECT_EQ(Address().family(), AF_UNSPEC);
}

}  // namespace
}  // namespace pillion::net
