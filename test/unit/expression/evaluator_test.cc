// What expressions give.

#include "source/expression/evaluator.h"

#include <gtest/gtest.h>

#include <string>

#include "source/expression/compiler.h"
#include "test/unit/expression/request.h"

namespace pillion::expression {
namespace {

class EvaluatorTest : public testing::Test {
 protected:
  EvaluatorTest() {
    request_.values = {{Attribute::kRequestPath, Value::String("/v1/payments/7?page=2")},
                       {Attribute::kRequestMethod, Value::String("POST")},
                       {Attribute::kRequestSize, Value::Int(512)},
                       {Attribute::kSourcePrincipal, Value::String("spiffe://shop.test/ns/web/sa/front")},
                       {Attribute::kConnectionMtls, Value::Bool(true)},
                       {Attribute::kContextTenant, Value::String("acme")},
                       {Attribute::kContextFlags, Value::Int(5)},
                       {Attribute::kRouteName, Value::String("payments")}};
    request_.maps[Attribute::kRequestHeaders] = {{"x-tenant-id", "acme"}, {"accept", "text/html"}, {"x-units", "12"}};
    request_.maps[Attribute::kContextBaggage] = {{"region", "cn-south-1"}};
  }

  // As Show() has it.
  std::string Run(const std::string& text, bool types = true) {
    const auto program = Compile(text, {.check = {.types = types}});
    if (!program.ok()) return "refused: " + std::string(program.status().message());
    error_place_.clear();
    const Value value = Evaluate(**program, request_, arena_);
    if (value.is_error()) error_place_ = (*program)->PlaceOf(value);
    return Show(value);
  }

