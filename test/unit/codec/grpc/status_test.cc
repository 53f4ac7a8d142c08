#include "source/codec/grpc/status.h"

#include <gtest/gtest.h>

#include "source/base/arena.h"
#include "source/base/block.h"

namespace pillion::codec::grpc {
namespace {

class StatusTest : public testing::Test {
 protected:
  Status Of(std::initializer_list<std::pair<std::string_view, std::string_view>> fields, int http_status = 200) {
    http::HeaderMap headers(arena_);
    for (const auto& [name, value] : fields) headers.Add(name, value);
    return StatusOf(headers, http_status);
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
};

TEST_F(StatusTest, CodeAndMessage) {
  EXPECT_TRUE(Of({{"grpc-status", "0"}}).ok());
  const Status status = Of({{"grpc-status", "7"}, {"grpc-message", "no%20identity: 100%25 %zz %4"}});
  EXPECT_EQ(status.code, Code::kPermissionDenied);
  EXPECT_EQ(status.text(), "PERMISSION_DENIED: no identity: 100% %zz %4");
  EXPECT_EQ(Of({{"grpc-status", "42"}}).text(), "UNKNOWN");
}

// A peer writes no line of its own into a log.
TEST_F(StatusTest, TextIsOneLineOfBoundedLength) {
  EXPECT_EQ(Of({{"grpc-status", "14"}, {"grpc-message", "a%0A%5Bcritical%5D%1B%5B0m%0d \"b\""}}).text(),
            "UNAVAILABLE: a\\n[critical]\\x1b[0m\\r \"b\"");
  const std::string text = Status{Code::kUnavailable, std::string(60'000, 'x')}.text();
  EXPECT_EQ(text, "UNAVAILABLE: " + std::string(512, 'x') + "...");
}

TEST_F(StatusTest, WhatIsNoStatus) {
  for (const std::string_view text : {"", "x", "-1", "1 ", "0x1", "99999999999999999999"}) {
    EXPECT_EQ(Of({{"grpc-status", text}}).code, Code::kUnknown) << text;
  }
}

TEST_F(StatusTest, OfHttp) {
  EXPECT_EQ(Of({}, 503).code, Code::kUnavailable);
  EXPECT_EQ(Of({}, 401).code, Code::kUnauthenticated);
  EXPECT_EQ(Of({}, 404).code, Code::kUnimplemented);
  EXPECT_EQ(Of({}, 200).code, Code::kUnknown);
  EXPECT_EQ(Of({}, 503).text(), "UNAVAILABLE: no grpc-status, but HTTP status 503");
  EXPECT_EQ(Of({{"grpc-status", "5"}}, 503).code, Code::kNotFound);
}

}  // namespace
}  // namespace pillion::codec::grpc
