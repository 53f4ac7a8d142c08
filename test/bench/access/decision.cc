// What a decision costs, with one policy and with many of which one fits. Run optimised:
//   bazel run --config=opt //test/bench/access:decision

#include <benchmark/benchmark.h>

#include "source/access/policies.h"
#include "source/base/block.h"

namespace pillion::access {
namespace {

constexpr char kTrustDomain[] = "spiffe://example.org/ns/prod/sa/";

// Each lets one principal read below a path. `indexed`: by its name alone, else it is asked like any other.
Policies MakePolicies(int count, bool indexed) {
  Conditions conditions;
  std::vector<Policy> policies;
  for (int i = 0; i < count; ++i) {
    const std::string name = kTrustDomain + std::to_string(i);
    Policy policy{.name = "policy-" + std::to_string(i)};
    policy.permissions = conditions.Begin(false);
    conditions.AddText(Input::kPath, {match::StringMatcher(match::StringMatcher::Kind::kPrefix, "/api/")});
    conditions.End(policy.permissions);
    policy.principals = conditions.Begin(false);
    conditions.AddPrincipal({match::StringMatcher(match::StringMatcher::Kind::kExact, name)});
    conditions.End(policy.principals);
    if (indexed) policy.only = {name};
    policies.push_back(std::move(policy));
  }
  return Policies(Action::kAllow, std::move(conditions), std::move(policies));
}

void Decide(benchmark::State& state, bool indexed) {
  const auto count = static_cast<int>(state.range(0));
  const Policies policies = MakePolicies(count, indexed);
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  head.path = "/api/things/7?all";
  ConnectionFacts facts;
  facts.peer.emplace();
  facts.peer->uris.push_back(kTrustDomain + std::to_string(count - 1));
  facts.peer->subject = "CN=client";
  for (auto _ : state) {
    const Decision decision = policies.Decide({.connection = facts, .head = &head});
    if (!decision.allowed) state.SkipWithError("denied");
    benchmark::DoNotOptimize(decision.rule);
  }
}
BENCHMARK_CAPTURE(Decide, ByName, true)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(Decide, OneByOne, false)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace pillion::access

BENCHMARK_MAIN();
