#include "source/guard/verdict.h"

#include <gtest/gtest.h>

namespace pillion::guard {
namespace {

using std::chrono::milliseconds;

Figures Of(uint64_t requests, uint64_t errors, uint64_t overflows = 0) {
  return {.requests = requests, .errors = errors, .overflows = overflows};
}

Figures Slow(uint64_t requests, uint64_t took) {
  Figures figures{.requests = requests};
  figures.milliseconds[stats::HistogramLayout::Index(took)] = requests;
  return figures;
}

TEST(VerdictTest, ErrorRatio) {
  const config::Guard guard{.error_ratio = config::Guard::ErrorRatio{}};
  EXPECT_EQ(Judge(guard, Of(1000, 2), Of(1000, 340)), "error ratio 0.2 % -> 34 %");
  EXPECT_EQ(Judge(guard, Of(1000, 0), Of(1000, 1000)), "error ratio 0 % -> 100 %");
  EXPECT_EQ(Judge(guard, Of(1000, 0), Of(1000, 51)), "error ratio 0 % -> 5.1 %");
  EXPECT_EQ(Judge(guard, Of(1000, 0), Of(1000, 50)), "");
  EXPECT_EQ(Judge(guard, Of(1000, 500), Of(1000, 549)), "");
  EXPECT_EQ(Judge(guard, Of(1000, 500), Of(1000, 0)), "");
}

// Both must be passed.
TEST(VerdictTest, ErrorRatioByAFactor) {
  const config::Guard guard{.error_ratio = config::Guard::ErrorRatio{.most_rise = 0.01, .most_factor = 3}};
  EXPECT_EQ(Judge(guard, Of(1000, 100), Of(1000, 299)), "");
  EXPECT_EQ(Judge(guard, Of(1000, 100), Of(1000, 301)), "error ratio 10 % -> 30 %");
  EXPECT_EQ(Judge(guard, Of(1000, 1), Of(1000, 10)), "");
}

TEST(VerdictTest, FewRequestsAreNotBelieved) {
  config::Guard guard{.least_requests = 50, .error_ratio = config::Guard::ErrorRatio{}, .p99 = config::Guard::P99{}};
  EXPECT_EQ(Judge(guard, Of(1000, 0), Of(49, 49)), "");
  EXPECT_EQ(Judge(guard, Of(49, 0), Of(1000, 1000)), "");
  EXPECT_EQ(Judge(guard, Of(50, 0), Of(50, 50)), "error ratio 0 % -> 100 %");
  EXPECT_EQ(Judge(guard, Of(0, 0), Of(0, 0)), "");
  EXPECT_EQ(Judge(guard, Slow(1000, 10), Slow(49, 9000)), "");
}

TEST(VerdictTest, P99) {
  const config::Guard guard{.p99 = config::Guard::P99{}};
  EXPECT_EQ(Judge(guard, Slow(100, 16), Slow(100, 30)), "");     // by less than 100 ms
  EXPECT_EQ(Judge(guard, Slow(100, 512), Slow(100, 960)), "");   // less than twice as long
  const std::string worse = Judge(guard, Slow(100, 16), Slow(100, 1024));
  EXPECT_TRUE(worse.starts_with("p99 16 ms -> 10")) << worse;
  // Errors are no matter where nobody asks for them.
  EXPECT_EQ(Judge(guard, Of(100, 0), Of(100, 100)), "");
}

TEST(VerdictTest, BreakerOpens) {
  const config::Guard guard{.breaker_opens = config::Guard::BreakerOpens{.most_rise = 5}};
  EXPECT_EQ(Judge(guard, Of(3, 0, 2), Of(9, 0, 7)), "");
  EXPECT_EQ(Judge(guard, Of(3, 0, 2), Of(9, 0, 8)), "refused by circuit breakers 2 -> 8");
}

TEST(VerdictTest, AllThatIsWorse) {
  config::Guard guard{.error_ratio = config::Guard::ErrorRatio{}, .breaker_opens = config::Guard::BreakerOpens{}};
  EXPECT_EQ(Judge(guard, Of(100, 1), Of(200, 100, 11)), "error ratio 1 % -> 50 %, refused by circuit breakers 0 -> 11");
}

}  // namespace
}  // namespace pillion::guard