  TestRequest request_;
  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  std::string error_place_;
};

TEST_F(EvaluatorTest, KeysOfLimits) {
  EXPECT_EQ(Run("request.headers['x-tenant-id']"), "'acme'");
  EXPECT_EQ(Run("request.path.startsWith('/v1/payments') ? 'payments' : 'default'"), "'payments'");
  EXPECT_EQ(Run("request.path.startsWith('/v2/') ? 'payments' : 'default'"), "'default'");
  EXPECT_EQ(Run("context.tenant + '/' + request.method"), "'acme/POST'");
  EXPECT_EQ(Run("[context.tenant, xds.route_name, context.baggage['region']]"), "['acme', 'payments', 'cn-south-1']");
  EXPECT_EQ(Run("int(request.headers['x-units']) * 2 + request.size / 100"), "29");
  EXPECT_EQ(Run("source.principal.matches('/ns/(web|app)/') && connection.mtls"), "true");
  EXPECT_EQ(Run("request.method in ['GET', 'HEAD']"), "false");
  EXPECT_EQ(Run("math.bitAnd(context.flags, 4) != 0"), "true");
  EXPECT_EQ(Run("'x-tenant-id' in request.headers && !('x-other' in request.headers)"), "true");
  EXPECT_EQ(Run("has(request.headers.accept) && !has(request.headers.`x-other`)"), "true");
  EXPECT_EQ(Run("request['headers']['accept']"), "'text/html'");
  EXPECT_EQ(Run("{'acme': 'gold'}[context.tenant]"), "'gold'");
  EXPECT_EQ(Run("request.headers.exists(name, name.startsWith('x-') && request.headers[name] == '12')"), "true");
  EXPECT_EQ(Run("size(request.headers)"), "3");
  EXPECT_EQ(Run("request.headers == {'accept': 'text/html', 'x-units': '12', 'x-tenant-id': 'acme'}"), "true");
}

TEST_F(EvaluatorTest, WhatIsNotThere) {
  EXPECT_EQ(Run("request.headers['x-other']"), "error: no such key");
  EXPECT_EQ(error_place_, "column 16");
  EXPECT_EQ(Run("request.id"), "error: no such attribute");
  EXPECT_EQ(Run("has(request.id)"), "false");
  EXPECT_EQ(Run("has(request.method)"), "true");
  EXPECT_EQ(Run("request.id == 'a' || request.method == 'POST'"), "true");
  EXPECT_EQ(Run("request.method == 'GET' && request.id == 'a'"), "false");
  EXPECT_EQ(Run("has(request.id) ? request.id : 'none'"), "'none'");
  EXPECT_EQ(Run("[request.method, request.id]"), "error: no such attribute");
  EXPECT_EQ(Run("{'a': request.id}"), "error: no such attribute");
  EXPECT_EQ(Run("request.id.size() > 1"), "error: no such attribute");
  EXPECT_EQ(error_place_, "column 9");
  EXPECT_EQ(Run("[1].map(x, request.id)"), "error: no such attribute");
  EXPECT_EQ(Run("[1].exists_one(x, request.id == 'a')"), "error: no such attribute");
}

TEST_F(EvaluatorTest, BranchesThatAreNotTakenAreNotAsked) {
  EXPECT_EQ(Run("true ? 1 : request.size"), "1");
  EXPECT_EQ(request_.asked, 0u);
  EXPECT_EQ(Run("request.size == 1 && request.method == 'a'"), "false");
  EXPECT_EQ(request_.asked, 1u);
  EXPECT_EQ(Run("[1, 2, 3].exists(x, x == 2 || request.size == x)"), "true");
  EXPECT_EQ(request_.asked, 2u);
}

TEST_F(EvaluatorTest, WithoutTypesWhatDoesNotFitIsAnError) {
  EXPECT_EQ(Run("1 + 'a'", false), "error: no such overload");
  EXPECT_EQ(Run("1 == 'a'", false), "false");
  EXPECT_EQ(Run("1 && true", false), "error: no such overload");
  EXPECT_EQ(Run("1 && false", false), "false");
  EXPECT_EQ(Run("'a' ? 1 : 2", false), "error: no such overload");
  EXPECT_EQ(Run("(1).matches('a')", false), "error: no such overload");
  EXPECT_EQ(Run("(1).all(x, true)", false), "error: no such overload");
  EXPECT_EQ(Run("[1].filter(x, 2)", false), "error: no such overload");
  EXPECT_EQ(Run("[1].map(x, 2, 3)", false), "error: no such overload");
  EXPECT_EQ(Run("(1).a", false), "error: no such overload");
  EXPECT_EQ(Run("{[1]: 2}", false), "error: a map's key of a wrong type");
}

TEST_F(EvaluatorTest, IsBoundedInStepsAndMemory) {
  std::string list = "[0";
  for (int i = 1; i < 500; ++i) list += "," + std::to_string(i);
  list += "]";
  EXPECT_EQ(Run(list + ".all(x, x >= 0)"), "true");
  EXPECT_EQ(Run(list + ".all(x, " + list + ".all(y, x + y >= 0))"), "error: more steps than an expression may take");
  EXPECT_EQ(Run("size(" + list + ".map(x, x))"), "500");
  EXPECT_EQ(Run("size([1,2,3,4,5,6,7,8,9,10].map(a, " + list + ".map(b, a)))"), "error: more memory than an expression may have");
  request_.maps[Attribute::kRequestHeaders]["x-long"] = std::string(40'000, 'a');
  EXPECT_EQ(Run("size(request.headers['x-long'] + 'b')"), "40001");
  EXPECT_EQ(Run("size(request.headers['x-long'] + request.headers['x-long'])"), "error: more memory than an expression may have");
}

// A list that holds one list many times, and so on, is short to write.
TEST_F(EvaluatorTest, ComparingCostsSteps) {
  const auto list_of = [](const std::string& item) {
    std::string list = "[" + item;
    for (int i = 1; i < 200; ++i) list += "," + item;
    return list + "]";
  };
  const std::string square = "[" + list_of("1") + "].map(a, " + list_of("a") + ")";
  EXPECT_EQ(Run(square + ".all(x, x == x)"), "true");
  const std::string large = square + ".map(b, " + list_of("b") + ").map(c, " + list_of("c") + ")";
  EXPECT_EQ(Run(large + ".all(x, x == x)"), "error: more steps than an expression may take");
  EXPECT_EQ(Run(large + ".all(x, !(x != x))"), "error: more steps than an expression may take");
  EXPECT_EQ(Run(large + ".all(x, x in [x])"), "error: more steps than an expression may take");
  EXPECT_EQ(Run(large + ".all(x, {1: x} == {1: x})"), "error: more steps than an expression may take");
  request_.maps[Attribute::kRequestHeaders]["x-long"] = std::string(40'000, 'a');
  const std::string compare = ".all(x, request.headers['x-long'] == request.headers['x-long'])";
  EXPECT_EQ(Run("[1, 2, 3]" + compare), "true");
  EXPECT_EQ(Run(list_of("1") + compare), "error: more steps than an expression may take");
}

// A client says how long these are.
TEST_F(EvaluatorTest, LookingForEntriesCostsSteps) {
  const std::string path(30'000, 'a');
  request_.values[Attribute::kRequestPath] = Value::String(path);
  request_.maps[Attribute::kRequestQueryParameters]["q"] = "1";
  request_.maps[Attribute::kRequestCookies]["c"] = "1";
  std::string list = "['z'";
  for (int i = 1; i < 400; ++i) list += ",'z'";
  list += "]";
  for (const std::string asked :
       {"x in request.query_parameters", "request.query_parameters[x] == '1'", "request.query_parameters.q == '2'",
        "has(request.query_parameters.z)", "x in request.cookies", "'d' in request.cookies", "has(request.cookies.d)"}) {
    EXPECT_EQ(Run("['y', 'z'].exists(x, " + asked + ")"), asked.find("[x]") == std::string::npos ? "false" : "error: no such key");
    EXPECT_EQ(Run(list + ".exists(x, " + asked + ")"), "error: more steps than an expression may take") << asked;
  }
  request_.values[Attribute::kRequestPath] = Value::String("/short?q=1");
  EXPECT_EQ(Run(list + ".exists(x, x in request.query_parameters)"), "false");
}

// Whose entries are made when they are asked for, as fields that came several times are.
class Copying final : public Attributes {
 public:
  Value Get(Attribute, base::Arena&) const override { return Missing(); }
  Value Find(Attribute, const Key&, base::Arena& arena) const override {
    static const std::string text(16'000, 'a');
    return Value::String(arena.Copy(text));
  }
  Value Keys(Attribute, base::Arena&) const override { return Missing(); }
};

TEST_F(EvaluatorTest, LoopsEndWhereAttributesTakeMuch) {
  const auto few = Compile("[1, 2, 3].all(x, request.headers['a'] != 'b')");
  const auto many = Compile("[1, 2, 3, 4, 5, 6].all(x, [1, 2, 3, 4, 5, 6].all(y, request.headers['a'] != 'b'))");
  ASSERT_TRUE(few.ok() && many.ok());
  EXPECT_EQ(Show(Evaluate(**few, Copying(), arena_)), "true");
  EXPECT_EQ(Show(Evaluate(**many, Copying(), arena_)), "error: more memory than an expression may have");
}

TEST_F(EvaluatorTest, AsText) {
  EXPECT_EQ(AsText(Value::Int(-7), arena_).text(), "-7");
  EXPECT_EQ(AsText(Value::Bool(true), arena_).text(), "true");
  EXPECT_EQ(AsText(Value::String("a"), arena_).text(), "a");
  EXPECT_TRUE(AsText(Value::List({}), arena_).is_error());
  EXPECT_TRUE(AsText(Value::Error(ErrorCode::kNoSuchKey), arena_).is_error());
}

TEST_F(EvaluatorTest, DecisionsAskWithoutAnExpression) {
  const Attributes& attributes = request_;
  EXPECT_EQ(attributes.Principal(arena_), "spiffe://shop.test/ns/web/sa/front");
  EXPECT_EQ(attributes.Tenant(arena_), "acme");
  EXPECT_EQ(attributes.Baggage("region", arena_), "cn-south-1");
  EXPECT_EQ(attributes.Baggage("zone", arena_), "");
  EXPECT_EQ(attributes.SourceAddress(arena_), "");
  EXPECT_EQ(attributes.Cost(arena_), 1u);
  EXPECT_EQ(attributes.Priority(arena_, 3), 3);
  request_.values[Attribute::kRequestCost] = Value::Int(40);
  request_.values[Attribute::kRequestPriority] = Value::Int(0);
  EXPECT_EQ(attributes.Cost(arena_), 40u);
  EXPECT_EQ(attributes.Priority(arena_, 3), 0);
}

TEST_F(EvaluatorTest, ProgramsSayWhatTheyUse) {
  const auto program = Compile("request.headers['a'] + context.tenant");
  ASSERT_TRUE(program.ok());
  EXPECT_TRUE((*program)->Uses(Attribute::kRequestHeaders));
  EXPECT_TRUE((*program)->Uses(Attribute::kContextTenant));
  EXPECT_FALSE((*program)->Uses(Attribute::kContextBaggage));
  EXPECT_TRUE((*program)->result().Is(Kind::kString));
}

}  // namespace
}  // namespace pillion::expression
