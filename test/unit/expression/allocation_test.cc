// An evaluation allocates nothing, once the arena's block and the regular expression are warm.

#include <gtest/gtest.h>

#include <string>

#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "test/support/counted_memory.h"

namespace pillion::expression {
namespace {

class Request final : public Attributes {
 public:
  Value Get(Attribute which, base::Arena&) const override {
    if (which == Attribute::kRequestPath) return Value::String("/v1/payments/7");
    return which == Attribute::kContextTenant ? Value::String("acme") : Missing();
  }
  Value Find(Attribute, const Key& key, base::Arena&) const override {
    return key.text == "x-tenant-id" ? Value::String("acme") : Value::Error(ErrorCode::kNoSuchKey);
  }
  Value Keys(Attribute, base::Arena& arena) const override {
    Value* keys = arena.NewArray<Value>(1);
    keys[0] = Value::String("x-tenant-id");
    return Value::List({keys, 1});
  }
};

TEST(AllocationTest, EvaluationsAllocateNothing) {
  const Request request;
  base::BlockPool blocks;
  for (const char* text : {"request.headers['x-tenant-id']", "request.path.startsWith('/v1/payments') ? 'payments' : 'default'",
                           "context.tenant + '/' + request.path", "[context.tenant, string(size(request.path))]",
                           "request.path.matches('^/v[0-9]+/') && context.tenant in ['a', 'acme']",
                           "request.headers.exists(name, request.headers[name] == 'acme')", "request.id == 'a' || request.id == 'b'",
                           "[1, 2, 3].map(x, x * 2).filter(x, x > 2)", "request.headers['x-other']"}) {
    const auto program = Compile(text);
    ASSERT_TRUE(program.ok()) << program.status();
    const auto evaluate = [&] {
      base::Arena arena(blocks);
      return Evaluate(**program, request, arena).kind();
    };
    const Kind first = evaluate();
    const size_t before = test::Allocations();
    const Kind second = evaluate();
    EXPECT_EQ(test::Allocations(), before) << text;
    EXPECT_EQ(first, second);
  }
}

}  // namespace
}  // namespace pillion::expression
