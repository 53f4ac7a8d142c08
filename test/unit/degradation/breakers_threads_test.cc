#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "source/degradation/breakers.h"

namespace pillion::degradation {
namespace {

using namespace std::chrono_literals;

// As many workers as threads, on few keys: what passed comes to what was counted, and never more probes than there may be.
TEST(BreakersThreads, CountExactly) {
  constexpr uint32_t kProbes = 3;
  constexpr int kThreads = 2;
  const auto made = std::make_unique<Breakers>(Terms{.threshold = 0.5, .minimum = 4, .open_for = 2ms, .probes = kProbes}, 2);
  Breakers& breakers = *made;
  std::atomic<int64_t> clock{1'000'000'000};
  std::atomic<uint64_t> passed{0}, refused{0}, unguarded{0}, opened{0}, half_opened{0}, closed{0};
  const auto work = [&](int index) {
    for (int i = 0; i < 30'000; ++i) {
      const base::MonotonicTime now(1ns * (clock += 1000));
      const std::string key(1, static_cast<char>('a' + (i + index) % 3));
      const auto see = [&](const Changes& changes) {
        for (const Change& change : changes.list()) {
          opened += change.to == State::kOpen;
          half_opened += change.to == State::kHalfOpen;
          closed += change.to == State::kClosed;
        }
      };
      Breakers::Answer answer = breakers.Ask(key, now);
      see(answer.changes);
      if (!answer.passes) {
        ++refused;
        continue;
      }
      (answer.pass.is_guarded() ? passed : unguarded) += 1;
      see(breakers.Begin(answer.pass, now));
      const Verdict verdict = i % 7 == 0 ? Verdict::kUnknown : i / 500 % 2 == 0 ? Verdict::kGood : Verdict::kBad;
      see(breakers.End(answer.pass, verdict, base::MonotonicTime(1ns * (clock += 1000))).changes);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  const Breakers::Counts counts = breakers.Read();
  EXPECT_EQ(counts.breakers, 2u);
  EXPECT_EQ(opened - half_opened, counts.by_state[static_cast<size_t>(State::kOpen)]);
  EXPECT_EQ(unguarded, counts.no_room);
  EXPECT_GT(opened, 2u);
  EXPECT_LE(half_opened, opened);
  EXPECT_LE(closed, half_opened);
  EXPECT_GT(closed, 0u);
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace pillion::degradation
