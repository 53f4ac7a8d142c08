#include "source/event/shared.h"

#include <gtest/gtest.h>

#include "test/support/simulated_clock.h"

namespace pillion::event {
namespace {

class SharedTest : public testing::Test {
 public:
  struct Object final : Shared {
    Object(Worker& worker, int& ended) : Shared(worker), ended(ended) {}
    ~Object() override { ++ended; }
    int& ended;
  };

  test::SimulatedClock clock;
  Worker worker{0, clock};
  int ended = 0;
};

TEST_F(SharedTest, ItEndsWithTheTurnInWhichTheLastLetsGo) {
  Kept<Object> first(new Object(worker, ended));
  Kept<Object> second = first;
  first = {};
  worker.RunTurn();
  EXPECT_EQ(ended, 0);
  Object* const last = second.get();
  second = {};
  EXPECT_EQ(last->ended, 0);  // still there
  worker.RunTurn();
  EXPECT_EQ(ended, 1);
}

TEST_F(SharedTest, WhoKeepsItAgainInThatTurnHasIt) {
  Kept<Object> kept(new Object(worker, ended));
  Object* const object = kept.get();
  kept = {};
  kept = Kept<Object>(object);
  worker.RunTurn();
  EXPECT_EQ(ended, 0);
  kept = {};
  kept = Kept<Object>(object);
  kept = {};
  worker.RunTurn();
  EXPECT_EQ(ended, 1);
}

TEST_F(SharedTest, MovedItIsKeptOnce) {
  Kept<Object> kept(new Object(worker, ended));
  Kept<Object> other = std::move(kept);
  EXPECT_FALSE(kept);
  EXPECT_TRUE(other);
  other = std::move(other);
  other = Kept<Object>();
  worker.RunTurn();
  EXPECT_EQ(ended, 1);
  EXPECT_FALSE(Kept<Object>(nullptr));
}

}  // namespace
}  // namespace pillion::event
