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

TEST(Base64, NeverWritesBeyondTheRoom) {
  EXPECT_EQ(Decode("Zm9v", 3), "foo");
  EXPECT_EQ(Decode("Zm9v", 2), std::nullopt);
  EXPECT_EQ(Decode("Zm8=", 2), "fo");
  EXPECT_EQ(Decode("Zm8=", 1), std::nullopt);
  EXPECT_EQ(Decode("", 0), "");
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
