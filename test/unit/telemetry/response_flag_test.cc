#include "source/telemetry/response_flag.h"

#include <gtest/gtest.h>

#include <set>

namespace pillion::telemetry {
namespace {

TEST(ResponseFlags, AreWrittenInTheirOrder) {
  ResponseFlags flags;
  std::string out;
  flags.AppendShortNames(out);
  EXPECT_EQ(out, "");
  EXPECT_TRUE(flags.empty());
  flags.Set(ResponseFlag::kUpstreamRequestTimeout);
  flags.Set(ResponseFlag::kUpstreamRetryLimitExceeded);
  flags.AppendShortNames(out);
  EXPECT_EQ(out, "URX,UT");
  out.clear();
  flags.AppendLongNames(out);
  EXPECT_EQ(out, "UpstreamRetryLimitExceeded,UpstreamRequestTimeout");
  EXPECT_TRUE(flags.Has(ResponseFlag::kUpstreamRequestTimeout));
  EXPECT_FALSE(flags.Has(ResponseFlag::kNoRouteFound));
}

TEST(ResponseFlags, OneMayBeTheLast) {
  ResponseFlags flags;
  flags.SetLast(ResponseFlag::kUpstreamRetryLimitExceeded);
  flags.Set(ResponseFlag::kUpstreamConnectionFailure);
  std::string out;
  flags.AppendShortNames(out);
  EXPECT_EQ(out, "UF,URX");
  EXPECT_TRUE(flags.Has(ResponseFlag::kUpstreamRetryLimitExceeded));
}

TEST(ResponseFlags, AsEnvoyNumbersThem) {
  EXPECT_EQ(EnvoyBits({}), 0u);
  EXPECT_EQ(EnvoyBits(ResponseFlag::kFailedLocalHealthCheck), 1u);
  EXPECT_EQ(EnvoyBits(ResponseFlag::kUpstreamConnectionFailure), 32u);
  EXPECT_EQ(EnvoyBits(ResponseFlag::kNoRouteFound), 256u);
  EXPECT_EQ(EnvoyBits(ResponseFlag::kRateLimited), 2048u);
  std::set<uint64_t> seen;
  ResponseFlags all;
  for (int i = 0; i < static_cast<int>(ResponseFlag::kCount); ++i) {
    EXPECT_TRUE(seen.insert(EnvoyBits(static_cast<ResponseFlag>(i))).second);
    all.Set(static_cast<ResponseFlag>(i));
  }
  EXPECT_EQ(EnvoyBits(all), (uint64_t{1} << static_cast<int>(ResponseFlag::kCount)) - 1);
}

TEST(ResponseFlags, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < static_cast<int>(ResponseFlag::kCount); ++i) {
    EXPECT_TRUE(names.insert(ShortName(static_cast<ResponseFlag>(i))).second);
    EXPECT_TRUE(names.insert(LongName(static_cast<ResponseFlag>(i))).second);
  }
}

}  // namespace
}  // namespace pillion::telemetry
