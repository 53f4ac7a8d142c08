#include "source/match/regex.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "re2/re2.h"
#include "source/base/block.h"
#include "source/match/regex_rewrite.h"
#include "source/match/regex_sequence.h"
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

TEST(RegexSequenceTest, WhatIsOne) {
  for (const char* pattern : {"", "/", "/users/[^/]+/orders/[0-9]+", "^/a$", "/a\\.b", "/(a)(?:b)[]x-]*", "/\\d+[a-z]", ".*",
                              "/a?b", "[^a-z]*[b-d]"}) {
    EXPECT_TRUE(RegexSequence::Make(pattern)) << pattern;
  }
  for (const char* pattern : {"a|b", "(a)+", "a{2}", "a*?", ".*b", "[a-z]*[0-9]*b", "(?i)a", "[[:alpha:]]", "\\s", "\\bx",
                              "a\\z", "ä", "a*(a)", "[a-z]?.", "\\Qa\\E", "[^a]*/"}) {
    EXPECT_FALSE(RegexSequence::Make(pattern)) << pattern;
  }
}

TEST(RegexSequenceTest, MatchesWhatRe2Matches) {
  std::mt19937 random(1);
  const auto pick = [&](auto& from) { return from[random() % std::size(from)]; };
  static constexpr const char* kParts[] = {"a", "/", "b", "[ab]", "[^/]", "[^a]", ".", "\\d", "[0-9_]", "\\.", "(a)", "(?:/)",
                                           "\\w", "[]b-]", "x", "[^\\w/]"};
  static constexpr const char* kRepetitions[] = {"", "", "", "*", "+", "?"};
  static constexpr const char* kTexts[] = {"a", "b", "/", "x", "1", ".", "_", "-", "]", "\n", "\xc3\xa4", "\xe2\x82\xac",
                                           "\xf0\x9f\x98\x80", "\xff", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\x80", "\xf4\xbf\xbf\xbf", "\xc1\x81"};
  int sequences = 0;
  int matches = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string pattern;
    for (size_t left = random() % 6; left > 0; --left) {
      const std::string part = pick(kParts);
      pattern += part + (part[0] == '(' ? "" : pick(kRepetitions));
    }
    const auto sequence = RegexSequence::Make(pattern);
    if (!sequence) continue;
    ++sequences;
    const RE2 re2(pattern);
    for (int j = 0; j < 60; ++j) {
      std::string text;
      for (size_t left = random() % 7; left > 0; --left) text += kTexts[random() % (random() % 2 == 0 ? 3 : std::size(kTexts))];
      const bool expected = RE2::FullMatch(text, re2);
      matches += expected;
      EXPECT_EQ(sequence->Matches(text), expected) << pattern << " of " << testing::PrintToString(text);
    }
  }
  EXPECT_GT(sequences, 500);
  EXPECT_GT(matches, 1000);
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
