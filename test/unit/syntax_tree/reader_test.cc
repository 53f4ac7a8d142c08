// Expressions that come as trees.

#include "source/syntax_tree/reader.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "source/base/block.h"
#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "test/unit/expression/request.h"

namespace pillion::syntax_tree {
namespace {

namespace v1alpha1 = google::api::expr::v1alpha1;
using expression::Attribute;
using expression::Value;
using v1alpha1::Expr;

std::string Replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

class ReaderTest : public testing::Test {
 protected:
  ReaderTest() {
    request_.values = {{Attribute::kRequestPath, Value::String("/v1/payments/7?page=2")},
                       {Attribute::kRequestMethod, Value::String("POST")},
                       {Attribute::kRequestSize, Value::Int(512)},
                       {Attribute::kRequestTime, Value::Timestamp(expression::Seconds{1'795'000'000, 0})},
                       {Attribute::kConnectionMtls, Value::Bool(true)},
                       {Attribute::kConnectionId, Value::Uint(9)},
                       {Attribute::kConnectionServerName, Value::String("shop.test")},
                       {Attribute::kSourceAddress, Value::String("192.0.2.7:5000")},
                       {Attribute::kSourcePort, Value::Int(5000)}};
    request_.maps[Attribute::kRequestHeaders] = {{"x-tenant-id", "acme"}, {"accept", "text/html"}};
    request_.others[Attribute::kMetadata];
  }

  template <typename Message>
  static Message FromJson(const std::string& json) {
    Message message;
    const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
    EXPECT_TRUE(status.ok()) << status << json;
    return message;
  }

  std::string Run(const absl::StatusOr<std::shared_ptr<const expression::Program>>& program) {
    if (!program.ok()) return "refused: " + std::string(program.status().message());
    return expression::Show(expression::Evaluate(**program, request_, arena_));
  }
  std::string RunTree(const absl::StatusOr<expression::Ast>& tree) {
    if (!tree.ok()) return "refused: " + std::string(tree.status().message());
    return Run(expression::Compile(*tree));
  }
  std::string RunJson(const std::string& json) { return RunTree(Read(FromJson<Expr>(json))); }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  expression::TestRequest request_;
};

TEST_F(ReaderTest, TreesGiveWhatTheirTextsGive) {
  std::ifstream in("test/vectors/syntax_tree/trees.txt");
  size_t cases = 0, checked_cases = 0;
  for (std::string text, parsed, checked; std::getline(in, text) && std::getline(in, parsed) && std::getline(in, checked);) {
    SCOPED_TRACE(text);
    ++cases;
    const std::string expected = Run(expression::Compile(Replaced(text, "⏎", "\n")));
    EXPECT_EQ(expected.find("refused"), std::string::npos) << expected;
    EXPECT_EQ(RunTree(Read(FromJson<v1alpha1::ParsedExpr>(parsed))), expected);
    EXPECT_EQ(RunTree(Read(FromJson<::cel::expr::ParsedExpr>(parsed))), expected);
    EXPECT_EQ(RunTree(Read(FromJson<v1alpha1::ParsedExpr>(parsed).expr())), expected);
    if (checked == "-") continue;
    ++checked_cases;
    EXPECT_EQ(RunTree(Read(FromJson<v1alpha1::CheckedExpr>(checked))), expected);
    EXPECT_EQ(RunTree(Read(FromJson<::cel::expr::CheckedExpr>(checked))), expected);
  }
  EXPECT_EQ(cases, 31u);
  EXPECT_EQ(checked_cases, 30u);
}

TEST_F(ReaderTest, WhatIsWrongHasItsPlace) {
  EXPECT_EQ(RunJson(R"({id: 7, ident_expr: {name: "x"}})"), "refused: expression 7: there is no x");
  EXPECT_EQ(RunTree(Read(FromJson<v1alpha1::ParsedExpr>(
                R"({expr: {id: 7, ident_expr: {name: "x"}}, source_info: {positions: {"7": 9}, line_offsets: [4, 8, 12]}})"))),
            "refused: expression 7 at line 3, column 2: there is no x");
  EXPECT_EQ(RunTree(Read(FromJson<v1alpha1::ParsedExpr>(
                R"({expr: {id: 7, ident_expr: {name: "x"}}, source_info: {positions: {"7": 2}, line_offsets: [40]}})"))),
            "refused: expression 7 at line 1, column 3: there is no x");
  // What a failing evaluation tells.
  const auto tree = Read(FromJson<Expr>(
      R"({id: 4, call_expr: {function: "_/_", args: [{id: 2, const_expr: {int64_value: 1}}, {id: 3, select_expr:
         {field: "size", operand: {ident_expr: {name: "request"}}}}]}})"));
  const auto program = expression::Compile(*tree);
  ASSERT_TRUE(program.ok()) << program.status();
  request_.values[Attribute::kRequestSize] = Value::Int(0);
  const Value failed = expression::Evaluate(**program, request_, arena_);
  EXPECT_EQ(expression::Show(failed), "error: division by zero");
  EXPECT_EQ((*program)->PlaceOf(failed), "expression 4");
}

TEST_F(ReaderTest, RefusesWhatIsNotInTheSubset) {
  EXPECT_EQ(RunJson("{}").substr(0, 37), "refused: expression 0: it is empty, e");
  EXPECT_EQ(RunJson("{id: 1, const_expr: {}}"), "refused: expression 1: the constant is empty, expected a value");
  EXPECT_EQ(RunJson("{id: 1, ident_expr: {}}"), "refused: expression 1: the name is empty");
  EXPECT_EQ(RunJson(R"({id: 1, struct_expr: {message_name: "a.B"}})"),
            "refused: expression 1: messages are not in the subset, found a.B");
  EXPECT_EQ(RunJson(R"({id: 1, struct_expr: {entries: [{field_key: "a", value: {const_expr: {int64_value: 1}}}]}})"),
            "refused: expression 1: an entry of a map without a map_key");
  EXPECT_EQ(RunJson(R"({id: 1, struct_expr: {entries: [{optional_entry: true}]}})"),
            "refused: expression 1: optional entries are not in the subset");
  EXPECT_EQ(RunJson(R"({id: 1, list_expr: {elements: [{const_expr: {int64_value: 1}}], optional_indices: [0]}})"),
            "refused: expression 1: optional elements are not in the subset");
  EXPECT_EQ(RunJson(R"({id: 1, call_expr: {function: "@not_strictly_false", args: [{const_expr: {bool_value: true}}]}})"),
            "refused: expression 1: there is no function @not_strictly_false");
  // cel.bind(x, 1, x)
  EXPECT_EQ(RunJson(R"({id: 1, comprehension_expr: {iter_var: "#unused", iter_range: {list_expr: {}}, accu_var: "x",
                        accu_init: {const_expr: {int64_value: 1}}, loop_condition: {const_expr: {bool_value: false}},
                        loop_step: {ident_expr: {name: "x"}}, result: {ident_expr: {name: "x"}}}})"),
            "refused: expression 1: a loop that comes from none of all(), exists(), exists_one(), map() and filter()");
}

