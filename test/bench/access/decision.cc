// What a decision costs, with one rule and with many of which one fits: for the first request of a connection, and, where
// it says Again, for the next. Run optimised:
//   bazel run --config=opt //test/bench/access:decision

#include <benchmark/benchmark.h>

#include "source/access/policies.h"
#include "source/access/tree.h"
#include "source/base/block.h"

namespace pillion::access {
namespace {

using Kind = TextPattern::Kind;

constexpr char kTrustDomain[] = "spiffe://example.org/ns/prod/sa/";

// How rules ask for a principal.
TextPattern PatternOf(Kind kind, int number) {
  const std::string name = kTrustDomain + std::to_string(number);
  if (kind == Kind::kExact) return {kind, name};
  if (kind == Kind::kPrefix) return {kind, name + "/"};
  return {kind, name + "/v[0-9]+(-canary)?"};  // more than a sequence of classes
}

TextTest TestOf(const TextPattern& pattern) {
  using match::StringMatcher;
  if (pattern.kind == Kind::kRegex) return {StringMatcher(*match::Regex::Compile(pattern.text)), true};
  return {StringMatcher(pattern.kind == Kind::kExact ? StringMatcher::Kind::kExact : StringMatcher::Kind::kPrefix, pattern.text)};
}

std::string NameOf(Kind kind, int number) {
  return kTrustDomain + std::to_string(number) + (kind == Kind::kExact ? "" : "/v7");
}

// Each lets one principal read below a path. `indexed`: found by its name, else it is asked like any other.
Policies MakePolicies(int count, Kind kind, bool indexed) {
  Conditions conditions;
  std::vector<Policy> policies;
  for (int i = 0; i < count; ++i) {
    const TextPattern pattern = PatternOf(kind, i);
    Policy policy{.name = "policy-" + std::to_string(i), .permissions = 0, .principals = 0, .only = {}};
    policy.permissions = conditions.Begin(false);
    conditions.AddText(Input::kPath, {match::StringMatcher(match::StringMatcher::Kind::kPrefix, "/api/")});
    conditions.End(policy.permissions);
    policy.principals = conditions.Begin(false);
    conditions.AddPrincipal(TestOf(pattern));
    conditions.End(policy.principals);
    if (indexed) policy.only = {pattern};
    policy.only_is_all = indexed;
    policies.push_back(std::move(policy));
  }
  return Policies(Action::kAllow, std::move(conditions), std::move(policies));
}

// As Kuma sends it: a list of URIs, each with an action.
Tree MakeTree(int count, Kind kind) {
  Conditions conditions;
  std::vector<Matcher::Entry> entries;
  for (int i = 0; i < count; ++i) {
    const TextPattern pattern = PatternOf(kind, i);
    entries.push_back({.condition = conditions.next(), .target = {Target::Kind::kAction, 0}, .input = Input::kUris, .patterns = {pattern}});
    conditions.AddText(Input::kUris, TestOf(pattern));
  }
  Matcher root{.kind = std::move(entries), .otherwise = {Target::Kind::kAction, 1}};
  return Tree(std::move(conditions), {std::move(root)}, {{"allow", Action::kAllow}, {"default", Action::kDeny}});
}

// By a map of prefixes.
Tree MakeMap(int count) {
  Matcher::Map map{.input = Input::kUris, .by = Matcher::Map::By::kPrefix, .targets = {}};
  for (int i = 0; i < count; ++i) map.targets[PatternOf(Kind::kPrefix, i).text] = {Target::Kind::kAction, 0};
  Matcher root{.kind = std::move(map), .otherwise = {Target::Kind::kAction, 1}};
  return Tree({}, {std::move(root)}, {{"allow", Action::kAllow}, {"default", Action::kDeny}});
}

void Run(benchmark::State& state, const Engine& engine, const std::string& name, bool allowed, bool again = false) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  head.path = "/api/things/7?all";
  ConnectionFacts facts;
  facts.peer.emplace();
  facts.peer->uris.push_back(name);
  facts.peer->all_uris = name;
  facts.peer->subject = "CN=client";
  Findings findings;
  for (auto _ : state) {
    const Decision decision = engine.Decide({.connection = facts, .head = &head, .findings = again ? &findings : nullptr});
    if (decision.allowed != allowed) state.SkipWithError("another decision");
    benchmark::DoNotOptimize(decision.rule);
  }
}

void DecidePolicies(benchmark::State& state, Kind kind, bool indexed) {
  const auto count = static_cast<int>(state.range(0));
  Run(state, MakePolicies(count, kind, indexed), NameOf(kind, count - 1), true);
}
BENCHMARK_CAPTURE(DecidePolicies, ByName, Kind::kExact, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecidePolicies, ByPrefix, Kind::kPrefix, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecidePolicies, ByRegex, Kind::kRegex, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecidePolicies, OneByOne, Kind::kExact, false)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecidePolicies, RegexesOneByOne, Kind::kRegex, false)->Arg(1)->Arg(1000);

void DecideAgain(benchmark::State& state, Kind kind, bool indexed) {
  const auto count = static_cast<int>(state.range(0));
  Run(state, MakePolicies(count, kind, indexed), NameOf(kind, count - 1), true, true);
}
BENCHMARK_CAPTURE(DecideAgain, ByName, Kind::kExact, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecideAgain, RegexesOneByOne, Kind::kRegex, false)->Arg(1)->Arg(1000);

void DecideTree(benchmark::State& state, Kind kind, bool fits, bool again = false) {
  const auto count = static_cast<int>(state.range(0));
  Run(state, MakeTree(count, kind), fits ? NameOf(kind, count - 1) : "spiffe://example.org/ns/test/sa/nobody", fits, again);
}
BENCHMARK_CAPTURE(DecideTree, ByName, Kind::kExact, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecideTree, ByPrefix, Kind::kPrefix, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecideTree, ByRegex, Kind::kRegex, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecideTree, NobodyByRegex, Kind::kRegex, false)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(DecideTree, ByRegexAgain, Kind::kRegex, true, true)->Arg(1)->Arg(1000);

void DecideMap(benchmark::State& state) {
  const auto count = static_cast<int>(state.range(0));
  Run(state, MakeMap(count), NameOf(Kind::kPrefix, count - 1), true);
}
BENCHMARK(DecideMap)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace pillion::access

BENCHMARK_MAIN();
