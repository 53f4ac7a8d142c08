#include "source/xds/complaints.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/support/simulated_clock.h"

namespace pillion::xds {
namespace {

class ComplaintsTest : public testing::Test {
 protected:
  test::SimulatedClock clock_;
  std::vector<std::string> log_;
  Complaints complaints_{clock_, [this](std::string_view line) { log_.emplace_back(line); }};
};

TEST_F(ComplaintsTest, EachOnceUntilItWentWell) {
  for (int i = 0; i < 5; ++i) {  // two that take turns
    complaints_.Say("junk");
    complaints_.Say("it ended");
  }
  EXPECT_EQ(log_, (std::vector<std::string>{"junk", "it ended"}));
  complaints_.Reset();
  complaints_.Say("junk");
  EXPECT_EQ(log_.size(), 3u);
}

TEST_F(ComplaintsTest, NeverMoreThanOneASecondInTheLongRun) {
  for (int i = 0; i < 1000; ++i) {
    complaints_.Say(std::to_string(i));
    complaints_.Reset();
  }
  EXPECT_EQ(log_.size(), static_cast<size_t>(Complaints::kBurst));
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(std::chrono::milliseconds(500));
    complaints_.Say("again " + std::to_string(i));
  }
  EXPECT_EQ(log_.size(), static_cast<size_t>(Complaints::kBurst) + 50);
}

TEST_F(ComplaintsTest, OneLineOfBoundedLength) {
  complaints_.Say("a\n[critical] b\x1b[0m");
  EXPECT_EQ(log_.at(0), "a\\n[critical] b\\x1b[0m");
  complaints_.Say(std::string(100'000, 'x'));
  EXPECT_EQ(log_.at(1).size(), Complaints::kMostBytes + 3);
}

}  // namespace
}  // namespace pillion::xds
