#include "source/proxy/trace_reason.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::proxy {
namespace {

class TraceReasonTest : public testing::Test {
 protected:
  // The reason that the id says afterwards.
  char After(const config::TraceSampling& sampling, const std::string& id, std::string_view field = "") {
    http::RequestHead head(arena_);
    head.headers.Add(http::HeaderId::kXRequestId, arena_.Copy(id));
    if (!field.empty()) head.headers.Add(field, "1");
    DecideTracing(head, sampling, random_);
    const std::string_view after = head.headers.Get(http::HeaderId::kXRequestId);
    EXPECT_EQ(after.size(), id.size());
    if (after.size() != 36) return after == id ? '-' : '!';
    EXPECT_EQ(std::string(after).replace(14, 1, "x"), std::string(id).replace(14, 1, "x"));
    return after[14];
  }
  // An id that stands for a number.
  static std::string Id(const std::string& number, char reason = '4') {
    return number + "-0000-" + reason + "000-8000-000000000000";
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  base::Random random_{1};
};

TEST_F(TraceReasonTest, ByChanceAsTheIdHasIt) {
  EXPECT_EQ(After({}, Id("00000000")), '9');
  EXPECT_EQ(After({.random = 5000}, Id("00001387")), '9');  // 4999
  EXPECT_EQ(After({.random = 5000}, Id("00001388")), '4');
  EXPECT_EQ(After({.random = 5000}, Id("00002710")), '9');  // 10000
  EXPECT_EQ(After({.random = 0}, Id("00000000")), '4');
}

TEST_F(TraceReasonTest, WhoAsksForIt) {
  EXPECT_EQ(After({.random = 0}, Id("00000000"), "x-client-trace-id"), 'b');
  EXPECT_EQ(After({.client = 0, .random = 0}, Id("00000000"), "x-client-trace-id"), '4');
  EXPECT_EQ(After({.random = 0}, Id("00000000"), "x-envoy-force-trace"), 'a');
}

TEST_F(TraceReasonTest, OverallIsABoundOfAll) {
  EXPECT_EQ(After({.overall = 0}, Id("00000000"), "x-client-trace-id"), '4');
  EXPECT_EQ(After({.overall = 1}, Id("00000001", 'a')), '4');
}

TEST_F(TraceReasonTest, WhatWasDecidedBeforeStays) {
  for (const char reason : {'9', 'a', 'b'}) EXPECT_EQ(After({.random = 0}, Id("00000000", reason)), reason);
}

TEST_F(TraceReasonTest, IdsThatAreLeftAlone) {
  EXPECT_EQ(After({.by_request_id = false}, Id("00000000")), '4');
  EXPECT_EQ(After({.tells_by_id = false}, Id("00000000")), '4');
  EXPECT_EQ(After({}, "short"), '-');
  EXPECT_EQ(After({}, ""), '-');
  EXPECT_EQ(After({}, Id("zzzzzzzz")), '4');
  EXPECT_EQ(After({}, std::string(37, 'a')), '-');
}

}  // namespace
}  // namespace pillion::proxy
