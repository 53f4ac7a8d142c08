#include "source/server/memory_return.h"

#include <gtest/gtest.h>

#include "test/support/simulated_timers.h"

namespace pillion::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MemoryReturnTest : public testing::Test {
 protected:
  // A large change each `apart`, for as long as `during`.
  void Change(base::Duration apart, base::Duration during) {
    for (base::Duration passed{}; passed < during; passed += apart) {
      memory_.OnRead(MemoryReturn::kLarge);
      timers_.Advance(apart);
    }
  }

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  int given_back_ = 0;
  MemoryReturn memory_{timers_, clock_, [this] { ++given_back_; }};
};

TEST_F(MemoryReturnTest, OnceNothingMoreComes) {
  memory_.OnRead(MemoryReturn::kLarge);
  timers_.Advance(MemoryReturn::kQuiet - milliseconds(1));
  memory_.OnRead(1);
  timers_.Advance(MemoryReturn::kQuiet - milliseconds(1));
  EXPECT_EQ(given_back_, 0);
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(given_back_, 1);
  timers_.Advance(seconds(1000));
  EXPECT_EQ(given_back_, 1);
}

TEST_F(MemoryReturnTest, SmallChangesCountTogether) {
  memory_.OnRead(MemoryReturn::kLarge - 1);
  timers_.Advance(seconds(1));
  EXPECT_EQ(given_back_, 0);
  memory_.OnRead(1);
  timers_.Advance(seconds(1));
  EXPECT_EQ(given_back_, 1);
  memory_.OnRead(1);  // of the next ones
  timers_.Advance(seconds(1000));
  EXPECT_EQ(given_back_, 1);
}

// What comes in the pause waits for its end, and is not forgotten.
TEST_F(MemoryReturnTest, AtMostOnceInAMinute) {
  memory_.OnRead(MemoryReturn::kLarge);
  timers_.Advance(MemoryReturn::kQuiet);
  EXPECT_EQ(given_back_, 1);
  timers_.Advance(seconds(5));
  memory_.OnRead(MemoryReturn::kLarge);
  timers_.Advance(MemoryReturn::kPause - seconds(5) - milliseconds(1));
  EXPECT_EQ(given_back_, 1);
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(given_back_, 2);
}

// A table that changes every few seconds, for ten minutes.
TEST_F(MemoryReturnTest, ChangesThatDoNotEnd) {
  Change(seconds(3), seconds(600));
  EXPECT_GE(given_back_, 9);
  EXPECT_LE(given_back_, 10);
}

// The end of the pause does not come in between changes that follow each other fast.
TEST_F(MemoryReturnTest, WaitsForQuietAlsoAfterThePause) {
  memory_.OnRead(MemoryReturn::kLarge);
  timers_.Advance(MemoryReturn::kQuiet);
  Change(milliseconds(100), 2 * MemoryReturn::kPause);
  EXPECT_EQ(given_back_, 1);
  timers_.Advance(MemoryReturn::kQuiet);
  EXPECT_EQ(given_back_, 2);
}

}  // namespace
}  // namespace pillion::server
