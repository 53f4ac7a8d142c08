#include "source/base/escape.h"

#include <gtest/gtest.h>

namespace pillion::base {
namespace {

std::string Json(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string Printable(std::string_view text) {
  std::string out;
  AppendPrintable(out, text);
  return out;
}

TEST(Escape, JsonQuotesAndControls) {
  EXPECT_EQ(Json("plain"), "\"plain\"");
  EXPECT_EQ(Json("a\"b\\c\n\r\t\x1b\x7f"), "\"a\\\"b\\\\c\\n\\r\\t\\u001b\\u007f\"");
  EXPECT_EQ(Json(std::string_view("\0", 1)), "\"\\u0000\"");
  EXPECT_EQ(Json("</script>&"), "\"\\u003c/script\\u003e\\u0026\"");
}

TEST(Escape, JsonKeepsUtf8AndReplacesWhatIsNot) {
  EXPECT_EQ(Json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(Json("\xff"
                 "a\xc3"),
            "\"\\ufffda\\ufffd\"");
  EXPECT_EQ(Json("\xc0\xaf"), "\"\\ufffd\\ufffd\"");             // overlong
  EXPECT_EQ(Json("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");  // a surrogate
}

std::string Line(std::string_view text, size_t most = 100) {
  std::string out;
  AppendLine(out, text, most);
  return out;
}

TEST(Escape, LineIsOneAndCut) {
  EXPECT_EQ(Line("say \"a\\b\" \xc3\xa4"), "say \"a\\b\" \xc3\xa4");
  EXPECT_EQ(Line("a\r\n[warn] b\x1b[31m"), "a\\r\\n[warn] b\\x1b[31m");
  EXPECT_EQ(Line("\xff"), "\\xff");
  EXPECT_EQ(Line("0123456789", 10), "0123456789");
  EXPECT_EQ(Line("0123456789x", 10), "0123456789...");
  EXPECT_EQ(Line("a\xe2\x82\xac", 3), "a...");
  EXPECT_EQ(Line(""), "");
}

TEST(Escape, CutsBetweenCharacters) {
  EXPECT_EQ(CutUtf8("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
  EXPECT_EQ(CutUtf8("a\xe2\x82\xac" "b", 4), "a\xe2\x82\xac");
  EXPECT_EQ(CutUtf8("a\xe2\x82\xac", 3), "a");
  EXPECT_EQ(CutUtf8("a\xe2\x82\xac", 2), "a");
  EXPECT_EQ(CutUtf8("\x80\x80\x80\x80\x80\x80", 5), "\x80\x80");  // no UTF-8 at all
  EXPECT_EQ(CutUtf8("ab", 0), "");
}

TEST(Escape, PrintableIsOneLineWithoutControls) {
  EXPECT_EQ(Printable("GET /a?b='c' \xc3\xa4"), "GET /a?b='c' \xc3\xa4");
  EXPECT_EQ(Printable("\" 200 \""), "\\\" 200 \\\"");
  EXPECT_EQ(Printable("a\r\nb\x1b[31m\\"), "a\\r\\nb\\x1b[31m\\\\");
  EXPECT_EQ(Printable("\xc2\x9b\xff\x80"), "\\xc2\\x9b\\xff\\x80");  // U+009B is a one-character ESC [
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    for (const char out : Printable(std::string_view(&c, 1))) {
      EXPECT_GE(static_cast<unsigned char>(out), 0x20) << byte;
      EXPECT_LT(static_cast<unsigned char>(out), 0x7f) << byte;
    }
  }
}

TEST(Escape, Utf8LengthKnowsTheLimits) {
  EXPECT_EQ(Utf8Length(""), 0u);
  EXPECT_EQ(Utf8Length("a"), 1u);
  EXPECT_EQ(Utf8Length("\xf4\x8f\xbf\xbf"), 4u);  // U+10FFFF
  EXPECT_EQ(Utf8Length("\xf4\x90\x80\x80"), 0u);
  EXPECT_EQ(Utf8Length("\xe0\x9f\xbf"), 0u);
  EXPECT_EQ(Utf8Length("\xf0\x8f\xbf\xbf"), 0u);
  EXPECT_EQ(Utf8Length("\xe2\x82"), 0u);
  EXPECT_EQ(Utf8Length("\xe2\x28\xa1"), 0u);
}

}  // namespace
}  // namespace pillion::base
