#include "source/proxy/local_reply.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::proxy {
namespace {

using http::HeaderId;

class LocalReplyTest : public testing::Test {
 protected:
  LocalReply Make(int status, std::string_view body, std::string_view content_type, bool grpc, int grpc_status) {
    return FinishLocalReply(*arena_.New<http::ResponseHead>(arena_), status, body, content_type, grpc, grpc_status);
  }

  base::BlockPool pool_;
  base::Arena arena_{pool_};
};

TEST_F(LocalReplyTest, OfHttp) {
  const LocalReply reply = Make(503, "down\n", "text/plain", false, -1);
  EXPECT_EQ(reply.head->status, 503);
  EXPECT_EQ(reply.head->headers.Get(HeaderId::kContentLength), "5");
  EXPECT_EQ(reply.head->headers.Get(HeaderId::kContentType), "text/plain");
  EXPECT_EQ(reply.body, "down\n");
}

TEST_F(LocalReplyTest, WhatIsThereStays) {
  http::ResponseHead head(arena_);
  head.headers.Add("x-first", "1");
  head.headers.Add("content-type", "application/json");
  const LocalReply reply = FinishLocalReply(head, 503, "{}", "text/plain", false, -1);
  EXPECT_EQ(reply.head->headers.begin()->name(), "x-first");
  EXPECT_EQ(reply.head->headers.Count(HeaderId::kContentType), 1u);
  EXPECT_EQ(reply.head->headers.Get(HeaderId::kContentType), "application/json");
  EXPECT_EQ(reply.head->headers.Get(HeaderId::kContentLength), "2");
}

TEST_F(LocalReplyTest, StatusesThatHaveNoBody) {
  for (const int status : {204, 304}) {
    const LocalReply reply = Make(status, "text", "text/plain", false, -1);
    EXPECT_FALSE(reply.head->headers.Has(HeaderId::kContentLength));
    EXPECT_EQ(reply.body, "");
  }
}

// Hostile inputs I9 and I10: the status of HTTP as one of gRPC.
TEST_F(LocalReplyTest, OfGrpc) {
  constexpr std::pair<int, const char*> kStatuses[] = {{400, "13"}, {401, "16"}, {403, "7"},  {404, "12"}, {429, "14"},
                                                       {502, "14"}, {503, "14"}, {504, "14"}, {408, "2"},  {500, "2"}};
  for (const auto& [status, grpc] : kStatuses) {
    const LocalReply reply = Make(status, "why", "text/plain", true, -1);
    EXPECT_EQ(reply.head->status, 200);
    EXPECT_EQ(reply.head->headers.Get(HeaderId::kGrpcStatus), grpc) << status;
    EXPECT_EQ(reply.head->headers.Get(HeaderId::kGrpcMessage), "why");
    EXPECT_EQ(reply.body, "");
  }
  EXPECT_EQ(Make(504, "", "text/plain", true, 4).head->headers.Get(HeaderId::kGrpcStatus), "4");
}

// I11: nothing but visible ASCII and blanks gets into the field.
TEST_F(LocalReplyTest, GrpcMessageIsEncoded) {
  const auto message = [&](std::string_view text) {
    return std::string(Make(503, text, "text/plain", true, -1).head->headers.Get(HeaderId::kGrpcMessage));
  };
  EXPECT_EQ(message("100% of\r\nit"), "100%25 of%0D%0Ait");
  EXPECT_EQ(message(std::string("\0\x7f\xc3\xbc~", 5)), "%00%7F%C3%BC~");
  EXPECT_EQ(message(std::string(4096, '\n')).size(), 3 * 4096u);
  EXPECT_EQ(message("plain text"), "plain text");
}

}  // namespace
}  // namespace pillion::proxy
