// What is asked of breakers that are there allocates nothing, whatever their state.

#include <gtest/gtest.h>

#include <memory>

#include "source/degradation/breakers.h"
#include "test/support/counted_memory.h"

namespace pillion::degradation {
namespace {

using namespace std::chrono_literals;

TEST(AllocationTest, AsksAndEndsAllocateNothing) {
  const auto breakers = std::make_unique<Breakers>(
      Terms{.threshold = 0.5, .minimum = 4, .open_for = 20ms, .probes = 2, .recovery_windows = 2}, 3);
  constexpr std::string_view kKeys[] = {"route=payments, lane=env=gray,version=v2.1", "route=payments", "route=reports", "d"};
  base::MonotonicTime now{1000s};
  for (int i = 0; i < 3; ++i) (void)breakers->Ask(kKeys[i], now);
  const size_t before = test::Allocations();
  ASSERT_GT(before, 0u);
  uint64_t refused = 0, changes = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += 1ms;
    // No room is made for the last: the others are busy.
    const std::string_view key = kKeys[i % 4];
    Breakers::Answer answer = breakers->Ask(key, now);
    changes += answer.changes.list().size();
    refused += !answer.passes;
    if (!answer.passes) continue;
    (void)breakers->Begin(answer.pass, now);
    const Verdict verdict = i / 2000 % 2 == 0 ? Verdict::kGood : Verdict::kBad;
    changes += breakers->End(answer.pass, verdict, now).changes.list().size();
    (void)breakers->Spoil(answer.pass, now);
  }
  EXPECT_EQ(test::Allocations(), before);
  EXPECT_GT(refused, 0u);
  EXPECT_GT(changes, 0u);
  EXPECT_GT(breakers->Read().no_room, 0u);
}

}  // namespace
}  // namespace pillion::degradation
