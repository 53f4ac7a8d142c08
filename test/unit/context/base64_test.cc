#include "source/context/base64.h"

#include <gtest/gtest.h>

#include <string>

#include "source/base/random.h"

namespace pillion::context {
namespace {

std::optional<std::string> Decode(std::string_view text, size_t room = 1024) {
  std::string out(room, '?');
  const auto size = DecodeBase64(text, out.data(), room);
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

std::string Encode(std::string_view bytes, bool padded) {
  std::string text(Base64Size(bytes.size(), padded), '?');
  EncodeBase64(bytes, padded, text.data());
  return text;
}

TEST(Base64, ReadsAllForms) {
  EXPECT_EQ(Decode(""), "");
  EXPECT_EQ(Decode("Zg=="), "f");
  EXPECT_EQ(Decode("Zg"), "f");
  EXPECT_EQ(Decode("Zm8="), "fo");
  EXPECT_EQ(Decode("Zm8"), "fo");
  EXPECT_EQ(Decode("Zm9v"), "foo");
  EXPECT_EQ(Decode("Zm9vYmFy"), "foobar");
  EXPECT_EQ(Decode("+/+/"), "\xfb\xff\xbf");
  EXPECT_EQ(Decode("-_-_"), "\xfb\xff\xbf");
}

TEST(Base64, RefusesTheRest) {
  for (const char* bad : {"Z", "Zm9vY", "Zg=", "Zg===", "Z===", "====", "=", "==", "Zg==Zg==", "Zm=v", "Zm9v=", " Zm9v", "Zm9v\n", "Zm 9v",
                          "+/-_", "+_==", "Zh==", "Zh", "Zm9=", "Zm9", "Zm9,", "Zm9v\x80", "Zm\xc3\xa4v"}) {
    EXPECT_EQ(Decode(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(Decode(std::string_view("Zm\0v", 4)), std::nullopt);
}

// Most of a long text is read and written two groups at a time.
TEST(Base64, EachCharacterAtEachPlaceOfALongText) {
  const std::string standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t place = 0; place < 44; ++place) {
    for (int c = 0; c < 256; ++c) {
      std::string text(44, 'A');
      text[place] = static_cast<char>(c);
      size_t value = standard.find(static_cast<char>(c));
      if (c == '-') value = 62;
      if (c == '_') value = 63;
      if (value == std::string::npos) {
        EXPECT_EQ(Decode(text), place == 43 && c == '=' ? std::optional(std::string(32, '\0')) : std::nullopt) << place << " " << c;
        continue;
      }
      std::string bytes(33, '\0');
      for (size_t bit = 0; bit < 6; ++bit) {
        const size_t at = place * 6 + bit;
        if ((value >> (5 - bit) & 1) != 0) bytes[at / 8] = static_cast<char>(static_cast<uint8_t>(bytes[at / 8]) | 0x80 >> at % 8);
      }
      EXPECT_EQ(Decode(text), bytes) << place << " " << c;
      if (c == '-' || c == '_') continue;
      EXPECT_EQ(Encode(bytes, true), text);
    }
  }
}

TEST(Base64, BothAlphabetsInALongText) {
  for (size_t place = 1; place < 44; ++place) {
    std::string text(44, 'A');
    text[0] = '-';
    text[place] = '_';
    EXPECT_TRUE(Decode(text)) << place;
    text[place] = '/';
    EXPECT_EQ(Decode(text), std::nullopt) << place;
    std::swap(text[0], text[place]);
    EXPECT_EQ(Decode(text), std::nullopt) << place;
  }
}

TEST(Base64, NeverWritesBeyondTheRoom) {
  EXPECT_EQ(Decode("Zm9v", 3), "foo");
  EXPECT_EQ(Decode("Zm9v", 2), std::nullopt);
  EXPECT_EQ(Decode("Zm8=", 2), "fo");
  EXPECT_EQ(Decode("Zm8=", 1), std::nullopt);
  EXPECT_EQ(Decode("", 0), "");
  for (size_t size = 0; size < 100; ++size) {
    const std::string bytes(size, 'x'), text = Encode(bytes, false);
    std::string out(size + 32, '?');
    EXPECT_EQ(DecodeBase64(text, out.data(), size), size);
    EXPECT_EQ(out, bytes + std::string(32, '?'));
  }
}

TEST(Base64, ReadsWhatItWrote) {
  base::Random random(3);
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random.Next());
    EXPECT_EQ(Encode(bytes, true).size() % 4, 0u);
    EXPECT_EQ(Decode(Encode(bytes, true)), bytes);
    EXPECT_EQ(Decode(Encode(bytes, false)), bytes);
  }
  EXPECT_EQ(Encode("f", true), "Zg==");
  EXPECT_EQ(Encode("f", false), "Zg");
  EXPECT_EQ(Encode("fo", true), "Zm8=");
  EXPECT_EQ(Encode("fo", false), "Zm8");
}

}  // namespace
}  // namespace pillion::context
