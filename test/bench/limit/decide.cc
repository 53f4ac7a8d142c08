// What a decision costs: both stages, a key of two dimensions with its hash, a table that has a million keys. Time is that of
// each worker. Memory that a worker allocates is counted. Run optimised:
//   bazel run --config=opt //test/bench/limit:decide

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "source/base/random.h"
#include "source/limit/keyed_limit.h"
#include "test/support/counted_memory.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kKeys = 1'000'000;
constexpr base::MonotonicTime kStart{1000s};
constexpr Secret kSecret{0x0123456789abcdef, 0xfedcba9876543210};

Key Of(uint64_t number) {
  char tenant[16] = {'t', 'e', 'n', 'a', 'n', 't', '-', '-'};
  std::memcpy(tenant + 8, &number, sizeof number);
  const std::string_view dimensions[] = {{tenant, sizeof tenant}, "payments"};
  return KeyOf(kSecret, dimensions);
}

const Terms kTerms{.window = SlidingWindow::Terms{.limit = 6000, .length = 60s},
                   .bucket = TokenBucket::Terms{.burst = 200, .tokens = 100, .period = 1s}};

KeyedLimit& Limit() {
  static const std::unique_ptr<KeyedLimit> limit = [] {
    auto made = std::make_unique<KeyedLimit>(kTerms, kKeys + kKeys / 20);
    for (uint64_t key = 0; key < kKeys; ++key) made->Decide(Of(key), 1, kStart);
    return made;
  }();
  return *limit;
}

// Keys as they come: each as often as any other, or by its rank (Zipf's law with an exponent of 1).
std::vector<uint32_t> Keys(bool ranked, uint64_t seed) {
  base::Random random(seed);
  std::vector<uint32_t> keys(size_t{1} << 20);
  for (uint32_t& key : keys) {
    const double any = static_cast<double>(random.Below(1u << 30)) / (1u << 30);
    key = static_cast<uint32_t>(ranked ? std::pow(static_cast<double>(kKeys), any) - 1 : any * static_cast<double>(kKeys));
  }
  return keys;
}

// `hot` of 4 decisions are on one key, which all workers have; the others are on any.
void Decide(benchmark::State& state) {
  const uint64_t hot = static_cast<uint64_t>(state.range(0));
  KeyedLimit& limit = Limit();
  const std::vector<uint32_t> keys = Keys(state.range(1) != 0, static_cast<uint64_t>(state.thread_index()) + 1);
  const size_t before = test::Allocations();
  uint64_t i = 0;
  base::MonotonicTime now = kStart;
  for (auto _ : state) {
    if (++i % 32 == 0) now += 10us;  // a turn
    const uint64_t key = i % 4 < hot ? 0 : keys[i % keys.size()];
    benchmark::DoNotOptimize(limit.Decide(Of(key), 1, now));
  }
  state.counters["allocations"] = static_cast<double>(test::Allocations() - before);  // of all workers together
  if (state.thread_index() == 0) state.counters["keys"] = static_cast<double>(limit.Read().keys);
}
BENCHMARK(Decide)->ArgNames({"hot", "ranked"})->Args({0, 0})->Args({0, 1})->Args({4, 0})->Threads(1)->UseRealTime();
BENCHMARK(Decide)->ArgNames({"hot", "ranked"})->Args({0, 0})->Args({0, 1})->Args({2, 1})->Args({4, 0})->Threads(2)->UseRealTime();

// Several keys' memory is fetched at once: those of a turn, or of a request's rules.
void DecideAfterPrefetch(benchmark::State& state) {
  KeyedLimit& limit = Limit();
  const std::vector<uint32_t> keys = Keys(state.range(0) != 0, 1);
  uint64_t i = 0;
  base::MonotonicTime now = kStart;
  Key turn[4];
  while (state.KeepRunningBatch(std::size(turn))) {
    now += 1us;
    for (Key& key : turn) limit.Prefetch(key = Of(keys[++i % keys.size()]));
    for (const Key& key : turn) benchmark::DoNotOptimize(limit.Decide(key, 1, now));
  }
}
BENCHMARK(DecideAfterPrefetch)->ArgName("ranked")->Arg(0)->Arg(1);

// A flood: each key is new, and none of those that are there may be forgotten.
void Newcomers(benchmark::State& state) {
  KeyedLimit limit(kTerms, 100'000);
  uint64_t key = 0;
  while (limit.Read().refused < 1000) {
    for (int i = 0; i < 1000; ++i) limit.Decide(Of(++key), 1, kStart);
  }
  for (auto _ : state) benchmark::DoNotOptimize(limit.Decide(Of(++key), 1, kStart));
  state.counters["refused"] = static_cast<double>(limit.Read().refused);
}
BENCHMARK(Newcomers);

void KeyOfTwoDimensions(benchmark::State& state) {
  uint64_t key = 0;
  for (auto _ : state) benchmark::DoNotOptimize(Of(++key));
}
BENCHMARK(KeyOfTwoDimensions);

}  // namespace
}  // namespace pillion::limit
