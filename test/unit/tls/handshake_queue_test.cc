#include "source/tls/handshake_queue.h"

#include <deque>

#include "gtest/gtest.h"
#include "test/support/simulation.h"

namespace pillion::tls {
namespace {

struct Waiter final : HandshakeQueue::Waiter {
  explicit Waiter(HandshakeQueue& queue) : queue(queue) {}
  ~Waiter() { queue.Leave(*this); }
  void OnTurn() override { ++turns; }
  void OnGivenUp() override {
    given_up = true;
    queue.Leave(*this);
  }
  HandshakeQueue& queue;
  int turns = 0;
  bool given_up = false;
};

using Waiters = std::deque<Waiter>;

Waiters Crowd(HandshakeQueue& queue, size_t size) {
  Waiters waiters;
  for (size_t i = 0; i < size; ++i) waiters.emplace_back(queue);
  return waiters;
}

size_t Served(const Waiters& waiters) {
  size_t served = 0;
  for (const Waiter& waiter : waiters) served += static_cast<size_t>(waiter.turns);
  return served;
}

TEST(HandshakeQueue, SoManyInATurn) {
  test::Simulation simulation;
  HandshakeQueue queue(simulation.worker());
  Waiters waiters = Crowd(queue, 3 * HandshakeQueue::kPerTurn);
  size_t at_once = 0;
  for (Waiter& waiter : waiters) at_once += queue.Enter(waiter) ? 1 : 0;
  EXPECT_EQ(at_once, HandshakeQueue::kPerTurn);
  EXPECT_FALSE(queue.Enter(waiters.back()));  // it waits already
  simulation.worker().RunTurn();
  EXPECT_EQ(Served(waiters), HandshakeQueue::kPerTurn);
  EXPECT_EQ(waiters[HandshakeQueue::kPerTurn].turns, 1);
  // Who comes now stands behind.
  Waiter late(queue);
  EXPECT_FALSE(queue.Enter(late));
  simulation.worker().RunTurn();
  EXPECT_EQ(Served(waiters), 2 * HandshakeQueue::kPerTurn);
  EXPECT_EQ(late.turns, 0);
  while (simulation.worker().RunTurn()) {
  }
  EXPECT_EQ(late.turns, 1);
  EXPECT_TRUE(queue.Enter(late));
}

TEST(HandshakeQueue, WhoIsGoneIsNotCalled) {
  test::Simulation simulation;
  HandshakeQueue queue(simulation.worker());
  Waiters first = Crowd(queue, HandshakeQueue::kPerTurn);
  for (Waiter& waiter : first) queue.Enter(waiter);
  {
    Waiter gone(queue);
    EXPECT_FALSE(queue.Enter(gone));
  }
  while (simulation.worker().RunTurn()) {
  }
  EXPECT_EQ(Served(first), 0u);
}

// Else in a crowd all would begin before one ends.
TEST(HandshakeQueue, WhoIsUnderWayGoesFirst) {
  test::Simulation simulation;
  HandshakeQueue queue(simulation.worker());
  Waiters first = Crowd(queue, HandshakeQueue::kPerTurn);
  for (Waiter& waiter : first) EXPECT_TRUE(queue.Enter(waiter));
  Waiters crowd = Crowd(queue, HandshakeQueue::kPerTurn);
  for (Waiter& waiter : crowd) EXPECT_FALSE(queue.Enter(waiter));
  EXPECT_FALSE(queue.Enter(first.back()));
  simulation.worker().RunTurn();
  EXPECT_EQ(first.back().turns, 1);
  EXPECT_EQ(Served(crowd), HandshakeQueue::kPerTurn - 1);
}

TEST(HandshakeQueue, TheOldestUnderWayMakesRoom) {
  test::Simulation simulation;
  HandshakeQueue queue(simulation.worker());
  Waiters waiters = Crowd(queue, HandshakeQueue::kUnderWay + 2);
  for (Waiter& waiter : waiters) queue.Enter(waiter);
  queue.Leave(waiters[1]);
  while (simulation.worker().RunTurn()) {
  }
  EXPECT_TRUE(waiters[0].given_up);
  EXPECT_FALSE(waiters[1].given_up);  // it had left
  EXPECT_FALSE(waiters[2].given_up);
  EXPECT_EQ(waiters.back().turns, 1);
}

}  // namespace
}  // namespace pillion::tls
