// Workers that decide on the same keys at once. Meant for ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "source/base/random.h"
#include "source/limit/keyed_limit.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};
constexpr size_t kWorkers = 4;

Key Of(uint64_t number) {
  const std::string text = std::to_string(number);
  const std::string_view dimensions[] = {text};
  return KeyOf({1, 2}, dimensions);
}

// One on the stack would not be aligned under AddressSanitizer (GCC 12).
std::unique_ptr<KeyedLimit> NewLimit(const Terms& terms, size_t most_keys) {
  return std::make_unique<KeyedLimit>(terms, most_keys);
}

template <typename F>
void OnEachWorker(F&& run) {
  std::vector<std::thread> threads;
  for (size_t worker = 0; worker < kWorkers; ++worker) threads.emplace_back([&, worker] { run(worker); });
  for (std::thread& thread : threads) thread.join();
}

// All together get just what there is: not one more, not one less.
TEST(KeyedLimitThreads, TheLimitIsThatOfAllWorkersTogether) {
  const auto limit = NewLimit({.window = SlidingWindow::Terms{.limit = 10'000, .length = 1h},
                               .bucket = TokenBucket::Terms{.burst = 9'000, .tokens = 1, .period = 1h}},
                              1000);
  constexpr uint64_t kKeys = 3;
  std::atomic<uint64_t> admitted[kKeys] = {};
  OnEachWorker([&](size_t) {
    for (uint64_t i = 0; i < 12'000; ++i) {
      if (limit->Decide(Of(i % kKeys), 1, kStart).allowed()) admitted[i % kKeys].fetch_add(1);
    }
  });
  for (const std::atomic<uint64_t>& of_key : admitted) EXPECT_EQ(of_key.load(), 9'000u);
}

// More keys than there is room for, some in use by all; clocks that differ; what one gives back others take.
TEST(KeyedLimitThreads, NoKeyGetsMoreWhereRoomIsShort) {
  constexpr uint64_t kLimit = 50, kKeys = 2000, kBusy = 8;
  const auto limit = NewLimit({.window = SlidingWindow::Terms{.limit = kLimit, .length = 1h}, .bucket = {}}, 600);
  std::atomic<uint64_t> admitted[kBusy] = {};
  std::atomic<uint64_t> shared{0};
  OnEachWorker([&](size_t worker) {
    base::Random random(worker + 1);
    for (uint64_t i = 0; i < 10'000; ++i) {
      const base::MonotonicTime now = kStart + base::Duration(i * 1000 + random.Below(100'000));
      const uint64_t key = random.Below(2) == 0 ? random.Below(kBusy) : random.Below(kKeys);
      const Decision decision = limit->Decide(Of(key), 1, now);
      shared.fetch_add(decision.shared);
      if (!decision.allowed()) continue;
      if (random.Below(4) == 0) {
        limit->GiveBack(Of(key), 1, decision, now);
      } else if (key < kBusy) {
        admitted[key].fetch_add(1);
      }
      if (i % 1000 == 0) {
        EXPECT_LE(limit->Read().keys, limit->Read().capacity);
      }
    }
  });
  for (const std::atomic<uint64_t>& of_key : admitted) EXPECT_LE(of_key.load(), kLimit);
  EXPECT_GT(shared.load(), 0u);
}

}  // namespace
}  // namespace pillion::limit
