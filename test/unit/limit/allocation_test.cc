// Decisions allocate nothing: on keys that are known, on new ones, and where there is no room.

#include <gtest/gtest.h>

#include <memory>

#include "source/limit/fields.h"
#include "source/limit/keyed_limit.h"
#include "test/support/counted_memory.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

TEST(AllocationTest, DecisionsAllocateNothing) {
  const auto limit = std::make_unique<KeyedLimit>(Terms{.window = SlidingWindow::Terms{.limit = 20, .length = 10s},
                                                        .bucket = TokenBucket::Terms{.burst = 5, .tokens = 5, .period = 1s}},
                                                  300);
  base::MonotonicTime now{1000s};
  char memory[kMostFieldBytes];
  uint64_t refused = 0, written = 0;
  const size_t before = test::Allocations();
  ASSERT_GT(before, 0u);  // the table's
  for (uint64_t i = 0; i < 20'000; ++i) {
    now += 1ms;
    const uint64_t number = i % 3 == 0 ? i % 50 : i;
    const std::string_view dimensions[] = {"payments", {reinterpret_cast<const char*>(&number), sizeof number}};
    const Key key = KeyOf({1, 2}, dimensions);
    limit->Prefetch(key);
    const Decision decision = limit->Decide(key, 1, now);
    refused += !decision.allowed();
    written += WriteRateLimit("payments", decision, memory).size();
    if (i % 7 == 0) limit->Charge(key, 3, now);
    if (decision.allowed() && i % 5 == 0) limit->GiveBack(key, 1, decision, now);
  }
  EXPECT_EQ(test::Allocations(), before);
  EXPECT_GT(written, 0u);
  EXPECT_GT(refused, 0u);
  const KeyedLimit::Counts counts = limit->Read();
  EXPECT_GT(counts.expired + counts.evicted, 0u);
  EXPECT_GT(counts.refused, 0u);  // keys that found no room
}

}  // namespace
}  // namespace pillion::limit
