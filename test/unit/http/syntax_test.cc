#include "source/http/syntax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pillion::http {
namespace {

bool Alphanumeric(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool In(std::string_view set, int c) {
  return set.find(static_cast<char>(c)) != set.npos;
}

// Each byte alone, and in the middle of others.
template <typename Check, typename Model>
void CheckBytes(Check&& check, std::string_view before, std::string_view behind, Model&& model) {
  for (int c = 0; c < 256; ++c) {
    const std::string byte(1, static_cast<char>(c));
    EXPECT_EQ(check(std::string(before) + byte + std::string(behind)), model(c)) << c;
  }
}

TEST(Syntax, Tokens) {
  const auto token = [](int c) { return Alphanumeric(c) || In("!#$%&'*+-.^_`|~", c); };
  EXPECT_FALSE(IsToken(""));
  CheckBytes(IsToken, "", "", token);
  CheckBytes(IsToken, "a", "b", token);
  EXPECT_FALSE(IsLowerCaseToken(""));
  CheckBytes(IsLowerCaseToken, "a", "b", [&](int c) { return token(c) && !(c >= 'A' && c <= 'Z'); });
}

TEST(Syntax, FieldValues) {
  EXPECT_TRUE(IsFieldValue(""));
  CheckBytes(IsFieldValue, "a", "b", [](int c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
  CheckBytes(IsFieldValue, "", "b", [](int c) { return c > 0x20 && c != 0x7f; });
  CheckBytes(IsFieldValue, "a", "", [](int c) { return c > 0x20 && c != 0x7f; });
}

TEST(Syntax, Targets) {
  EXPECT_FALSE(IsTarget(""));
  CheckBytes(IsTarget, "/", "b", [](int c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

TEST(Syntax, Authorities) {
  CheckBytes(IsAuthority, "a", "b", [](int c) { return Alphanumeric(c) || In("-._~%!$&'()*+;=", c); });
  CheckBytes(IsAuthority, "[:", ":1]", [](int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || In(":.", c);
  });
  CheckBytes(IsAuthority, "h:8", "0", [](int c) { return c >= '0' && c <= '9'; });
  for (const char* good :
       {"h", "h:", "h:0", "h:65535", "127.0.0.1:80", "[::1]", "[::1]:80", "a.b-c_d.e", "H.TEST"}) {
    EXPECT_TRUE(IsAuthority(good)) << good;
  }
  for (const char* bad : {"", ":", ":80", "h:65536", "h:100000", "h:-1", "h:80:80", "u@h", "::1", "[]", "[:]",
                          "[::1", "[::1]80", "[::1]:x", "]", "h/", "h,g", "h:80 "}) {
    EXPECT_FALSE(IsAuthority(bad)) << bad;
  }
}

TEST(Syntax, ContentLengths) {
  EXPECT_EQ(ParseContentLength("0"), 0);
  EXPECT_EQ(ParseContentLength("0000000005"), 5);
  EXPECT_EQ(ParseContentLength("9223372036854775807"), INT64_MAX);
  for (const char* bad : {"", "+5", "-5", " 5", "5 ", "5,5", "0x5", "5.0", "9223372036854775808",
                          "9999999999999999999", "18446744073709551621", "00000000000000000005"}) {
    EXPECT_EQ(ParseContentLength(bad), std::nullopt) << bad;
  }
  CheckBytes(ParseContentLength, "1", "0", [](int c) -> std::optional<int64_t> {
    return c >= '0' && c <= '9' ? std::optional<int64_t>(100 + (c - '0') * 10) : std::nullopt;
  });
}

TEST(Syntax, Blanks) {
  EXPECT_EQ(TrimBlanks(" \t a b\t "), "a b");
  EXPECT_EQ(TrimBlanks(" \t "), "");
  EXPECT_EQ(TrimBlanks(""), "");
  EXPECT_EQ(TrimBlanks("\va"), "\va");
}

TEST(Syntax, CaseIsIgnoredForLettersOnly) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const auto lower = [](int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
      const char x = static_cast<char>(a), y = static_cast<char>(b);
      ASSERT_EQ(EqualsIgnoreCase({&x, 1}, {&y, 1}), lower(a) == lower(b)) << a << " " << b;
    }
  }
  EXPECT_TRUE(EqualsIgnoreCase("Keep-Alive", "kEEP-aLIVE"));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
}

TEST(Syntax, LowerCase) {
  // Every byte at every place of a word of eight, and behind it.
  for (int c = 0; c < 256; ++c) {
    for (size_t at = 0; at < 19; ++at) {
      std::string text = "Aa0-Zz[@`{\x80\xc1\xdaMm~ !";
      text.resize(19, 'Q');
      text[at] = static_cast<char>(c);
      std::string out(text.size(), '\0');
      CopyLowerCase(text, out.data());
      std::string expected = text;
      for (char& byte : expected) {
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
      }
      ASSERT_EQ(out, expected) << c << " at " << at;
    }
  }
}

TEST(Syntax, Lists) {
  const auto elements = [](std::string_view list) {
    std::vector<std::string> all;
    EXPECT_TRUE(ForEachListElement(list, [&](std::string_view element) {
      all.emplace_back(element);
      return true;
    }));
    return all;
  };
  EXPECT_EQ(elements("a, b\t,c d ,"), (std::vector<std::string>{"a", "b", "c d"}));
  EXPECT_EQ(elements(",, ,"), std::vector<std::string>{});
  EXPECT_EQ(elements(""), std::vector<std::string>{});
  int seen = 0;
  EXPECT_FALSE(ForEachListElement("a,b,c", [&](std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace pillion::http
