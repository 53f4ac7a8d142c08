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
    server.FeedIn("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
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
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 400 Bad Request\r\ncontent-length: 11\r\nconnection: close\r\n\r\nBad Request");
  EXPECT_EQ(server.codec.ending(), Ending::kLinger);
  EXPECT_EQ(server.requests.size(), 1u);
}

}  // namespace
}  // namespace pillion::codec::http1
