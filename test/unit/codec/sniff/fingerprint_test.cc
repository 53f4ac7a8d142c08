#include "source/codec/sniff/fingerprint.h"

#include <gtest/gtest.h>

#include "source/codec/sniff/client_hello.h"
#include "test/unit/codec/sniff/hello_bytes.h"

namespace pillion::codec::sniff {
namespace {

using namespace pillion::test;  // NOLINT: the bytes

std::string Numbers(const std::vector<size_t>& values) {
  std::string bytes;
  for (const size_t value : values) bytes += BigEndian(value, 2);
  return bytes;
}

FingerprintTexts Of(std::string_view extensions) {
  ClientHello hello;
  FingerprintTexts texts;
  EXPECT_EQ(ReadClientHello(Hello(extensions), 16384, hello, &texts), Found::kYes);
  return texts;
}

// JA4's text without hashes, of which this test has none.
std::string Ja4(const FingerprintTexts& texts) {
  return texts.ja4_start + texts.ja4_suites + "_" + texts.ja4_extensions;
}

TEST(Fingerprint, EachPart) {
  const FingerprintTexts texts =
      Of(Extension(0x1a1a, "") + Extension(43, Vector(1, Numbers({0x2a2a, 0x304, 0x303}))) + ServerName("a.test") +
         Extension(10, Vector(2, Numbers({0x3a3a, 29, 23}))) + Extension(11, Vector(1, std::string("\0\1", 2))) +
         Extension(13, Vector(2, Numbers({0x804, 0x403}))) + Protocols({"h2", "http/1.1"}));
  EXPECT_EQ(texts.ja3, "771,4865-4866,43-0-10-11-13-16,29-23,0-1");
  EXPECT_EQ(Ja4(texts), "t13d0206h2_1301,1302_000a,000b,000d,002b_0804,0403");
}

TEST(Fingerprint, NothingIsThere) {
  const FingerprintTexts texts = Of("");
  EXPECT_EQ(texts.ja3, "771,4865-4866,,,");
  EXPECT_EQ(Ja4(texts), "t12i020000_1301,1302_");
  // A name and a protocol are in the start only.
  EXPECT_EQ(Ja4(Of(ServerName("a.test") + Protocols({"h2"}))), "t12d0202h2_1301,1302_");
}

TEST(Fingerprint, Protocols) {
  const auto start = [](const std::string& protocol) { return Of(test::Protocols({protocol})).ja4_start; };
  EXPECT_EQ(start("http/1.1"), "t12i0201h1_");
  EXPECT_EQ(start("h"), "t12i0201hh_");
  EXPECT_EQ(start("a-"), "t12i02016d_");
  EXPECT_EQ(start("\xab"), "t12i0201ab_");
  EXPECT_EQ(start("\x30\xab"), "t12i02013b_");
}

TEST(Fingerprint, Versions) {
  const auto start = [](const std::vector<size_t>& versions) {
    return Of(Extension(43, Vector(1, Numbers(versions)))).ja4_start.substr(0, 3);
  };
  EXPECT_EQ(start({0x304}), "t13");
  EXPECT_EQ(start({0x301, 0x302}), "t11");
  EXPECT_EQ(start({0x301}), "t10");
  EXPECT_EQ(start({0x300}), "ts3");
  EXPECT_EQ(start({0x1234}), "t00");
  EXPECT_EQ(start({0x4a4a}), "t12");  // says nothing
  EXPECT_EQ(Of(Extension(43, "")).ja4_start.substr(0, 3), "t00");
}

TEST(Fingerprint, WhatIsWrongWithinExtensions) {
  // Lists that are shorter than they say, or of odd length.
  const FingerprintTexts texts = Of(Extension(10, std::string("\0\x09\0\x1d\0", 5)) + Extension(11, std::string("\5\0", 2)) +
                                    Extension(13, std::string("\0", 1)));
  EXPECT_EQ(texts.ja3, "771,4865-4866,10-11-13,29,0");
  EXPECT_EQ(texts.ja4_extensions, "000a,000b,000d");
  EXPECT_EQ(Of(Extension(10, "") + Extension(11, "")).ja3, "771,4865-4866,10-11,,");
}

TEST(Fingerprint, ManyAreCountedTo99) {
  std::string extensions;
  for (size_t i = 0; i < 120; ++i) extensions += Extension(1000 + i, "");
  EXPECT_EQ(Of(extensions).ja4_start, "t12i029900_");
  // The largest hello that is taken.
  std::string more;
  for (size_t i = 0; i < 4000; ++i) more += Extension(i + 100, "");
  EXPECT_EQ(Of(more).ja4_start, "t12i029900_");
}

TEST(Fingerprint, Grease) {
  for (size_t nibble = 0; nibble < 16; ++nibble) EXPECT_TRUE(IsGrease(nibble << 12 | nibble << 4 | 0x0a0a));
  for (const size_t other : {0x0a1a, 0x1301, 0x0a0b, 0x0a, 0xaa}) EXPECT_FALSE(IsGrease(other)) << other;
}

}  // namespace
}  // namespace pillion::codec::sniff
