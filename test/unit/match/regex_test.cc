#include "source/match/regex.h"

#include <gtest/gtest.h>

#include <string>

#include "re2/re2.h"
#include "source/base/block.h"
#include "source/match/regex_rewrite.h"
#include "source/match/regex_set.h"

namespace pillion::match {
namespace {

Regex Compiled(std::string_view pattern) { return *Regex::Compile(pattern); }

TEST(RegexTest, TheWholeTextMatches) {
  EXPECT_TRUE(Compiled("/a.*").Matches("/abc"));
  EXPECT_FALSE(Compiled("/a").Matches("/ab"));
  EXPECT_FALSE(Compiled("b").Matches("/ab"));
  EXPECT_TRUE(Compiled("a|bc").Matches("bc"));
  EXPECT_FALSE(Compiled("a|bc").Matches("ab"));
  EXPECT_TRUE(Compiled("").Matches(""));
}

TEST(RegexTest, BadPatternsAreSaid) {
  EXPECT_EQ(Regex::Compile("(").status().message(), "missing ): (");
  EXPECT_EQ(Regex::Compile("a{2,1}").status().message(), "invalid repetition size: {2,1}");
  EXPECT_EQ(Regex::Compile("(?=a)").status().message(), "invalid perl operator: (?=");
}

// A pattern that backtracking takes for ever over (F16).
TEST(RegexTest, TimeIsLinear) {
  const std::string path = "/" + std::string(8192, 'a') + "b";
  EXPECT_FALSE(Compiled("/(a+)+").Matches(path));
  EXPECT_TRUE(Compiled("/(a+)+b").Matches(path));
}

TEST(RegexTest, LiteralPrefix) {
  const auto prefix = [](std::string_view pattern) { return Compiled(pattern).LiteralPrefix(); };
  EXPECT_EQ(prefix("/api/v1/users/[0-9]+"), "/api/v1/users/");
  EXPECT_EQ(prefix("^/a.*"), "/a");
  EXPECT_EQ(prefix("/a\\.b\\-c\\d"), "/a.b-c");
  EXPECT_EQ(prefix("/ab*"), "/a");
  EXPECT_EQ(prefix("/ab?c"), "/a");
  EXPECT_EQ(prefix("/ab{0,2}"), "/a");
  EXPECT_EQ(prefix("/ab+c"), "/ab");
  EXPECT_EQ(prefix("/a(b|c)"), "/a");
  EXPECT_EQ(prefix("/a|/b"), "");
  EXPECT_EQ(prefix("/a(b|c)|/d"), "");
  EXPECT_EQ(prefix("/a[|]"), "");  // not told, though it could be
  EXPECT_EQ(prefix("/a\\|b"), "/a|b");
  EXPECT_EQ(prefix("/\\Qa|b\\E"), "");
  EXPECT_EQ(prefix("(?i)/a"), "");
  EXPECT_EQ(prefix("/a$"), "/a");
  EXPECT_EQ(prefix("/a\\b"), "/a");
  EXPECT_EQ(prefix("/\\x61"), "/");
  EXPECT_EQ(prefix("/ä"), "/");
  EXPECT_EQ(prefix(".*"), "");
  EXPECT_EQ(prefix(""), "");
}

TEST(RegexSetTest, FindsAllThatMatchTheWhole) {
  const std::vector<Regex> regexes = {Compiled("/a.*"), Compiled("/b"), Compiled("/.*c"), Compiled(".*")};
  const RegexSet set(regexes);
  std::vector<int> found;
  ASSERT_TRUE(set.Find("/abc", found));
  EXPECT_EQ(found, (std::vector<int>{0, 2, 3}));
  ASSERT_TRUE(set.Find("/b", found));
  EXPECT_EQ(found, (std::vector<int>{1, 3}));
  const RegexSet two(std::span<const Regex>(regexes).subspan(0, 2));
  ASSERT_TRUE(two.Find("/c", found));
  EXPECT_TRUE(found.empty());
}

// As RE2's own replacement has it, of which this one differs in where the result lies.
TEST(RegexRewriteTest, ReplacesEveryMatch) {
  const std::pair<const char*, const char*> rewrites[] = {
      {"b", "x"}, {"b+", "<\\0>"}, {"(a)(b)?", "\\2\\1"}, {"z*", "X"}, {"", "-"}, {"^", "^"}, {"$", "$"},
      {"a|b", ""}, {"b*", "_"}, {"x", "y"}, {"/(\\w+)/", "/\\1\\\\/"}, {"(?:b|$)", "e"}};
  for (const auto& [pattern, substitution] : rewrites) {
    const RegexRewrite rewrite = *RegexRewrite::Make(Compiled(pattern), substitution);
    for (const char* text : {"", "a", "b", "abab", "bbabb", "/ab/ab/", "xyz", "\xc3\xa4" "b\xc3\xa4"}) {
      base::BlockPool blocks;
      base::Arena arena(blocks);
      std::string expected = text;
      RE2::GlobalReplace(&expected, pattern, substitution);
      EXPECT_EQ(rewrite.Apply(text, arena), expected) << text << ", " << pattern << " to " << substitution;
    }
  }
}

TEST(RegexRewriteTest, BadSubstitutionsAreSaid) {
  EXPECT_FALSE(RegexRewrite::Make(Compiled("(a)"), "\\2").ok());
  EXPECT_FALSE(RegexRewrite::Make(Compiled("a"), "a\\").ok());
  EXPECT_FALSE(RegexRewrite::Make(Compiled("a"), "\\x").ok());
}

}  // namespace
}  // namespace pillion::match
