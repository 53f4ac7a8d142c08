#include "source/event/retired.h"

#include <gtest/gtest.h>

#include "test/support/simulated_timers.h"

namespace pillion::event {
namespace {

TEST(Retired, EachEndsAfterItsLastUser) {
  test::SimulatedClock clock;
  test::SimulatedTimers timers(clock);
  Retired retired(timers);
  auto one = std::make_shared<int>(1), two = std::make_shared<int>(2);
  const std::weak_ptr<int> first = one, second = two;
  retired.Add(one);
  retired.Add(one);  // twice is once
  retired.Add(two);
  one.reset();
  EXPECT_FALSE(first.expired());
  timers.Advance(Retired::kSweep);
  EXPECT_TRUE(first.expired());
  EXPECT_FALSE(second.expired());
  two.reset();
  timers.Advance(Retired::kSweep);
  EXPECT_TRUE(second.expired());
}

TEST(Retired, NothingEndsOnceItIsStopped) {
  test::SimulatedClock clock;
  test::SimulatedTimers timers(clock);
  Retired retired(timers);
  auto part = std::make_shared<int>(1);
  const std::weak_ptr<int> kept = part;
  retired.Add(std::move(part));
  retired.Stop();
  timers.Advance(3 * Retired::kSweep);
  EXPECT_FALSE(kept.expired());
}

}  // namespace
}  // namespace pillion::event
