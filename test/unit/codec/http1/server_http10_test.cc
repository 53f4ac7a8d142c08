// Requests of HTTP/1.0, where they are accepted.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

ServerOptions Http10() {
  ServerOptions options;
  options.accept_http_10 = true;
  options.default_host = "default.test";
  return options;
}

TEST(ServerHttp10, RefusesHttp10UnlessAccepted) {
  Server server;
  server.Feed("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 426 low_version\n");
}

TEST(ServerHttp10, ClosesBehindHttp10) {
  Server server(Http10());
  server.Feed("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "request GET http 'default.test' '/' HTTP/1.0\nend\n");
  server.last().Answer(200, "a");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na");
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

TEST(ServerHttp10, KeepsHttp10WhenAsked) {
  Server server(Http10());
  server.Feed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  server.last().Answer(200, "a");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\na");
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
}

TEST(ServerHttp10, EndsAnUnframedBodyToHttp10WithTheConnection) {
  Server server(Http10());
  server.Feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "abc"), false));
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  EXPECT_TRUE(server.last().stream.SendData({}, true));
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc");
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

// A19
TEST(ServerHttp10, RefusesChunkedHttp10) {
  Server server(Http10());
  server.Feed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 400 http1.invalid_transfer_encoding\n");
}

// C12
TEST(ServerHttp10, IgnoresTheExpectationsOfHttp10) {
  Server server(Http10());
  server.Feed("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na");
  EXPECT_EQ(server.log.Take(), "request POST http 'default.test' '/' HTTP/1.0 content-length=1;\ndata a\nend\n");
  server.last().stream.SendInformational(Head(server.last(), 100));
  EXPECT_EQ(server.link.Take(), "");
}

TEST(ServerHttp10, RefusesHttp10WithoutHostWhenThereIsNoDefault) {
  ServerOptions options;
  options.accept_http_10 = true;
  Server server(options);
  server.Feed("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 400 missing_host_header\n");
}

}  // namespace
}  // namespace pillion::codec::http1
