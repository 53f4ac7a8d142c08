#include "source/upstream/breaker.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pillion::upstream {
namespace {

TEST(Breaker, TakesUpToItsLimit) {
  Breaker breaker(2);
  EXPECT_FALSE(breaker.open());
  EXPECT_TRUE(breaker.Take());
  EXPECT_TRUE(breaker.Take());
  EXPECT_TRUE(breaker.open());
  EXPECT_FALSE(breaker.Take());
  EXPECT_EQ(breaker.used(), 2u);
  breaker.Give();
  EXPECT_TRUE(breaker.Take());
  breaker.TakeAnyway();
  EXPECT_EQ(breaker.used(), 3u);
  EXPECT_FALSE(breaker.Take());
}

TEST(Breaker, ZeroTakesNothing) {
  Breaker breaker(0);
  EXPECT_TRUE(breaker.open());
  EXPECT_FALSE(breaker.Take());
  EXPECT_EQ(breaker.used(), 0u);
}

TEST(Breaker, ExactOverThreads) {
  Breaker breaker(100);
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        if (breaker.Take()) ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 100);
  EXPECT_EQ(breaker.used(), 100u);
}

TEST(Breakers, EachHasItsLimit) {
  const Breakers breakers({.max_connections = 1, .max_pending_requests = 2, .max_requests = 3, .max_retries = 4});
  EXPECT_EQ(breakers.connections.limit(), 1u);
  EXPECT_EQ(breakers.pending_requests.limit(), 2u);
  EXPECT_EQ(breakers.requests.limit(), 3u);
  EXPECT_EQ(breakers.retries.limit(), 4u);
}

}  // namespace
}  // namespace pillion::upstream
