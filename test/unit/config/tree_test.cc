#include "source/config/tree.h"

#include <gtest/gtest.h>

namespace pillion::config {
namespace {

std::string ErrorOf(std::string_view text) {
  const auto parsed = Tree::Parse(text);
  const auto* error = std::get_if<ConfigError>(&parsed);
  return error == nullptr ? "none" : ErrorText("", *error);
}

std::string Repeat(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(TreeTest, ValuesAreNotTypedButQuotesAreKnown) {
  const auto parsed = Tree::Parse("a: yes\nb: 'yes'\nc: ~\nd: [1, {x: y}]\ne: !!str 5\nf: |\n  5\n");
  const TreeNode& root = std::get<Tree>(parsed).root();
  ASSERT_EQ(root.members.size(), 6u);
  EXPECT_EQ(root.members[0].value->text, "yes");
  EXPECT_FALSE(root.members[0].value->quoted);
  EXPECT_TRUE(root.members[1].value->quoted);
  EXPECT_EQ(root.members[2].value->kind, TreeNode::Kind::kNull);
  EXPECT_EQ(root.members[3].value->elements.at(0)->line, 4);
  EXPECT_TRUE(root.members[4].value->quoted);
  EXPECT_TRUE(root.members[5].value->quoted);
}

TEST(TreeTest, ReadsTheEscapesOfJson) {
  const auto parsed = Tree::Parse("{\n\t\"a\":\"\\ud83d\\uDE00\\u00fc\\/\\t\\\\ud83d\"}");
  ASSERT_TRUE(std::holds_alternative<Tree>(parsed)) << std::get<ConfigError>(parsed).message;
  EXPECT_EQ(std::get<Tree>(parsed).root().members.at(0).value->text, "\U0001F600\u00fc/\t\\ud83d");
  for (const char* alone : {"{\"a\": \"\\ud83d\"}", "{\"a\": \"\\ude00\\ud83d\"}", "{\"a\": \"\\ud83d\\u00"}) {
    EXPECT_NE(ErrorOf(alone), "none") << alone;
  }
}

TEST(TreeTest, ReadsJson) {
  const auto parsed = Tree::Parse(" {\"a\" : 1.5e-3,\n\"b\":[true,\n null, \"\", -0], \"a\":{},\"c\":\"x\\ny\"\n}\n");
  const TreeNode& root = std::get<Tree>(parsed).root();
  ASSERT_EQ(root.members.size(), 4u) << "a key may come twice";
  EXPECT_EQ(root.members[0].value->text, "1.5e-3");
  EXPECT_FALSE(root.members[0].value->quoted);
  EXPECT_EQ(root.members[1].line, 2);
  const std::vector<const TreeNode*>& list = root.members[1].value->elements;
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0]->text, "true");
  EXPECT_EQ(list[1]->kind, TreeNode::Kind::kNull);
  EXPECT_EQ(list[1]->line, 3);
  EXPECT_TRUE(list[2]->quoted);
  EXPECT_EQ(list[3]->text, "-0");
  EXPECT_EQ(root.members[2].value->kind, TreeNode::Kind::kMap);
  EXPECT_EQ(root.members[3].value->text, "x\ny");
  EXPECT_EQ(std::get<Tree>(Tree::Parse("[]\n")).root().kind, TreeNode::Kind::kList);
}

TEST(TreeTest, WhatIsNearlyJsonMayBeYaml) {
  for (const char* text : {"{a: 1}", "{\"a\": 1,}", "{\"a\": 01}", "{\"a\": .5}", "{\"a\": 'x'}", "{\"a\": 1} # why", "[\"a\",\n]",
                           "{\"a\": \"x\n y\"}", "{\"a\": truely}", "{\"a\": 1.}", "{\"a\": *x}"}) {
    EXPECT_EQ(ErrorOf(text), std::string_view(text).find('*') == std::string_view::npos ? "none" : ErrorOf("a: *x")) << text;
  }
  for (const char* text : {"{\"a\"", "{\"a\": \"", "{\"a\": \"\\", "{\"a\": \"\\u12", "{", "[", "[1", "[1,", "{\"a\": 1}}", "[1]2",
                           "{\"a\": \"\\x\"}", "{\"a\": 1} {\"b\": 2}"}) {
    EXPECT_NE(ErrorOf(text), "none") << text;
  }
}

std::vector<Tree> Trees(const std::vector<std::string>& texts) {
  std::vector<Tree> trees;
  trees.reserve(texts.size());
  for (const std::string& text : texts) trees.push_back(std::get<Tree>(Tree::Parse(text)));
  return trees;
}

TEST(TreeTest, FindsLines) {
  const std::vector<Tree> trees = Trees({"a:\n  bC:\n  - x\n  - y: {'k.[l': 1}\n"});
  const auto line = [&trees](std::string_view path) { return PlaceOf(trees, path).line; };
  EXPECT_EQ(line(""), 1);
  EXPECT_EQ(line("a"), 1);
  EXPECT_EQ(line("a.b_c"), 2);
  EXPECT_EQ(line("a.b_c[0]"), 3);
  EXPECT_EQ(line("a.b_c[1].y[\"k.[l\"]"), 4);
  EXPECT_EQ(line("a.b_c[7].none"), 2);
  for (const char* odd : {"[", "[x", "[\"", ".", "..", "a.", "a[", "a.b_c[99999999999999999999]", "[\"k", "]"}) {
    EXPECT_GE(line(odd), 1) << odd;
  }
}

TEST(TreeTest, FindsPlacesInMergedTrees) {
  const std::vector<Tree> trees = Trees({"l:\n- a: 1\n- b: 2\nm:\n  x: 1\ns: 1\n", "\nl:\n  c: 3\nm:\n  y: 2\ns: 2\n"});
  const auto place = [&trees](std::string_view path) {
    const TreePlace found = PlaceOf(trees, path);
    return std::pair(found.tree, found.line);
  };
  EXPECT_EQ(place("l[1].b"), std::pair(size_t{0}, 3));
  EXPECT_EQ(place("l[2].c"), std::pair(size_t{1}, 3));  // one value that stands for a list, behind the first's two
  EXPECT_EQ(place("m.x"), std::pair(size_t{0}, 5));
  EXPECT_EQ(place("m.y"), std::pair(size_t{1}, 5));
  EXPECT_EQ(place("s"), std::pair(size_t{1}, 6));
}

TEST(TreeTest, RefusesWhatIsNoText) {
  EXPECT_EQ(ErrorOf(""), "empty");
  EXPECT_EQ(ErrorOf(" \n\t\r\n"), "empty");
  EXPECT_EQ(ErrorOf("# only a comment\n"), "no document");
  EXPECT_EQ(ErrorOf(std::string_view("a: 1\nb: \0", 9)), ":2: a NUL byte; expected UTF-8 text");
  EXPECT_EQ(ErrorOf("a: \xC3\x28"), ":1: not UTF-8");
  EXPECT_EQ(ErrorOf("a: \xED\xA0\x80"), ":1: not UTF-8");  // a surrogate
  EXPECT_EQ(ErrorOf("a: \xC0\x80"), ":1: not UTF-8");      // overlong
  EXPECT_EQ(ErrorOf("a: \xF4\x90\x80\x80"), ":1: not UTF-8");
  EXPECT_EQ(ErrorOf("a: \xF0\x9F\x98\x80"), "none");
  EXPECT_EQ(ErrorOf("\xFE\xFF"), ":1: not UTF-8");
  EXPECT_EQ(ErrorOf("a:\n  \"\\N\""), ":2: an escape that is not UTF-8; expected \\u and four digits");
  EXPECT_EQ(ErrorOf("a: \"\\u0085\\0\""), "none");
}

TEST(TreeTest, RefusesBrokenYaml) {
  EXPECT_EQ(ErrorOf("a: [1, 2"), ":1: end of sequence flow not found");
  EXPECT_EQ(ErrorOf("{\"a\": {\n\"b\": 1\n}\n"), ":4: end of map flow not found");
  EXPECT_EQ(ErrorOf("a:\n\tb: 1\n"), ":2: illegal map value; there is a tab in the indentation, expected blanks");
  EXPECT_EQ(ErrorOf("a:\n  b: 1\n- c\n"), ":3: end of map not found, expected a further key of the map around it, or less indentation");
  EXPECT_EQ(ErrorOf("a: 1\n---\nb: 2\n"), ":3: a second document; expected one");
  EXPECT_EQ(ErrorOf("? [a]\n: 1\n"), ":1: a list or a map is no key; expected a name");
  EXPECT_EQ(ErrorOf("a: !ignore 5\n"), ":1: the tag \"!ignore\" is not supported");
  EXPECT_EQ(ErrorOf("a: &x 1\n*x : 2\n"), ":2: an alias is no key; expected a name");
  EXPECT_EQ(ErrorOf("~: 2\n"), ":1: a key is missing; expected a name");
  EXPECT_NE(ErrorOf("a: *unknown"), "none");
}

TEST(TreeTest, IsBounded) {
  EXPECT_EQ(ErrorOf(std::string(Tree::kMaxBytes + 1, 'a')), "16777217 bytes, expected at most 16777216");
  EXPECT_EQ(ErrorOf(Repeat("[", 100) + Repeat("]", 100)), "none");
  EXPECT_EQ(ErrorOf(Repeat("[", 101) + Repeat("]", 101)), ":1: nested deeper than 100");
  EXPECT_NE(ErrorOf(Repeat("[", 100000)), "none");
  EXPECT_NE(ErrorOf(Repeat("{a: ", 100000)), "none");
  EXPECT_EQ(ErrorOf(Repeat("{\"a\":", 100000)), ":1: nested deeper than 100");
}

// Each at the bound and beyond it. What may be too much is refused before it is split into tokens.
TEST(TreeTest, NoMoreValues) {
  const size_t most = Tree::kMaxValues;
  EXPECT_EQ(ErrorOf("[" + Repeat("1,", most - 2) + "1]"), "none");
  EXPECT_EQ(ErrorOf("[" + Repeat("1,", most - 1) + "1]"), ":1: more than 500000 values");
  EXPECT_EQ(ErrorOf("{\"a\":[" + Repeat("\n{},", most) + "{}]}"), ":500000: more than 500000 values");
  EXPECT_EQ(ErrorOf("[" + Repeat("a,\n", most / 2) + "a]"), ":1: no JSON, and as YAML more than 500000 values");
  EXPECT_EQ(ErrorOf(Repeat("- a\n", most - 1)), "none");
  EXPECT_EQ(ErrorOf(Repeat("- a\n", most)), "more than 500000 values");
  // They are counted before the parser sees any of them.
  EXPECT_EQ(ErrorOf(Repeat(Repeat("- ", 40) + "a\n", most / 40 + 1)), "more than 500000 values");
  EXPECT_EQ(ErrorOf(Repeat(" - ? - a: b\n", most / 3 + 1)), "more than 500000 values");
  EXPECT_EQ(ErrorOf(Repeat("- a - b - -c ----- - d\n", most / 5)), "none");
  EXPECT_EQ(ErrorOf(Repeat("- - -1\n", most / 3 - 1)), "none");
}

TEST(TreeTest, AliasesDoNotMultiplyWithoutBound) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    laughs +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below + Repeat(", " + below, 8) + "]\n";
  }
  EXPECT_EQ(ErrorOf(laughs), ":6: more than 500000 values with aliases expanded");
  EXPECT_EQ(ErrorOf("a: &a [*a]\n"), ":1: an alias within the value that it stands for");

  std::string deep = "a0: &a0 " + Repeat("[", 60) + Repeat("]", 60) + "\n";
  EXPECT_EQ(ErrorOf(deep + "b: " + Repeat("[", 60) + "*a0" + Repeat("]", 60)),
            ":2: nested deeper than 100 with aliases expanded");
  EXPECT_EQ(ErrorOf(deep + "b: " + Repeat("[", 30) + "*a0" + Repeat("]", 30)), "none");
}

TEST(TreeTest, SnakeCase) {
  EXPECT_EQ(SnakeCase("perTryTimeout"), "per_try_timeout");
  EXPECT_EQ(SnakeCase("per_try_timeout"), "per_try_timeout");
}

}  // namespace
}  // namespace pillion::config