TEST_F(ReaderTest, LoopsThatAreNearlyMacrosAreNone) {
  const std::string exists = R"({iter_var: "x", iter_range: {list_expr: {elements: [{const_expr: {int64_value: 1}}]}}, accu_var: "r",
      accu_init: {const_expr: {bool_value: false}},
      loop_condition: {call_expr: {function: "@not_strictly_false", args: [{call_expr: {function: "!_", args: [{ident_expr: {name: "r"}}]}}]}},
      loop_step: {call_expr: {function: "_||_", args: [{ident_expr: {name: "r"}}, {call_expr: {function: "_==_", args:
        [{ident_expr: {name: "x"}}, {const_expr: {int64_value: 1}}]}}]}},
      result: {ident_expr: {name: "r"}}})";
  const auto run = [this, &exists](const std::string& what, const std::string& by) {
    const std::string changed = Replaced(exists, what, by);
    EXPECT_TRUE(what.empty() || changed != exists) << what;
    return RunJson("{comprehension_expr: " + changed + "}");
  };
  const std::string refused = "refused: expression 0: a loop";
  EXPECT_EQ(run("\"x\"", "\"y\""), "true");
  EXPECT_EQ(run("\"@not_strictly_false\"", "\"__not_strictly_false__\""), "true");
  EXPECT_EQ(run("bool_value: false", "bool_value: true").substr(0, refused.size()), refused);
  EXPECT_EQ(run("\"_||_\"", "\"_&&_\"").substr(0, refused.size()), refused);
  EXPECT_EQ(run("\"!_\"", "\"-_\"").substr(0, refused.size()), refused);
  EXPECT_EQ(run("accu_var: \"r\"", "accu_var: \"s\"").substr(0, refused.size()), refused);
  EXPECT_EQ(run("result: {ident_expr: {name: \"r\"}}", "result: {ident_expr: {name: \"x\"}}").substr(0, refused.size()), refused);
  EXPECT_EQ(run("iter_var: \"x\"", "iter_var: \"r\"").substr(0, refused.size()), refused);
  EXPECT_EQ(run("iter_var: \"x\"", "iter_var2: \"y\", iter_var: \"x\"").substr(0, refused.size()), refused);
}

