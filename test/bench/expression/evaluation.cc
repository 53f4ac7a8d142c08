// What an expression costs for one request, over the head of one; and what compiling costs. Memory that was allocated is
// counted. Run optimised:
//   bazel run --config=opt //test/bench/expression:evaluation

#include <benchmark/benchmark.h>

#include <string>

#include "source/base/check.h"
#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "source/http/message.h"
#include "test/support/counted_memory.h"

namespace pillion::expression {
namespace {

// Of a head alone: what limits and routes mostly ask for.
class HeadAttributes final : public Attributes {
 public:
  explicit HeadAttributes(const http::RequestHead& head) : head_(head) {}

  Value Get(Attribute which, base::Arena&) const override {
    switch (which) {
      case Attribute::kRequestPath:
        return Value::String(head_.path);
      case Attribute::kRequestMethod:
        return Value::String(head_.method);
      case Attribute::kContextTenant:
        return Value::String("acme");
      default:
        return Missing();
    }
  }
  Value Find(Attribute, const Key& key, base::Arena&) const override {
    const bool known = key.id != http::HeaderId::kUnknown;
    const http::HeaderField* field = known ? head_.headers.Find(key.id) : head_.headers.Find(key.text);
    return field == nullptr ? Value::Error(ErrorCode::kNoSuchKey) : Value::String(field->value());
  }
  Value Keys(Attribute, base::Arena& arena) const override {
    Value* keys = arena.NewArray<Value>(head_.headers.size());
    size_t count = 0;
    for (const http::HeaderField& field : head_.headers) keys[count++] = Value::String(field.name());
    return Value::List({keys, count});
  }

 private:
  const http::RequestHead& head_;
};

void Fill(http::RequestHead& head) {
  head.method = "POST";
  head.path = "/v1/payments/7a0c?currency=eur";
  head.authority = "payments.shop.svc.cluster.local";
  for (const auto& [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"user-agent", "Go-http-client/1.1"}, {"accept", "*/*"}, {"accept-encoding", "gzip"},
           {"content-type", "application/json"}, {"content-length", "512"}, {"authorization", "Bearer abcdefghijklmnop"},
           {"cookie", "session=1234"}, {"x-forwarded-for", "10.1.2.3"}, {"x-forwarded-proto", "https"},
           {"x-request-id", "3c9f1e0e-7ac1-4f5a-9d0e-2f6c1b8a7d55"}, {"x-custom", "value"}, {"x-tenant-id", "acme"}}) {
    head.headers.Add(name, value);
  }
}

void Run(benchmark::State& state, const std::string& text) {
  base::BlockPool blocks;
  base::Arena kept(blocks);
  http::RequestHead head(kept);
  Fill(head);
  const HeadAttributes attributes(head);
  const auto program = Compile(text);
  PILLION_CHECK(program.ok());
  const auto once = [&] {
    base::Arena arena(blocks);  // as each stream has one
    const Value value = Evaluate(**program, attributes, arena);
    PILLION_CHECK(!value.is_error());
    benchmark::DoNotOptimize(value);
  };
  once();
  const size_t before = test::Allocations();
  for (auto _ : state) once();
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(test::Allocations() - before), benchmark::Counter::kAvgIterations);
}

BENCHMARK_CAPTURE(Run, Constant, "'all'");
BENCHMARK_CAPTURE(Run, Tenant, "context.tenant");
BENCHMARK_CAPTURE(Run, Header, "request.headers['x-tenant-id']");
BENCHMARK_CAPTURE(Run, PathPrefix, "request.path.startsWith('/v1/payments') ? 'payments' : 'default'");
BENCHMARK_CAPTURE(Run, HeaderIfThere, "has(request.headers.`x-tenant-id`) ? request.headers['x-tenant-id'] : 'nobody'");
BENCHMARK_CAPTURE(Run, TwoDimensions, "context.tenant + '/' + request.method");
BENCHMARK_CAPTURE(Run, List, "[context.tenant, request.method]");
BENCHMARK_CAPTURE(Run, Logic, "request.method == 'GET' || request.method == 'HEAD' || context.tenant in ['a', 'b', 'acme']");
BENCHMARK_CAPTURE(Run, Regex, "request.path.matches('^/v[0-9]+/payments/')");
BENCHMARK_CAPTURE(Run, Number, "int(request.headers['content-length']) / 100 > 4");
BENCHMARK_CAPTURE(Run, LoopOverHeaders, "request.headers.exists(name, name == 'x-tenant-id')");

void CompileText(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(Compile("request.path.startsWith('/v1/payments') ? 'payments' : 'default'"));
  }
}
BENCHMARK(CompileText);

}  // namespace
}  // namespace pillion::expression
