#include "source/http/grpc_timeout.h"

#include <gtest/gtest.h>

namespace pillion::http {
namespace {

using namespace std::chrono_literals;

TEST(GrpcTimeoutTest, Parses) {
  EXPECT_EQ(ParseGrpcTimeout("1n"), 1ns);
  EXPECT_EQ(ParseGrpcTimeout("20u"), 20us);
  EXPECT_EQ(ParseGrpcTimeout("300m"), 300ms);
  EXPECT_EQ(ParseGrpcTimeout("4S"), 4s);
  EXPECT_EQ(ParseGrpcTimeout("5M"), 5min);
  EXPECT_EQ(ParseGrpcTimeout("6H"), 6h);
  EXPECT_EQ(ParseGrpcTimeout("00000000m"), 0ms);
  EXPECT_EQ(ParseGrpcTimeout("99999999H"), 87'600h);  // ten years
  for (const char* bad : {"", "m", "1", "1x", "-1m", "+1m", " 1m", "1 m", "123456789m", "1mm", "0x1m"}) {
    EXPECT_EQ(ParseGrpcTimeout(bad), std::nullopt) << bad;
  }
}

TEST(GrpcTimeoutTest, Writes) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  EXPECT_EQ(GrpcTimeoutText(0ms, arena), "0m");
  EXPECT_EQ(GrpcTimeoutText(999us, arena), "0m");
  EXPECT_EQ(GrpcTimeoutText(1500ms, arena), "1500m");
  EXPECT_EQ(GrpcTimeoutText(99'999'999ms, arena), "99999999m");
  EXPECT_EQ(GrpcTimeoutText(100'000'000ms, arena), "100000S");
  EXPECT_EQ(GrpcTimeoutText(std::chrono::hours(100'000), arena), "6000000M");
}

}  // namespace
}  // namespace pillion::http
