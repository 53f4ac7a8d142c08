// What is refused before any request comes, and where.

#include <gtest/gtest.h>

#include <string>

#include "source/expression/compiler.h"

namespace pillion::expression {
namespace {

std::string Refused(std::string_view text, const CompileOptions& options = {}) {
  const auto program = Compile(text, options);
  return program.ok() ? "" : std::string(program.status().message());
}

std::string ResultOf(std::string_view text) {
  const auto program = Compile(text);
  return program.ok() ? (*program)->result().Text() : std::string(program.status().message());
}

TEST(CheckerTest, TypesOfResults) {
  EXPECT_EQ(ResultOf("request.headers['a']"), "string");
  EXPECT_EQ(ResultOf("request.headers"), "map(string, string)");
  EXPECT_EQ(ResultOf("[1, 2]"), "list(int)");
  EXPECT_EQ(ResultOf("[1, 'a']"), "list(dyn)");
  EXPECT_EQ(ResultOf("[] + [1]"), "list(dyn)");
  EXPECT_EQ(ResultOf("{'a': [1u]}['a'][0]"), "uint");
  EXPECT_EQ(ResultOf("metadata.filter_metadata['a']['b']"), "dyn");
  EXPECT_EQ(ResultOf("metadata.filter_metadata['a']['b'] + 1"), "int");
  EXPECT_EQ(ResultOf("dyn(1) + dyn(2)"), "dyn");
  EXPECT_EQ(ResultOf("[1, 2].map(x, string(x))"), "list(string)");
  EXPECT_EQ(ResultOf("request.time - timestamp('2026-01-01T00:00:00Z')"), "google.protobuf.Duration");
  EXPECT_EQ(ResultOf("type(1) == int"), "bool");
}

TEST(CheckerTest, TypesThatDoNotFit) {
  EXPECT_EQ(Refused("request.path.startsWith(1)"), "column 14: startsWith is not for string and int");
  EXPECT_EQ(Refused("1 + 'a'"), "column 3: + is not for int and string");
  EXPECT_EQ(Refused("1 == 'a'"), "column 3: == is not for int and string");
  EXPECT_EQ(Refused("1 in ['a']"), "column 3: in is not for int and list(string)");
  EXPECT_EQ(Refused("1 in request.headers"), "column 3: in is not for int and map(string, string)");
  EXPECT_EQ(Refused("request.headers[1]"), "column 16: [] is not for map(string, string) and int");
  EXPECT_EQ(Refused("-request.path"), "column 1: - is not for string");
  EXPECT_EQ(Refused("request.path && true"), "column 9: what stands beside && is of type string, expected bool");
  EXPECT_EQ(Refused("1 ? 2 : 3"), "column 1: what stands before ? is of type int, expected bool");
  EXPECT_EQ(Refused("true ? 1 : 'a'"), "column 6: the branches of ?: are of two types, int and string");
  EXPECT_EQ(Refused("[1].all(x, x)"), "column 12: what all() asks is of type int, expected bool");
  EXPECT_EQ(Refused("(1).all(x, true)"), "column 5: all() is for lists and maps, not for int");
  EXPECT_EQ(Refused("request.path.size"), "column 14: string has no fields");
  EXPECT_EQ(Refused("{1.5: 2}"), "column 2: a key is of type double, expected bool, int, uint or string");
  EXPECT_EQ(Refused("size(1)"), "column 1: size is not for int");
  EXPECT_EQ(Refused("has(google.protobuf.Duration)"), "column 21: google.protobuf.Duration is a type, no field of a value");
}

TEST(CheckerTest, NamesThatNobodyKnows) {
  EXPECT_EQ(Refused("request.pth"), "column 9: there is no request.pth, did you mean request.path");
  EXPECT_EQ(Refused("request"), Refused("request == 1").substr(0, Refused("request").size()));
  EXPECT_TRUE(Refused("xds").starts_with("column 1: xds is no value, expected one of xds.route_name, xds.route_metadata")) << Refused("xds");
  EXPECT_EQ(Refused("nonsense_of_all_kinds"), "column 1: there is no nonsense_of_all_kinds");
  EXPECT_EQ(Refused("frobnicate(1)"), "column 1: there is no function frobnicate");
  EXPECT_EQ(Refused("request.path.startswith('/')"), "column 14: there is no function startswith, did you mean startsWith");
  EXPECT_EQ(Refused("request.path.contain('/')"), "column 14: there is no function contain, did you mean contains");
  EXPECT_EQ(Refused("startsWith('a', 'b')"), "column 1: startsWith() is called as value.startsWith()");
  EXPECT_EQ(Refused("(1).int()"), "column 5: int() is called as int(value)");
  EXPECT_EQ(Refused("'a'.startsWith()"), "column 5: startsWith() does not take 0 arguments");
  EXPECT_EQ(Refused("[1].all(x, y > 1)"), "column 12: there is no y");
  EXPECT_EQ(Refused("x > 1 && [1].all(x, x > 1)"), "column 1: there is no x");
}

TEST(CheckerTest, AllMistakesAtOnce) {
  EXPECT_EQ(Refused("1 + 'a' == 2 && nope > 1"), "column 3: + is not for int and string; column 17: there is no nope");
}

TEST(CheckerTest, RegularExpressions) {
  EXPECT_EQ(Refused("request.path.matches('a(')"), "column 22: it is no regular expression: missing ): a(");
  EXPECT_EQ(Refused("request.path.matches(request.method)"),
            "column 30: the regular expression of matches() depends on the request, expected a text");
  EXPECT_EQ(Refused("request.path.matches('a' + '(b|c)')"), "");
  EXPECT_EQ(Refused("matches(request.path, 'a')"), "");
  EXPECT_EQ(Refused("request.path.matches('a', 'b')"), "column 14: matches() takes a text and a regular expression");
  std::string large = "request.path.matches('(.{30}){33}')";
  EXPECT_EQ(Refused(large), "");
  for (int i = 0; i < 5; ++i) large += " || " + large;
  EXPECT_NE(Refused(large).find("instructions, expected at most 50000"), std::string::npos) << Refused(large);
}

TEST(CheckerTest, WhatIsKnownOnlyAtTheEnd) {
  EXPECT_EQ(Refused("response.code >= 500"), "column 10: response.code is known only when the request is over");
  EXPECT_EQ(Refused("response.code >= 500", {.check = {.moment = Moment::kEnd}}), "");
}

TEST(CheckerTest, WhatIsExpected) {
  EXPECT_EQ(Refused("request.path", {.result = Kind::kBool}), "column 9: it gives string, expected bool");
  EXPECT_EQ(Refused("dyn(request.path)", {.result = Kind::kBool}), "");
  EXPECT_EQ(Refused("connection.mtls", {.result = Kind::kBool}), "");
}

TEST(CheckerTest, LoopsAndValuesAreBounded) {
  std::string loops = "true";
  for (int i = 0; i < 8; ++i) loops = "[1].all(x" + std::to_string(i) + ", " + loops + ")";
  EXPECT_EQ(Refused(loops), "");
  EXPECT_EQ(Refused("[1].all(x, " + loops + ")").find("more than 8 of all(), exists(), map() or filter()") == std::string::npos, false);
  std::string list = "[request.size";
  for (int i = 0; i < 300; ++i) list += ", request.size";
  EXPECT_NE(Refused(list + "]").find("more than 256 values are needed at once"), std::string::npos);
}

// Each of them would have twice the type of the one before.
TEST(CheckerTest, TypesDoNotGrow) {
  std::string maps = "[0]";
  for (int i = 0; i < 60; ++i) maps += ".map(a, {a: a})";
  EXPECT_LT(Refused(maps).size(), 10'000u);
  EXPECT_TRUE(Compile(maps, {.check = {.types = false}}).ok());
}

TEST(CheckerTest, CatalogsOfTheirOwn) {
  Catalog catalog = Catalog::OfRequests();
  catalog.Add({"line.command", Attribute::kFirstOther, Kind::kString});
  EXPECT_EQ(Refused("line.command == 'GET' && request.path == '/'", {.check = {.catalog = &catalog}}), "");
  EXPECT_EQ(Refused("line.command == 'GET'"), "column 1: there is no line");
}

// A tree as somebody else may send it.
TEST(CheckerTest, TreesThatAreBroken) {
  const auto refused = [](Node node, size_t parts) {
    Ast ast;
    std::vector<Ast::Index> indices;
    for (size_t i = 0; i < parts; ++i) indices.push_back(ast.Add({.kind = Node::Kind::kConstant, .constant = Value::Bool(true)}));
    ast.Add(node, indices);
    return !Compile(ast).ok() && !Compile(ast, {.check = {.types = false}}).ok();
  };
  EXPECT_TRUE(refused({.kind = Node::Kind::kCall, .text = "_+_"}, 1));
  EXPECT_TRUE(refused({.kind = Node::Kind::kCall, .text = "_[_]"}, 0));
  EXPECT_TRUE(refused({.kind = Node::Kind::kCall, .text = "_&&_"}, 1));
  EXPECT_TRUE(refused({.kind = Node::Kind::kCall, .text = "_?_:_"}, 2));
  EXPECT_TRUE(refused({.kind = Node::Kind::kCall, .text = "matches"}, 1));
  EXPECT_TRUE(refused({.kind = Node::Kind::kCall, .member = true, .text = "size"}, 0));
  EXPECT_TRUE(refused({.kind = Node::Kind::kCall, .text = "no such"}, 2));
  EXPECT_TRUE(refused({.kind = Node::Kind::kSelect, .text = "a"}, 2));
  EXPECT_TRUE(refused({.kind = Node::Kind::kHas, .text = "a"}, 0));
  EXPECT_TRUE(refused({.kind = Node::Kind::kMap}, 3));
  EXPECT_TRUE(refused({.kind = Node::Kind::kMacro, .text = "all", .variable = "x"}, 1));
  EXPECT_TRUE(refused({.kind = Node::Kind::kMacro, .text = "reduce", .variable = "x"}, 2));
  EXPECT_FALSE(Compile(Ast()).ok());
}

}  // namespace
}  // namespace pillion::expression
