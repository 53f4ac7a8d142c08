#include "source/tls/handshake_queue.h"

#include <vector>

#include "gtest/gtest.h"
#include "test/support/simulation.h"

namespace pillion::tls {
namespace {

struct Waiter final : HandshakeQueue::Waiter {
  void OnTurn() override { ++turns; }
  int turns = 0;
};

size_t Served(const std::vector<Waiter>& waiters) {
  size_t served = 0;
  for (const Waiter& waiter : waiters) served += static_cast<size_t>(waiter.turns);
  return served;
}

TEST(HandshakeQueue, SoManyInATurn) {
  test::Simulation simulation;
  HandshakeQueue queue(simulation.worker());
  std::vector<Waiter> waiters(3 * HandshakeQueue::kPerTurn);
  size_t at_once = 0;
  for (Waiter& waiter : waiters) at_once += queue.Enter(waiter) ? 1 : 0;
  EXPECT_EQ(at_once, HandshakeQueue::kPerTurn);
  EXPECT_FALSE(queue.Enter(waiters.back()));  // it waits already
  simulation.worker().RunTurn();
  EXPECT_EQ(Served(waiters), HandshakeQueue::kPerTurn);
  EXPECT_EQ(waiters[HandshakeQueue::kPerTurn].turns, 1);
  // Who comes now stands behind.
  Waiter late;
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
  std::vector<Waiter> first(HandshakeQueue::kPerTurn);
  for (Waiter& waiter : first) queue.Enter(waiter);
  {
    Waiter gone;
    EXPECT_FALSE(queue.Enter(gone));
  }
  while (simulation.worker().RunTurn()) {
  }
  EXPECT_EQ(Served(first), 0u);
}

}  // namespace
}  // namespace pillion::tls
