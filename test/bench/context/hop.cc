// What one hop costs: reading a context out of a head and writing it into the head that goes on; and what a correlated pair of
// requests costs. Memory that was allocated is counted. Run optimised:
//   bazel run --config=opt //test/bench/context:hop

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "source/base/random.h"
#include "source/context/correlation.h"
#include "source/context/extract.h"
#include "source/context/inject.h"
#include "test/support/counted_memory.h"

namespace pillion::context {
namespace {

using namespace std::chrono_literals;
using Fields = std::vector<std::pair<std::string, std::string>>;

const Moment kMoment{base::MonotonicTime(5000s), base::WallTime(1'795'000'000s)};

// Eleven fields as browsers and clients send them, around those of the context.
const Fields kOthers = {{"host", "cart.shop.svc.cluster.local"}, {"user-agent", "Go-http-client/1.1"}, {"accept", "*/*"},
                        {"accept-encoding", "gzip"}, {"content-type", "application/json"}, {"content-length", "0"},
                        {"authorization", "Bearer abcdefghijklmnopqrstuvwxyz"}, {"cookie", "session=1234"}, {"x-forwarded-for", "10.1.2.3"},
                        {"x-forwarded-proto", "https"}, {"x-custom", "value"}};

http::HeaderMap MakeHead(const Fields& fields, base::Arena& arena) {
  http::HeaderMap head(arena);
  for (const auto& [name, value] : fields) head.Add(name, value);
  return head;
}

// The fields of a head that a hop has written: deadline, trace, request id, eight entries of baggage.
Fields FullContext() {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  Fields fields = kOthers;
  fields.insert(fields.end(), {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                               {"baggage", "env=grey,version=v2,release=2026-11,user=1234567,region=cn-south-1,shop=42,channel=app,ab=b"},
                               {"x-timeout-ms", "300"},
                               {"x-request-id", "3c9f1e0e-7ac1-4f5a-9d0e-2f6c1b8a7d55"}});
  http::HeaderMap head = MakeHead(fields, arena);
  Extraction extraction;
  Extract(head, {}, kMoment, extraction);
  Inject(extraction.context, {}, kMoment.monotonic, head);
  Fields written;  // what is in the head sees what it was made of
  for (const http::HeaderField& field : head) written.emplace_back(field.name(), field.value());
  return written;
}

template <typename F>
void Count(benchmark::State& state, F&& hop) {
  hop();
  const size_t before = test::Allocations();
  for (auto _ : state) hop();
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(test::Allocations() - before), benchmark::Counter::kAvgIterations);
}

// `changes`: the span is another one afterwards, so that all of it is written anew.
void Hop(benchmark::State& state, const Fields& fields, bool extract, bool inject, bool changes = false) {
  base::BlockPool blocks;
  Count(state, [&] {
    base::Arena arena(blocks);
    http::HeaderMap head = MakeHead(fields, arena);
    Extraction extraction;
    if (extract) Extract(head, {}, kMoment, extraction);
    if (changes) ++extraction.context.span_id;
    if (inject) benchmark::DoNotOptimize(Inject(extraction.context, {}, kMoment.monotonic, head));
    benchmark::DoNotOptimize(extraction);
    benchmark::DoNotOptimize(head.begin());
  });
}

// What of the others is making the head.
void HeadAlone(benchmark::State& state) { Hop(state, FullContext(), false, false); }
void ExtractFullContext(benchmark::State& state) { Hop(state, FullContext(), true, false); }
void ExtractAndInjectFullContext(benchmark::State& state) { Hop(state, FullContext(), true, true); }
void ExtractAndInjectAnotherContext(benchmark::State& state) { Hop(state, FullContext(), true, true, true); }

void ExtractAndInjectTraceAlone(benchmark::State& state) {
  Fields fields = kOthers;
  fields.emplace_back("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  Hop(state, fields, true, true);
}

void ExtractNothing(benchmark::State& state) { Hop(state, kOthers, true, false); }

void RememberRestoreEnd(benchmark::State& state) {
  base::BlockPool blocks;
  base::Arena kept(blocks);
  const Fields fields = FullContext();
  http::HeaderMap head = MakeHead(fields, kept);
  Extraction inbound;
  Extract(head, {}, kMoment, inbound);
  CorrelationTable table({});
  Count(state, [&] {
    base::Arena arena(blocks);
    inbound.context.trace_id.low += 1;
    CorrelationTable::Ticket ticket = table.Remember(inbound.context, kMoment.monotonic);
    Context outbound;
    outbound.trace_id = inbound.context.trace_id;
    benchmark::DoNotOptimize(table.Restore(outbound, kMoment.monotonic, arena));
    table.End(ticket, kMoment.monotonic);
  });
}

// As under load: the table is full of requests that are over, and each takes the place of the one that is so for longest.
void RememberEndInAFullTable(benchmark::State& state) {
  base::BlockPool blocks;
  base::Arena kept(blocks);
  const Fields fields = FullContext();
  http::HeaderMap head = MakeHead(fields, kept);
  Extraction inbound;
  Extract(head, {}, kMoment, inbound);
  CorrelationTable table({});
  std::string request_id(inbound.context.request_id);
  inbound.context.request_id = request_id;
  base::Random random(1);
  uint32_t number = 0;
  const auto hop = [&] {
    inbound.context.trace_id = {random.Next(), random.Next()};
    ++number;
    std::memcpy(request_id.data(), &number, sizeof number);
    CorrelationTable::Ticket ticket = table.Remember(inbound.context, kMoment.monotonic);
    table.End(ticket, kMoment.monotonic + 5s);
  };
  for (int i = 0; i < 40'000; ++i) hop();
  Count(state, hop);
}

BENCHMARK(HeadAlone);
BENCHMARK(ExtractFullContext);
BENCHMARK(ExtractAndInjectFullContext);
BENCHMARK(ExtractAndInjectAnotherContext);
BENCHMARK(ExtractAndInjectTraceAlone);
BENCHMARK(ExtractNothing);
BENCHMARK(RememberRestoreEnd);
BENCHMARK(RememberEndInAFullTable);

}  // namespace
}  // namespace pillion::context
