#include "source/context/bytes.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::context {
namespace {

const std::string kDigits = "0123456789abcdef";

TEST(Hex, SixteenDigits) {
  uint64_t number;
  EXPECT_TRUE(ParseHex("0123456789abcdef and more", number));
  EXPECT_EQ(number, 0x0123456789abcdefu);
  char text[] = "................!";
  EXPECT_EQ(WriteHex(uint64_t{0xfedcba9876543210}, text), text + 16);
  EXPECT_STREQ(text, "fedcba9876543210!");
}

TEST(Hex, EachCharacterAtEachPlace) {
  for (size_t place = 0; place < 16; ++place) {
    for (int c = 0; c < 256; ++c) {
      std::string text(16, '0');
      text[place] = static_cast<char>(c);
      const size_t value = kDigits.find(static_cast<char>(c));
      uint64_t number;
      ASSERT_EQ(ParseHex(text.data(), number), value != std::string::npos) << place << " " << c;
      if (value == std::string::npos) continue;
      EXPECT_EQ(number, uint64_t{value} << (60 - 4 * place));
      std::string written(16, '?');
      WriteHex(number, written.data());
      EXPECT_EQ(written, text);
    }
  }
}

TEST(Hex, TwoDigits) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char text[] = {static_cast<char>(first), static_cast<char>(second)};
      const size_t high = kDigits.find(text[0]), low = kDigits.find(text[1]);
      uint8_t byte;
      ASSERT_EQ(ParseHex(text, byte), high != std::string::npos && low != std::string::npos) << first << " " << second;
      if (high == std::string::npos || low == std::string::npos) continue;
      EXPECT_EQ(byte, high * 16 + low);
      char written[3] = {};
      EXPECT_EQ(WriteHex(byte, written), written + 2);
      EXPECT_EQ(std::string(written), std::string(text, 2));
    }
  }
}

TEST(Texts, EqualOfEachSize) {
  for (size_t size = 0; size < 40; ++size) {
    const std::string text(size, 'a');
    EXPECT_TRUE(Equal(text, std::string(size, 'a')));
    EXPECT_FALSE(Equal(text, std::string(size + 1, 'a')));
    for (size_t place = 0; place < size; ++place) {
      std::string other = text;
      other[place] = 'b';
      EXPECT_FALSE(Equal(text, other)) << size << " " << place;
    }
  }
}

}  // namespace
}  // namespace pillion::context
