// What a decision costs by how many rules there are, of which none matches, or one does. Memory that was allocated is
// counted. Run optimised:
//   bazel run --config=opt //test/bench/grey:decide

#include <benchmark/benchmark.h>

#include <string>

#include "source/base/check.h"
#include "source/grey/rules.h"
#include "source/http/message.h"
#include "test/support/counted_memory.h"

namespace pillion::grey {
namespace {

using expression::Attribute;
using expression::Key;
using expression::Value;

class HeadAttributes final : public expression::Attributes {
 public:
  explicit HeadAttributes(const http::RequestHead& head) : head_(head) {}

  Value Get(Attribute, base::Arena&) const override { return Missing(); }
  Value Find(Attribute, const Key& key, base::Arena&) const override {
    const bool known = key.id != http::HeaderId::kUnknown;
    const http::HeaderField* const field = known ? head_.headers.Find(key.id) : head_.headers.Find(key.text);
    return field == nullptr ? Value::Error(expression::ErrorCode::kNoSuchKey) : Value::String(field->value());
  }
  Value Keys(Attribute, base::Arena& arena) const override {
    Value* const keys = arena.NewArray<Value>(head_.headers.size());
    size_t count = 0;
    for (const http::HeaderField& field : head_.headers) keys[count++] = Value::String(field.name());
    return Value::List({keys, count});
  }

 private:
  const http::RequestHead& head_;
};

enum Kind { kValues, kRanges, kNames };

// The last one is for the request of x-user-id 999.
Rules Of(Kind kind, int64_t count) {
  std::vector<Rule> list;
  for (int64_t i = 1000 - count; i < 1000; ++i) {
    decltype(TextTest::test) test = Exact{std::to_string(i)};
    if (kind == kRanges) test = Range{i, i};
    const std::string name = kind == kNames && i != 999 ? "x-name-" + std::to_string(i) : "x-user-id";
    Rule& rule = list.emplace_back();
    rule.conditions.push_back({TextTest{EntryOf(Attribute::kRequestHeaders, name), std::move(test)}});
    rule.shares = {{kMillion, 0}};
  }
  return Rules(std::move(list));
}

void Decide(benchmark::State& state, Kind kind, std::string_view user) {
  const Rules rules = Of(kind, state.range(0));
  base::BlockPool blocks;
  base::Arena kept(blocks);
  base::Random random(1);
  http::RequestHead head(kept);
  for (const auto& [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"user-agent", "Go-http-client/1.1"}, {"accept", "*/*"}, {"accept-encoding", "gzip"},
           {"content-type", "application/json"}, {"content-length", "512"}, {"authorization", "Bearer abcdefghijklmnop"},
           {"x-forwarded-for", "10.1.2.3"}, {"x-forwarded-proto", "https"}, {"x-custom", "value"}}) {
    head.headers.Add(name, value);
  }
  if (!user.empty()) head.headers.Add("x-user-id", user);
  const HeadAttributes attributes(head);
  const auto once = [&] {
    base::Arena arena(blocks);  // as each stream has one
    const Decision decision = rules.Decide({attributes, {}, random, arena});
    PILLION_CHECK((decision.rule != Decision::kNone) == (user == "999"));
    benchmark::DoNotOptimize(decision);
  };
  once();
  const size_t before = test::Allocations();
  for (auto _ : state) once();
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(test::Allocations() - before), benchmark::Counter::kAvgIterations);
}

BENCHMARK_CAPTURE(Decide, ValuesNoField, kValues, "")->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(Decide, ValuesNoneMatches, kValues, "x")->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(Decide, ValuesTheLast, kValues, "999")->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(Decide, RangesTheLast, kRanges, "999")->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(Decide, NamesNoneMatches, kNames, "x")->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(Decide, NamesTheLast, kNames, "999")->Arg(1)->Arg(1000);

}  // namespace
}  // namespace pillion::grey
