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
    EXPECT_EQ(client.log.Take(),
              "response 200 HTTP/1.1 content-length=5; server=x;\ndata hello\nend\nstream end\n");
    EXPECT_EQ(client.codec.capacity(), 1u);
    client.Request("POST", "/b", false);
    EXPECT_TRUE(client.stream->SendData(SliceOf(client.pool, "abc"), false));
    EXPECT_TRUE(client.stream->SendData({}, true));
    EXPECT_EQ(client.link.Take(),
              "POST /b HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    client.FeedIn(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
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

constexpr std::string_view kEmptyOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

TEST(ClientConnection, FramesRequests) {
  const struct {
    std::string_view method;
    int64_t length;
    bool end;
    std::string_view framing;
  } cases[] = {
      {"GET", http::kNoContentLength, true, ""},
      {"DELETE", http::kNoContentLength, true, ""},
      {"POST", http::kNoContentLength, true, "content-length: 0\r\n"},
      {"PUT", http::kNoContentLength, true, "content-length: 0\r\n"},
      {"PROPFIND", http::kNoContentLength, true, "content-length: 0\r\n"},
      {"GET", 0, true, "content-length: 0\r\n"},
      {"GET", 5, false, "content-length: 5\r\n"},
      {"POST", 5, false, "content-length: 5\r\n"},
      {"GET", http::kNoContentLength, false, "transfer-encoding: chunked\r\n"},
  };
  for (const auto& c : cases) {
    Client client;
    RecordedResponse response(client.pool, client.log);
    http::RequestHead head(response.arena());
    head.method = c.method;
    head.method_id = http::FindMethod(c.method);
    head.authority = "h";
    head.path = "/";
    head.content_length = c.length;
    head.headers.Add("a", "b");
    // Not those of the connection that the request came from.
    head.headers.Add("content-length", "17");
    head.headers.Add("connection", "close");
    head.headers.Add("host", "other");
    client.codec.NewStream(response).SendHead(head, c.end);
    EXPECT_EQ(client.link.Take(),
              std::string(c.method) + " / HTTP/1.1\r\nhost: h\r\na: b\r\n" + std::string(c.framing) + "\r\n");
  }
}

TEST(ClientConnection, SaysThatTrailersAreWelcome) {
  Client client;
  RecordedResponse response(client.pool, client.log);
  http::RequestHead head(response.arena());
  head.method = "GET";
  head.method_id = http::Method::kGet;
  head.authority = "h";
  head.path = "/";
  head.expect_continue = true;
  head.headers.Add("te", "trailers");
  client.codec.NewStream(response).SendHead(head, true);
  EXPECT_EQ(client.link.Take(),
            "GET / HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: te\r\nexpect: 100-continue\r\n\r\n");
}

// D7, D14
TEST(ClientConnection, NeverEndsACutResponseCleanly) {
  const struct {
    std::string_view bytes;
    std::string_view log;
  } cases[] = {
      {"", "connection end connection ended before the response\n"},
      {"HTTP/1.1 200", "connection end connection ended within the response head\n"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
       "response 200 HTTP/1.1 content-length=5;\ndata hel\nconnection end connection ended within the response "
       "body\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
       "response 200 HTTP/1.1\ndata hel\nconnection end connection ended within the response body\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n",
       "response 200 HTTP/1.1\ndata hel\nconnection end connection ended within the response body\n"},
      {"HTTP/1.1 100 Continue\r\n\r\n",
       "informational 100\nconnection end connection ended before the response\n"},
  };
  for (const auto& c : cases) {
    Client client;
    client.Request("GET", "/");
    client.Feed(c.bytes);
    client.codec.ReceiveEnd();
    EXPECT_EQ(client.log.Take(), std::string(c.log) + "stream end, not reusable\n");
    Client aborted;
    aborted.Request("GET", "/");
    aborted.Feed(c.bytes);
    aborted.codec.Abort("gone");
    const std::string log = aborted.log.Take();
    EXPECT_TRUE(log.ends_with("connection end gone\nstream end, not reusable\n")) << log;
  }
}

// D15
TEST(ClientConnection, ReadsHttp10ToTheEndOfTheConnection) {
  Client client;
  client.Request("GET", "/");
  client.Feed("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_FALSE(client.codec.reusable());
  client.Feed("abc");
  client.Feed("def");
  client.codec.ReceiveEnd();
  EXPECT_EQ(client.log.Take(), "response 200 HTTP/1.0\ndata abcdef\nend\nstream end, not reusable\n");
}

// D9
TEST(ClientConnection, TakesNothingOnAnIdleConnection) {
  Client client;
  client.Feed(kEmptyOk);
  EXPECT_EQ(client.log.Take(), "connection error http1.unexpected_data\ncapacity 0\n");
  EXPECT_EQ(client.codec.ending(), Ending::kClose);
  EXPECT_EQ(client.codec.capacity(), 0u);
}

TEST(ClientConnection, AnIdleConnectionMayEnd) {
  Client client;
  client.codec.ReceiveEnd();
  EXPECT_EQ(client.log.Take(), "capacity 0\n");
  EXPECT_EQ(client.codec.ending(), Ending::kClose);
}

// D17
TEST(ClientConnection, AnEarlyResponseEndsTheUseOfTheConnection) {
  Client client;
  client.Request("POST", "/", false);
  EXPECT_TRUE(client.stream->SendData(SliceOf(client.pool, "abc"), false));
  client.Feed("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.log.Take(), "response 413 HTTP/1.1 content-length=0;\nend\n");
  EXPECT_FALSE(client.codec.reusable());
  EXPECT_EQ(client.codec.active_streams(), 1u);
  EXPECT_TRUE(client.stream->SendData(SliceOf(client.pool, "def"), true));
  // Never told from within a call.
  EXPECT_EQ(client.log.Take(), "");
  client.codec.Produce(1000);
  EXPECT_EQ(client.log.Take(), "stream end, not reusable\n");
  EXPECT_EQ(client.codec.ending(), Ending::kClose);

  Client reset;
  reset.Request("POST", "/", false);
  reset.Feed(kEmptyOk);
  reset.log.Take();
  reset.stream->Reset(ResetReason::kNoError);
  EXPECT_EQ(reset.codec.ending(), Ending::kAbort);
  reset.codec.Produce(1000);
  EXPECT_EQ(reset.log.Take(), "stream end, not reusable\n");
}

TEST(ClientConnection, ResetAborts) {
  Client client;
  RecordedResponse& response = client.Request("GET", "/");
  client.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  client.log.Take();
  client.stream->Reset(ResetReason::kCancel);
  EXPECT_EQ(client.codec.ending(), Ending::kAbort);
  EXPECT_TRUE(client.link.output().empty());
  client.codec.Produce(1000);
  EXPECT_EQ(client.log.Take(), "stream end, not reusable\n");
  client.Feed("lo");
  client.codec.ReceiveEnd();
  client.codec.Abort("gone");
  EXPECT_EQ(client.log.Take(), "");
  (void)response;
}

TEST(ClientConnection, ResetFromWithinEachEvent) {
  Client at_head;
  at_head.Request("GET", "/").on_head = [&] { at_head.stream->Reset(ResetReason::kCancel); };
  at_head.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(at_head.log.Take(), "response 200 HTTP/1.1 content-length=5;\nstream end, not reusable\n");
  Client at_data;
  at_data.Request("GET", "/").on_data = [&] { at_data.stream->Reset(ResetReason::kCancel); };
  at_data.Feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  EXPECT_EQ(at_data.log.Take(), "response 200 HTTP/1.1\ndata abc\nstream end, not reusable\n");
}

TEST(ClientConnection, NeverEndsABrokenRequestCleanly) {
  for (const std::string_view body : {"abc", "abcdefg"}) {
    Client client;
    RecordedResponse response(client.pool, client.log);
    http::RequestHead head(response.arena());
    head.method = "POST";
    head.method_id = http::Method::kPost;
    head.authority = "h";
    head.path = "/";
    head.content_length = 5;
    ClientStream& stream = client.codec.NewStream(response);
    stream.SendHead(head, false);
    (void)stream.SendData(SliceOf(client.pool, body), true);
    EXPECT_EQ(client.codec.ending(), Ending::kAbort);
    client.codec.Abort("gone");
    EXPECT_EQ(client.log.Take(), "connection end gone\nstream end, not reusable\n");
  }
}

// C5
TEST(ClientConnection, HoldsDataUntilTheSwitch) {
  Client client;
  client.Request("GET", "/", false, "foo");
  EXPECT_EQ(client.link.Take(), "GET / HTTP/1.1\r\nhost: h.test\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n");
  EXPECT_TRUE(client.stream->SendData(SliceOf(client.pool, "early"), false));
  EXPECT_EQ(client.link.Take(), "");
  client.Feed("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: FOO\r\n\r\nraw");
  EXPECT_EQ(client.link.Take(), "early");
  EXPECT_EQ(client.log.Take(), "response 101 HTTP/1.1 upgrade(FOO)\ndata raw\n");
  EXPECT_TRUE(client.stream->SendData(SliceOf(client.pool, " and late"), true));
  EXPECT_EQ(client.link.Take(), " and late");
  EXPECT_TRUE(client.link.output_ended);
  client.Feed(" more");
  client.codec.ReceiveEnd();
  EXPECT_EQ(client.log.Take(), "data  more\nend\nstream end, not reusable\n");
  EXPECT_EQ(client.codec.ending(), Ending::kClose);
}

TEST(ClientConnection, HoldsOnlySoMuch) {
  ClientOptions options;
  options.output_high_watermark = 10000;
  Client client(options);
  client.Request("GET", "/", false, "foo");
  EXPECT_TRUE(client.stream->SendData(SliceOf(client.pool, std::string(6000, 'x')), false));
  EXPECT_FALSE(client.stream->SendData(SliceOf(client.pool, std::string(6000, 'x')), false));
  client.link.Take();
  client.codec.OutputDrained();
  EXPECT_EQ(client.log.Take(), "");
  client.Feed("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
  EXPECT_EQ(client.log.Take(), "response 101 HTTP/1.1 upgrade(foo)\nready\n");
  EXPECT_EQ(client.link.Take().size(), 12000u);
}

// C6
TEST(ClientConnection, ARefusedSwitchIsAnOrdinaryExchange) {
  Client client;
  client.Request("GET", "/", false, "foo");
  (void)client.stream->SendData(SliceOf(client.pool, "early"), false);
  client.link.Take();
  client.Feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(client.log.Take(), "response 200 HTTP/1.1 content-length=2;\ndata no\nend\nstream end\n");
  EXPECT_EQ(client.link.Take(), "");
  EXPECT_EQ(client.codec.capacity(), 1u);
}

TEST(ClientConnection, TunnelsAnAcceptedConnect) {
  Client client;
  RecordedResponse response(client.pool, client.log);
  http::RequestHead head(response.arena());
  head.method = "CONNECT";
  head.method_id = http::Method::kConnect;
  head.authority = "g:1";
  ClientStream& stream = client.codec.NewStream(response);
  stream.SendHead(head, false);
  EXPECT_EQ(client.link.Take(), "CONNECT g:1 HTTP/1.1\r\nhost: g:1\r\n\r\n");
  client.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nraw bytes");
  EXPECT_EQ(client.log.Take(), "response 200 HTTP/1.1\ndata raw bytes\n");
  stream.Reset(ResetReason::kCancel);
  EXPECT_EQ(client.codec.ending(), Ending::kAbort);
}

TEST(ClientConnection, Drains) {
  Client idle;
  idle.codec.StartDrain();
  EXPECT_EQ(idle.codec.ending(), Ending::kClose);
  Client busy;
  busy.Request("GET", "/");
  busy.codec.StartDrain();
  EXPECT_EQ(busy.codec.ending(), Ending::kOpen);
  EXPECT_FALSE(busy.codec.reusable());
  busy.Feed(kEmptyOk);
  EXPECT_EQ(busy.codec.ending(), Ending::kClose);
}

TEST(ClientConnection, PausesWithinAMessage) {
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n3\r\nghi\r\n0\r\n\r\n"}) {
    for (size_t piece : {0, 1, 2, 5}) {
      Client client;
      RecordedResponse& response = client.Request("GET", "/");
      response.on_head = response.on_data = [&] { client.stream->PauseReading(); };
      client.FeedIn(bytes, piece);
      EXPECT_FALSE(client.codec.wants_read());
      for (int i = 0; i < 100 && client.codec.active_streams() > 0; ++i) {
        client.stream->ResumeReading();
        client.Pump();
      }
      EXPECT_TRUE(client.log.Take().ends_with("data abcdefghi\nend\nstream end\n"));
      EXPECT_TRUE(client.codec.wants_read());
      EXPECT_EQ(client.rest, "");
    }
  }
}

// A pool that gives the connection its next request as soon as it is free.
TEST(ClientConnection, TakesTheNextRequestFromWithinItsEnd) {
  Client client;
  client.Request("GET", "/1");
  const std::string both = std::string(kEmptyOk) + std::string(kEmptyOk);
  client.on_stream_end = [&] {
    if (client.codec.capacity() > 0) client.Request("GET", "/2");
  };
  client.Feed(kEmptyOk);
  EXPECT_EQ(client.responses.size(), 2u);
  EXPECT_TRUE(client.link.Take().ends_with("GET /2 HTTP/1.1\r\nhost: h.test\r\n\r\n"));
  // A response that came too early is never taken for the next request's.
  client.Feed(both);
  EXPECT_EQ(client.responses.size(), 2u);
  EXPECT_FALSE(client.codec.reusable());
}

}  // namespace
}  // namespace pillion::codec::http1
