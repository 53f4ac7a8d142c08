// Inbound requests on some workers, the outbound ones that belong to them on others. Meant for ThreadSanitizer.

#include <gtest/gtest.h>

#include <memory>
#include <atomic>
#include <thread>
#include <vector>

#include "source/context/correlation.h"

namespace pillion::context {
namespace {

using namespace std::chrono_literals;
using Outcome = CorrelationTable::Outcome;

Context Of(uint64_t trace, SpanId span) {
  Context context;
  context.trace_id = {trace, ~trace};
  context.span_id = span;
  return context;
}

// Each pair of workers passes numbers of requests from the inbound one to the outbound one.
TEST(CorrelationThreads, WhatOneWorkerRemembersAnotherFinds) {
  constexpr size_t kPairs = 2;
  constexpr uint64_t kRequests = 5'000;
  constexpr uint64_t kSharedTrace = 1;  // of all pairs: a fan-out, told apart by its spans
  // One on the stack would not be aligned under AddressSanitizer (GCC 12).
  const auto owned = std::make_unique<CorrelationTable>(CorrelationTable::Options{.capacity = 4096, .seed = 9});
  CorrelationTable& table = *owned;
  struct Pair {
    std::atomic<uint64_t> begun{0};
    std::atomic<uint64_t> found{0};
  };
  std::vector<Pair> pairs(kPairs);
  std::atomic<int64_t> seconds{1};  // the clock of all; each step is longer than the grace
  std::vector<std::thread> threads;
  for (size_t p = 0; p < kPairs; ++p) {
    threads.emplace_back([&, p] {
      for (uint64_t i = 1; i <= kRequests; ++i) {
        const base::MonotonicTime now{seconds.fetch_add(10) * 1s};
        Context own = Of(1000 * (p + 1) + i, i), shared = Of(kSharedTrace, 1000 * (p + 1) * 1000 + i);
        own.biz_flags = shared.biz_flags = static_cast<uint16_t>(i | 1);
        CorrelationTable::Ticket first = table.Remember(own, now), second = table.Remember(shared, now);
        pairs[p].begun.store(i);
        while (pairs[p].found.load() < i) std::this_thread::yield();
        table.End(first, now + 1s);
        table.End(second, now + 1s);
      }
    });
    threads.emplace_back([&, p] {
      base::BlockPool blocks;
      for (uint64_t i = 1; i <= kRequests; ++i) {
        while (pairs[p].begun.load() < i) std::this_thread::yield();
        base::Arena arena(blocks);
        for (Context outbound : {Of(1000 * (p + 1) + i, i), Of(kSharedTrace, 1000 * (p + 1) * 1000 + i)}) {
          EXPECT_EQ(table.Restore(outbound, base::MonotonicTime(seconds.load() * 1s), arena), Outcome::kRestored);
          EXPECT_EQ(outbound.biz_flags, static_cast<uint16_t>(i | 1));
        }
        pairs[p].found.store(i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const CorrelationTable::Counts counts = table.Read(base::MonotonicTime());
  EXPECT_EQ(counts.restored, 2 * kPairs * kRequests);
  EXPECT_EQ(counts.refused, 0u);
}

// Too little room for all: nobody finds what is another's.
TEST(CorrelationThreads, NobodyFindsAnothersWhereRoomIsShort) {
  constexpr size_t kWorkers = 4;
  constexpr uint64_t kRequests = 3'000;
  const auto owned = std::make_unique<CorrelationTable>(CorrelationTable::Options{.capacity = 32, .seed = 9});
  CorrelationTable& table = *owned;
  std::vector<std::thread> threads;
  std::atomic<uint64_t> restored{0};
  for (size_t w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      base::BlockPool blocks;
      std::vector<CorrelationTable::Ticket> open(8);
      for (uint64_t i = 0; i < kRequests; ++i) {
        const base::MonotonicTime now{i * 1ms};
        base::Arena arena(blocks);
        const uint64_t trace = i * kWorkers + w + 1;
        Context inbound = Of(trace, 1);
        inbound.biz_flags = static_cast<uint16_t>(trace % 60'000 + 1);
        CorrelationTable::Ticket& ticket = open[i % open.size()];
        table.End(ticket, now + 1s);
        ticket = table.Remember(inbound, now);
        Context outbound = Of(trace, 2);
        const Outcome outcome = table.Restore(outbound, now, arena);
        EXPECT_EQ(outcome, ticket.place == 0 ? Outcome::kUnknown : Outcome::kRestored);
        if (outcome == Outcome::kRestored) {
          EXPECT_EQ(outbound.biz_flags, inbound.biz_flags);
          restored.fetch_add(1);
        }
        if (i % 100 == 0) {
          EXPECT_LE(table.Read(now).size, table.Read(now).capacity);
        }
      }
      for (CorrelationTable::Ticket& ticket : open) table.End(ticket, base::MonotonicTime(kRequests * 1ms));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(restored.load(), 0u);
}

}  // namespace
}  // namespace pillion::context
