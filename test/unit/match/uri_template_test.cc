#include "source/match/uri_template.h"

#include <gtest/gtest.h>

#include "source/base/block.h"
#include "source/match/regex_rewrite.h"

namespace pillion::match {
namespace {

bool Matches(std::string_view pattern, std::string_view path) { return UriTemplate::Parse(pattern)->regex().Matches(path); }

std::string Error(std::string_view pattern) { return std::string(UriTemplate::Parse(pattern).status().message()); }

TEST(UriTemplate, Operators) {
  EXPECT_TRUE(Matches("/a.b", "/a.b"));
  EXPECT_FALSE(Matches("/a.b", "/axb"));
  EXPECT_TRUE(Matches("/a/*/c", "/a/b/c"));
  EXPECT_FALSE(Matches("/a/*/c", "/a/b/b/c"));
  EXPECT_FALSE(Matches("/a/*/c", "/a//c"));
  EXPECT_TRUE(Matches("/a/**", "/a/"));
  EXPECT_TRUE(Matches("/a/**", "/a/b/c"));
  EXPECT_FALSE(Matches("/a/**", "/a"));
  EXPECT_TRUE(Matches("/videos/*/*.m3u8", "/videos/1/2.m3u8"));
  EXPECT_TRUE(Matches("/**.mpd", "/a/b.mpd"));
  EXPECT_TRUE(Matches("/{country}/{rest=x/*/**}", "/de/x/y/z"));
  EXPECT_FALSE(Matches("/{country}/{rest=x/*/**}", "/de/y/y/z"));
}

TEST(UriTemplate, Rewrites) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  const auto rewritten = [&](std::string_view from, std::string_view to, std::string_view path) {
    const UriTemplate parsed = *UriTemplate::Parse(from);
    return std::string(RegexRewrite::Make(parsed.regex(), *parsed.Substitution(to))->Apply(path, arena));
  };
  EXPECT_EQ(rewritten("/{one}/{two}", "/{two}/x/{one}", "/1/2"), "/2/x/1");
  EXPECT_EQ(rewritten("/{one}/{rest=**}", "/{rest}", "/1/2/3"), "/2/3");
  EXPECT_EQ(rewritten("/a/*", "/b", "/a/x"), "/b");
}

TEST(UriTemplate, WhatIsWrong) {
  EXPECT_EQ(Error("a"), "byte 0: expected '/'");
  EXPECT_EQ(Error("/a//b"), "byte 2: \"//\"");
  EXPECT_EQ(Error("/**/*"), "byte 4: nothing but text may follow \"**\"");
  EXPECT_EQ(Error("/***"), "byte 3: expected '*' or \"**\"");
  EXPECT_EQ(Error("/{a"), "byte 1: a '{' without its '}'");
  EXPECT_EQ(Error("/{1}"), "byte 2: expected a name of at most 16 letters, digits and '_'");
  EXPECT_EQ(Error("/{a}/{a}"), "byte 5: a second variable \"a\"");
  EXPECT_EQ(Error("/{a=}"), "byte 4: expected a pattern");
  EXPECT_EQ(Error("/{a}/{b}/{c}/{d}/{e}/{f}"), "byte 21: expected at most 5 variables");
  EXPECT_EQ(Error("/a?b"), "byte 2: no byte of a path, expected others as %XX");
  const UriTemplate parsed = *UriTemplate::Parse("/{a}");
  EXPECT_EQ(parsed.Substitution("/{b}").status().message(), "byte 1: \"b\" is no variable of the route's template");
  EXPECT_EQ(parsed.Substitution("{a}").status().message(), "byte 0: expected '/'");
  EXPECT_EQ(parsed.Substitution("/{a").status().message(), "byte 1: a '{' without its '}'");
}

}  // namespace
}  // namespace pillion::match
