#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "source/limit/concurrency.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

// As many workers as threads: what is in flight is never more than the most, and comes to nothing in the end.
TEST(ConcurrencyLimitThreads, CountsExactly) {
  constexpr uint32_t kMost = 40;
  ConcurrencyLimit limit({.initial = 20, .most = kMost, .window = 1ms});
  std::atomic<int> in_flight{0};
  std::atomic<int> most{0};
  const auto work = [&](size_t index) {
    base::MonotonicTime now{1h};
    std::vector<ConcurrencyLimit::Ticket> tickets;
    for (int i = 0; i < 20'000; ++i) {
      now += 10us;
      if (const auto ticket = limit.Admit(static_cast<Priority>((index + i) % kPriorities), now)) {
        tickets.push_back(*ticket);
        const int count = ++in_flight;
        int seen = most;
        while (count > seen && !most.compare_exchange_weak(seen, count)) continue;
      }
      if (tickets.size() > index + i % 8 || i == 19'999) {
        for (const auto& ticket : tickets) {
          --in_flight;
          limit.End(ticket, ConcurrencyLimit::Outcome::kAnswered, 1ms + i * 1ns, now);
        }
        tickets.clear();
      }
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(limit.figures().in_flight, 0u);
  EXPECT_LE(most, static_cast<int>(kMost));
  EXPECT_GT(most, 1);
}

}  // namespace
}  // namespace pillion::limit