TEST_F(ReaderTest, IsBounded) {
  Expr deep;
  deep.mutable_const_expr()->set_bool_value(true);
  for (int i = 0; i < 300; ++i) {
    Expr outer;
    outer.mutable_call_expr()->set_function("!_");
    *outer.mutable_call_expr()->add_args() = std::move(deep);
    deep = std::move(outer);
  }
  EXPECT_EQ(RunTree(Read(deep)), "refused: expression 0: too deep or too large");
  ::cel::expr::ParsedExpr parsed;  // too deep to be copied
  for (auto [expr, i] = std::pair(parsed.mutable_expr(), 0); i < 300; ++i) {
    expr->mutable_call_expr()->set_function("!_");
    expr = expr->mutable_call_expr()->add_args();
  }
  EXPECT_EQ(RunTree(Read(parsed)), "refused: it can't be read: nested too deep, or texts that are no UTF-8");

  Expr wide;
  for (int i = 0; i < 2'000; ++i) wide.mutable_list_expr()->add_elements()->mutable_const_expr()->set_bool_value(true);
  EXPECT_EQ(RunTree(Read(wide)).substr(0, 32), "refused: expression 0: too large");
  Expr large;
  for (int i = 0; i < 100; ++i) {
    Expr& part = *large.mutable_list_expr()->add_elements();
    for (int k = 0; k < 200; ++k) part.mutable_list_expr()->add_elements()->mutable_const_expr()->set_bool_value(true);
  }
  EXPECT_EQ(RunTree(Read(large)).substr(0, 32), "refused: expression 0: too large");
}

TEST_F(ReaderTest, CheckedNamesAreWhatTheyWereFoundToBe) {
  // A constant that had a name, and a name that was short for another.
  EXPECT_EQ(RunTree(Read(FromJson<v1alpha1::CheckedExpr>(
                R"({expr: {id: 1, call_expr: {function: "_==_", args: [{id: 2, ident_expr: {name: "LIMIT"}}, {id: 3, select_expr:
                   {operand: {id: 4, ident_expr: {name: "r"}}, field: "size"}}]}},
                   reference_map: {"2": {name: "my.LIMIT", value: {int64_value: 512}}, "3": {name: "request.size"}}})"))),
            "true");
}

}  // namespace
}  // namespace pillion::syntax_tree
