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

// A retry budget is a share of what is open or waits, and follows it.
TEST(RetryBreaker, Budget) {
  Breakers breakers({.max_retries = 100, .retry_budget = config::RetryBudget{.percent = 20, .min_concurrency = 2}});
  EXPECT_EQ(breakers.retries.limit(), 2u);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(breakers.requests.Take());
  EXPECT_EQ(breakers.retries.limit(), 2u);
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(breakers.pending_requests.Take());
  EXPECT_EQ(breakers.retries.limit(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(breakers.retries.Take());
  EXPECT_TRUE(breakers.retries.open());
  EXPECT_EQ(breakers.retries.remaining(), 0u);
  EXPECT_FALSE(breakers.retries.Take());
  for (int i = 0; i < 9; ++i) breakers.pending_requests.Give();
  EXPECT_EQ(breakers.retries.remaining(), 0u);  // more than may be now
  breakers.retries.Give();
  EXPECT_FALSE(breakers.retries.Take());
  breakers.retries.Give();
  EXPECT_EQ(breakers.retries.remaining(), 1u);
  EXPECT_TRUE(breakers.retries.Take());
}

}  // namespace
}  // namespace pillion::upstream
