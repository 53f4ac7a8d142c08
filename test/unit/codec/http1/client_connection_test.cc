#include "source/codec/http1/client_connection.h"

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

TEST(ClientConnection, SendsRequestsAndKeepsTheConnection) {
  for (size_t piece : {0, 1, 2, 3, 7}) {
    Client client;
    client.Request("GET", "/a");
    EXPECT_EQ(client.link.Take(), "GET /a HTTP/1.1\r\nhost: h.test\r\n\r\n");
    EXPECT_EQ(client.codec.capacity(), 0u);
    client.FeedIn("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello", piece);
    EXPECT_EQ(client.log.Take(), "response 200 HTTP/1.1 content-length=5; server=x;\ndata hello\nend\nstream end\n");
    EXPECT_EQ(client.codec.capacity(), 1u);
    client.Request("POST", "/b", false);
    EXPECT_TRUE(client.stream->SendData(SliceOf(client.pool, "abc"), false));
    EXPECT_TRUE(client.stream->SendData({}, true));
    EXPECT_EQ(client.link.Take(),
              "POST /b HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    client.FeedIn("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n0\r\n\r\n",
                  piece);
    EXPECT_EQ(client.log.Take(), "informational 100\nresponse 201 HTTP/1.1\ndata abc\nend\nstream end\n");
    EXPECT_EQ(client.codec.ending(), Ending::kOpen);
  }
}

TEST(ClientConnection, ReadsToTheEndOfTheConnection) {
  Client client;
  client.Request("GET", "/");
  client.Feed("HTTP/1.1 200 OK\r\n\r\nhello");
  client.codec.ReceiveEnd();
  EXPECT_EQ(client.log.Take(), "response 200 HTTP/1.1\ndata hello\nend\nstream end, not reusable\n");
  EXPECT_EQ(client.codec.ending(), Ending::kClose);
}

}  // namespace
}  // namespace pillion::codec::http1
