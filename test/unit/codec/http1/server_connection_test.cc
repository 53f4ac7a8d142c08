#include "source/codec/http1/server_connection.h"

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

TEST(ServerConnection, AnswersAndKeepsTheConnection) {
  Server server;
  server.Feed("GET /a?b HTTP/1.1\r\nHost: h.test:80\r\nX-One:  1 \r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "request GET http 'h.test:80' '/a?b' HTTP/1.1 x-one=1; accept=*/*;\nend\n");
  EXPECT_EQ(server.codec.active_streams(), 1u);
  server.last().Answer(200, "hello", "content-type", "text/plain");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello");
  EXPECT_EQ(server.codec.active_streams(), 0u);
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  server.Feed("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "request HEAD http 'h' '/' HTTP/1.1\nend\n");
  server.last().Answer(404, "not here");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 404 Not Found\r\ncontent-length: 8\r\n\r\n");
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
}

TEST(ServerConnection, ReadsBodies) {
  for (size_t piece : {0, 1, 2, 3, 7}) {
    Server server;
    server.FeedIn("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0005\r\n\r\nhello", piece);
    EXPECT_EQ(server.log.Take(), "request POST http 'h' '/' HTTP/1.1 content-length=5;\ndata hello\nend\n");
    server.last().Answer(204, "");
    EXPECT_EQ(server.link.Take(), "HTTP/1.1 204 No Content\r\n\r\n");
    server.FeedIn(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n "
        "world\r\n0\r\n\r\n",
        piece);
    EXPECT_EQ(server.log.Take(), "request POST http 'h' '/' HTTP/1.1\ndata hello world\nend\n");
    server.last().Answer(200, "x");
    EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx");
  }
}

TEST(ServerConnection, WritesChunksWhenTheLengthIsNotKnown) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  http::ResponseHead head(server.last().arena());
  head.status = 200;
  server.last().stream.SendHead(head, false);
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "hello hello hello"), false));
  EXPECT_TRUE(server.last().stream.SendData({}, true));
  EXPECT_EQ(server.link.Take(),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11\r\nhello hello hello\r\n0\r\n\r\n");
  EXPECT_EQ(server.codec.active_streams(), 0u);
}

TEST(ServerConnection, AnswersPipelinedRequestsInOrder) {
  Server server;
  std::string all;
  for (int i = 0; i < 100; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  server.Feed(all);
  EXPECT_EQ(server.requests.size(), 1u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(server.last().head->path, "/" + std::to_string(i));
    EXPECT_EQ(server.codec.wants_read(), i == 99);
    server.last().Answer(200, std::to_string(i));
    EXPECT_TRUE(server.codec.wants_read());
    server.Pump();
  }
  EXPECT_EQ(server.requests.size(), 100u);
}

TEST(ServerConnection, RefusesABadRequestAndEnds) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost : h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 400 http1.codec_error\n");
  server.last().Answer(400, "Bad Request");
  EXPECT_EQ(server.link.Take(),
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 11\r\n\r\nBad Request");
  EXPECT_EQ(server.codec.ending(), Ending::kLinger);
  EXPECT_EQ(server.requests.size(), 1u);
}

TEST(ServerConnection, SaysWhatItHasReadOfAHeadThatItRefuses) {
  Server server;
  server.Feed("HEAD /a#b HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n");
  const http::RequestHead* const head = server.last().refused_head;
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head->method, "HEAD");
  EXPECT_EQ(head->path, "/a#b");
  EXPECT_EQ(head->authority, "h");
  EXPECT_EQ(head->headers.size(), 1u);
  Server broken;
  broken.Feed("GET / HTTP/1.1\r\nHost : h\r\n\r\n");
  EXPECT_EQ(broken.last().refused_head, nullptr);  // there is no head
  Server late;
  late.Feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx");
  EXPECT_EQ(late.last().status, 400);
  EXPECT_EQ(late.last().refused_head, nullptr);  // it was good
}

TEST(ServerConnection, KnowsTheSchemeFromItsTransport) {
  ServerOptions options;
  options.secure = true;
  Server server(options);
  server.Feed("GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "request GET https 'h' '/' HTTP/1.1\nend\n");
  server.last().Answer(200, "");
  server.Feed("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 400 http1.invalid_url\n");
}

TEST(ServerConnection, DropsOrRefusesUnderscores) {
  ServerOptions options;
  options.limits.headers_with_underscores = UnderscoreAction::kDropField;
  Server dropping(options);
  dropping.Feed("GET / HTTP/1.1\r\nHost: h\r\nX_A: 1\r\nX-B: 2\r\n\r\n");
  EXPECT_EQ(dropping.log.Take(), "request GET http 'h' '/' HTTP/1.1 x-b=2;\nend\n");
  options.limits.headers_with_underscores = UnderscoreAction::kReject;
  Server refusing(options);
  refusing.Feed("GET / HTTP/1.1\r\nHost: h\r\nX_A: 1\r\nX-B: 2\r\n\r\n");
  EXPECT_EQ(refusing.log.Take(), "error 400 http1.unexpected_underscore\n");
}

TEST(ServerConnection, ChecksTrailersThatNobodyWants) {
  Server server;
  const std::string request = "POST / HTTP/1.1\r\nHost: h\r\nTrailer: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  server.Feed(request + "0\r\na: b\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "request POST http 'h' '/' HTTP/1.1\nend\n");
  server.last().Answer(200, "");
  server.Feed(request + "0\r\na b\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "request POST http 'h' '/' HTTP/1.1\nerror 400 http1.codec_error\n");
}

TEST(ServerConnection, SendsTrailersWhereThereIsAPlaceForThem) {
  ServerOptions options;
  options.limits.enable_trailers = true;
  Server server(options);
  for (const bool chunked : {true, false}) {
    server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    http::HeaderMap trailers(server.last().arena());
    trailers.Add("x-sum", "1");
    server.last().stream.SendHead(Head(server.last(), 200, chunked ? http::kNoContentLength : 1), false);
    EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "a"), false));
    server.last().stream.SendTrailers(trailers);
    EXPECT_EQ(server.link.Take(),
              chunked ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\n\r\n"
                      : "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na");
    EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  }
}

TEST(ServerConnection, WritesNoConnectionFieldsOfOthers) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  http::ResponseHead head = Head(server.last(), 200);
  head.headers.Add("connection", "close");
  head.headers.Add("content-length", "7");
  head.headers.Add("transfer-encoding", "gzip");
  head.headers.Add("upgrade", "h2c");
  head.headers.Add("keep-alive", "timeout=1");
  head.headers.Add("x", "y");
  server.last().stream.SendHead(head, true);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: y\r\n\r\n");
}

TEST(ServerConnection, WritesHeadsLargerThanABlock) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string large(20000, 'x');
  server.last().Answer(200, "", "large", large);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nlarge: " + large + "\r\ncontent-length: 0\r\n\r\n");
}

// C8
TEST(ServerConnection, RelaysOneContinue) {
  Server server;
  server.Feed("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  server.last().stream.SendInformational(Head(server.last(), 100));
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 100 Continue\r\n\r\n");
  server.Feed("hello");
  server.last().Answer(200, "");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
}

// C9
TEST(ServerConnection, AnswersAnExpectationWhoseBodyCameAtOnce) {
  Server server;
  server.Feed(
      "POST /1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"
      "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().Answer(200, "1");
  server.Pump();
  server.last().Answer(200, "2");
  EXPECT_EQ(server.link.Take(),
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n2");
}

// C10: the peer may send the body or not; what follows the head can't be told apart.
TEST(ServerConnection, EndsBehindAFinalAnswerToAnExpectation) {
  Server server;
  server.Feed("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  server.last().Answer(413, "");
  EXPECT_EQ(server.link.Take(),
            "HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(server.codec.active_streams(), 1u);
  server.last().stream.Reset(ResetReason::kNoError);
  EXPECT_EQ(server.codec.ending(), Ending::kLinger);
  EXPECT_EQ(server.codec.active_streams(), 0u);
}

}  // namespace
}  // namespace pillion::codec::http1
