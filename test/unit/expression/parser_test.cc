// What parses, what does not, and what is said of it.

#include "source/expression/parser.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::expression {
namespace {

// The tree, with each call as (function part ...).
std::string TextOf(const Ast& ast, Ast::Index index) {
  const Node& node = ast.at(index);
  std::string text;
  switch (node.kind) {
    case Node::Kind::kConstant:
      return Show(node.constant);
    case Node::Kind::kName:
      return std::string(node.text);
    case Node::Kind::kSelect:
      return TextOf(ast, ast.PartsOf(node)[0]) + "." + std::string(node.text);
    case Node::Kind::kHas:
      return "has(" + TextOf(ast, ast.PartsOf(node)[0]) + "." + std::string(node.text) + ")";
    case Node::Kind::kCall:
      text = "(" + std::string(node.member ? "." : "") + std::string(node.text);
      break;
    case Node::Kind::kList:
      text = "([]";
      break;
    case Node::Kind::kMap:
      text = "({}";
      break;
    case Node::Kind::kMacro:
      text = "(" + std::string(node.text) + ":" + std::string(node.variable);
      break;
  }
  for (const Ast::Index part : ast.PartsOf(node)) text += " " + TextOf(ast, part);
  return text + ")";
}

std::string ParseText(std::string_view text) {
  const absl::StatusOr<Ast> ast = Parse(text);
  return ast.ok() ? TextOf(*ast, ast->root_index()) : std::string(ast.status().message());
}

TEST(ParserTest, WhatBindsHowStrongly) {
  EXPECT_EQ(ParseText("1 + 2 * 3 - 4"), "(_-_ (_+_ 1 (_*_ 2 3)) 4)");
  EXPECT_EQ(ParseText("a || b && c || d"), "(_||_ a (_&&_ b c) d)");
  EXPECT_EQ(ParseText("a < b == c in d"), "(@in (_==_ (_<_ a b) c) d)");
  EXPECT_EQ(ParseText("a ? b : c ? d : e"), "(_?_:_ a b (_?_:_ c d e))");
  EXPECT_EQ(ParseText("!a.b && -c[0].d(1) > 2"), "(_&&_ (!_ a.b) (_>_ (-_ (.d (_[_] c 0) 1)) 2))");
  EXPECT_EQ(ParseText("(1 + 2) * 3"), "(_*_ (_+_ 1 2) 3)");
  EXPECT_EQ(ParseText("!!a"), "(!_ (!_ a))");
  EXPECT_EQ(ParseText("!!!a"), "(!_ a)");
  EXPECT_EQ(ParseText("1 - -1"), "(_-_ 1 -1)");
  EXPECT_EQ(ParseText("- 1"), "(-_ 1)");
}

TEST(ParserTest, ListsMapsCallsAndMacros) {
  EXPECT_EQ(ParseText("[1, 2,]"), "([] 1 2)");
  EXPECT_EQ(ParseText("[]"), "([])");
  EXPECT_EQ(ParseText("{'a': 1, 'b': [],}"), "({} 'a' 1 'b' ([]))");
  EXPECT_EQ(ParseText("size(a) + a.size()"), "(_+_ (size a) (.size a))");
  EXPECT_EQ(ParseText("a.all(x, x > 1)"), "(all:x a (_>_ x 1))");
  EXPECT_EQ(ParseText("a.map(x, x > 1, x * 2)"), "(map:x a (_>_ x 1) (_*_ x 2))");
  EXPECT_EQ(ParseText("has(a.b)"), "has(a.b)");
  EXPECT_EQ(ParseText("a.`x-y`"), "a.x-y");
  EXPECT_EQ(ParseText(".a.b"), ".a.b");
  EXPECT_EQ(ParseText("a // and so on\n + b"), "(_+_ a b)");
}

TEST(ParserTest, Constants) {
  EXPECT_EQ(ParseText("[1, 0x1F, 2u, 0xfU, 1.5, .5, 1e3, -2.5e-1, true, null]"),
            "([] 1 31 2u 15u 1.5 0.5 1000.0 -0.25 true null)");
  EXPECT_EQ(ParseText("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(ParseText(R"(['a\x41\u00e9\n', r'\d', b'\xff\101', """x"y""", 'it\'s'])"), R"(([] 'aAé\n' '\\d' b'\xffA' 'x"y' 'it\'s'))");
  EXPECT_EQ(ParseText("rb'\\a' + bR'\\'"), R"((_+_ b'\\a' b'\\'))");
}

TEST(ParserTest, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_EQ(ParseText(""), "column 1: found the end, expected an expression");
  EXPECT_EQ(ParseText("a +"), "column 4: found the end, expected an expression");
  EXPECT_EQ(ParseText("a b"), "column 3: found b, expected the end or an operator");
  EXPECT_EQ(ParseText("(a"), "column 3: found the end, expected )");
  EXPECT_EQ(ParseText("f(a,)"), "column 5: found ), expected an expression");
  EXPECT_EQ(ParseText("a ? b"), "column 6: found the end, expected : and what holds otherwise");
  EXPECT_EQ(ParseText("'é' = 1"), "column 5: found =, expected ==");
  EXPECT_EQ(ParseText("a\n  & b"), "line 2, column 3: found &, expected &&");
  EXPECT_EQ(ParseText("'abc"), "column 1: a text that begins with ' does not end");
  EXPECT_EQ(ParseText("'a\\q'"), "column 3: there is no escape \\q, or it is cut short or stands for no character");
  EXPECT_EQ(ParseText("'\\ud800'"), "column 2: there is no escape \\u, or it is cut short or stands for no character");
  EXPECT_EQ(ParseText("b'\\u0041'"), "column 3: there is no escape \\u in bytes, or it is cut short or stands for no character");
  EXPECT_EQ(ParseText("'\xff'"), "column 2: a byte that is no UTF-8");
  EXPECT_EQ(ParseText("a # b"), "column 3: found #, which has no meaning outside of a text");
  EXPECT_EQ(ParseText("9223372036854775808"),
            "column 1: 9223372036854775808 is no int: they go from -9223372036854775808 to 9223372036854775807");
  EXPECT_EQ(ParseText("18446744073709551616u"), "column 1: 18446744073709551616u is no uint: the greatest is 18446744073709551615u");
  EXPECT_EQ(ParseText("1e999"), "column 1: 1e999 is too large for a double");
  EXPECT_EQ(ParseText("12ab"), "column 1: 12ab is no number");
  EXPECT_EQ(ParseText("a.for + for"), "column 9: found for, expected an expression; this word is reserved");
  EXPECT_EQ(ParseText("has(a)"),
            "column 1: has() is asked of a field, as in has(request.headers.accept); else there is 'name' in map");
  EXPECT_EQ(ParseText("a.all(x.y, true)"), "column 9: expected the name that each element has in all()");
  EXPECT_EQ(ParseText("a.in"), "column 3: found in, expected the name of a field or function");
  EXPECT_EQ(ParseText("A{b: 1}"), "column 2: found {, expected the end or an operator");
}

std::string Repeated(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(ParserTest, DepthAndSizeAreBounded) {
  const std::string too_deep = "more than 100 expressions within each other";
  for (const std::string_view open : {"(", "[", "{1:", "f(", "a[", "true?true:", "-(", "!("}) {
    EXPECT_NE(ParseText(Repeated(open, 5'000)).find(too_deep), std::string::npos) << open;
  }
  EXPECT_EQ(ParseText(Repeated("(", 99) + "1" + Repeated(")", 99)), "1");
  EXPECT_NE(ParseText(Repeated("(", 100) + "1" + Repeated(")", 100)).find(too_deep), std::string::npos);
  const std::string too_large = "too large: an expression has at most 10000 parts, 1000 of them side by side and 200 within each other";
  EXPECT_EQ(ParseText("1" + Repeated("+1", 300)), "column 402: " + too_large);
  EXPECT_EQ(ParseText("a" + Repeated(".a", 300)), "column 403: " + too_large);
  EXPECT_NE(ParseText("[" + Repeated("1,", 1001) + "]").find(too_large), std::string::npos);
  EXPECT_NE(ParseText("true" + Repeated("||true", 1000)).find(too_large), std::string::npos);
  EXPECT_EQ(ParseText(Repeated("!", 60'000) + "a"), "(!_ (!_ a))");
  EXPECT_EQ(ParseText(Repeated(" ", 65'537)), "it has 65537 bytes, expected at most 65536");
  std::string lists = "[";
  for (int i = 0; i < 20; ++i) lists += "[" + Repeated("1,", 999) + "],";
  EXPECT_NE(ParseText(lists + "]").find(too_large), std::string::npos);
}

}  // namespace
}  // namespace pillion::expression
