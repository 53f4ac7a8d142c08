#include "source/http/message.h"

#include <gtest/gtest.h>

#include <string>

#include "source/http/status.h"

namespace pillion::http {
namespace {

TEST(Message, Methods) {
  EXPECT_EQ(FindMethod("GET"), Method::kGet);
  EXPECT_EQ(FindMethod("HEAD"), Method::kHead);
  EXPECT_EQ(FindMethod("POST"), Method::kPost);
  EXPECT_EQ(FindMethod("PUT"), Method::kPut);
  EXPECT_EQ(FindMethod("DELETE"), Method::kDelete);
  EXPECT_EQ(FindMethod("CONNECT"), Method::kConnect);
  EXPECT_EQ(FindMethod("OPTIONS"), Method::kOptions);
  EXPECT_EQ(FindMethod("TRACE"), Method::kTrace);
  EXPECT_EQ(FindMethod("PATCH"), Method::kPatch);
  for (const char* other : {"", "get", "GETX", "Head", "PROPFIND", "CONNECTX"}) {
    EXPECT_EQ(FindMethod(other), Method::kOther) << other;
  }
}

TEST(Message, BodilessAnswers) {
  EXPECT_TRUE(HasNoBody(Method::kHead, 200));
  EXPECT_TRUE(HasNoBody(Method::kGet, 204));
  EXPECT_TRUE(HasNoBody(Method::kGet, 304));
  EXPECT_TRUE(HasNoBody(Method::kGet, 103));
  EXPECT_FALSE(HasNoBody(Method::kGet, 200));
  EXPECT_FALSE(HasNoBody(Method::kPost, 205));
}

TEST(Message, Grpc) {
  base::BlockPool pool;
  base::Arena arena(pool);
  const auto grpc = [&](std::string_view type) {
    HeaderMap headers(arena);
    headers.Add("content-type", type);
    return IsGrpc(headers);
  };
  EXPECT_TRUE(grpc("application/grpc"));
  EXPECT_TRUE(grpc("application/grpc+proto"));
  EXPECT_TRUE(grpc("application/grpc;charset=utf-8"));
  EXPECT_FALSE(grpc("application/grpc-web"));
  EXPECT_FALSE(grpc("application/json"));
  EXPECT_FALSE(IsGrpc(HeaderMap(arena)));
}

TEST(Message, ReasonPhrases) {
  EXPECT_EQ(ReasonPhrase(200), "OK");
  EXPECT_EQ(ReasonPhrase(511), "Network Authentication Required");
  for (const int unknown : {-1, 0, 99, 299, 599, 600, 100000}) EXPECT_EQ(ReasonPhrase(unknown), "");
}

TEST(Message, Versions) {
  EXPECT_EQ(VersionName(Version::kHttp10), "HTTP/1.0");
  EXPECT_EQ(VersionName(Version::kHttp11), "HTTP/1.1");
  EXPECT_EQ(VersionName(Version::kHttp2), "HTTP/2");
}

}  // namespace
}  // namespace pillion::http
