// What finding a route costs, in a table of one and in large ones. Run optimised:
//   bazel run --config=opt //test/bench/route:route_table

#include <benchmark/benchmark.h>

#include "source/base/block.h"
#include "source/config/route.h"
#include "source/route/table.h"

namespace pillion::route {
namespace {

using Path = match::RequestMatcher::Path;

config::Route MakeRoute(Path kind, std::string text) {
  config::Route route{.action = config::RouteAction{.cluster = "c"}};
  route.match.kind = kind;
  if (kind == Path::kRegex) {
    route.match.regex = *match::Regex::Compile(text);
  } else {
    route.match.path = std::move(text);
  }
  return route;
}

config::Route MixedRoute(int number) {
  const std::string n = std::to_string(number);
  switch (number % 3) {
    case 0:
      return MakeRoute(Path::kPrefix, "/prefix/" + n + "/");
    case 1:
      return MakeRoute(Path::kExact, "/exact/" + n);
    default:
      return MakeRoute(Path::kRegex, "/regex/" + n + "/[a-z]+/[0-9]*");
  }
}

Table MakeTable(int hosts, int routes_each, const std::function<config::Route(int)>& route) {
  auto config = std::make_shared<config::RouteConfig>();
  for (int h = 0, number = 0; h < hosts; ++h) {
    config::VirtualHost host;
    if (hosts == 1) host.domains = {{config::Domain::Kind::kAny, ""}};
    if (hosts > 1) host.domains = {{config::Domain::Kind::kSuffix, ".host" + std::to_string(h) + ".test"}};
    for (int r = 0; r < routes_each; ++r) {
      host.routes.push_back(std::make_shared<const config::Route>(route(number++)));
    }
    config->virtual_hosts.push_back(std::make_shared<const config::VirtualHost>(std::move(host)));
  }
  return Table(std::move(config), [](const std::string&) { return 0u; });
}

// Requests for the routes with these numbers, one after the other.
void Measure(benchmark::State& state, const Table& table, const std::vector<std::pair<std::string, std::string>>& requests) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  size_t next = 0;
  for (auto _ : state) {
    const auto& [authority, path] = requests[next++ % requests.size()];
    head.authority = authority;
    head.path = path;
    const Entry* entry = table.Match(head, 0);
    if (entry == nullptr) state.SkipWithError("no route");
    benchmark::DoNotOptimize(entry);
  }
}

std::vector<std::pair<std::string, std::string>> Requests(int count, int routes_each) {
  std::vector<std::pair<std::string, std::string>> requests;
  for (int i = 0; i < 1000; ++i) {
    const int number = static_cast<int>(i * 7919LL % count);
    const std::string n = std::to_string(number);
    const std::string path = number % 3 == 0   ? "/prefix/" + n + "/some/more?query=1"
                             : number % 3 == 1 ? "/exact/" + n + "?query=1"
                                               : "/regex/" + n + "/abc/123?query=1";
    requests.emplace_back("www.host" + std::to_string(number / routes_each) + ".test", path);
  }
  return requests;
}

void OneRoute(benchmark::State& state) {
  Measure(state, MakeTable(1, 1, [](int) { return MakeRoute(Path::kPrefix, "/"); }), Requests(10'000, 10));
}
void ThousandHostsOfTen(benchmark::State& state) {
  Measure(state, MakeTable(1000, 10, MixedRoute), Requests(10'000, 10));
}
void OneHostOfTenThousand(benchmark::State& state) {
  Measure(state, MakeTable(1, 10'000, MixedRoute), Requests(10'000, 10'000));
}
void ThousandRegexesOfOneBeginning(benchmark::State& state) {
  const auto route = [](int number) { return MakeRoute(Path::kRegex, "/[a-z]+/item" + std::to_string(number)); };
  std::vector<std::pair<std::string, std::string>> requests;
  for (int i = 0; i < 1000; ++i) requests.emplace_back("h", "/abc/item" + std::to_string(i));
  Measure(state, MakeTable(1, 1000, route), requests);
}

BENCHMARK(OneRoute);
BENCHMARK(ThousandHostsOfTen);
BENCHMARK(OneHostOfTenThousand);
BENCHMARK(ThousandRegexesOfOneBeginning);

}  // namespace
}  // namespace pillion::route
