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

http::ResponseHead Head(RecordedRequest& request, int status, int64_t length = http::kNoContentLength) {
  http::ResponseHead head(request.arena());
  head.status = status;
  head.content_length = length;
  return head;
}

ServerOptions Http10() {
  ServerOptions options;
  options.accept_http_10 = true;
  options.default_host = "default.test";
  return options;
}

TEST(ServerConnection, RefusesHttp10UnlessAccepted) {
  Server server;
  server.Feed("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 426 low_version\n");
}

TEST(ServerConnection, ClosesBehindHttp10) {
  Server server(Http10());
  server.Feed("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "request GET http 'default.test' '/' HTTP/1.0\nend\n");
  server.last().Answer(200, "a");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na");
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

TEST(ServerConnection, KeepsHttp10WhenAsked) {
  Server server(Http10());
  server.Feed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  server.last().Answer(200, "a");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\na");
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
}

TEST(ServerConnection, EndsAnUnframedBodyToHttp10WithTheConnection) {
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
TEST(ServerConnection, RefusesChunkedHttp10) {
  Server server(Http10());
  server.Feed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 400 http1.invalid_transfer_encoding\n");
}

// C12
TEST(ServerConnection, IgnoresTheExpectationsOfHttp10) {
  Server server(Http10());
  server.Feed("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na");
  EXPECT_EQ(server.log.Take(), "request POST http 'default.test' '/' HTTP/1.0 content-length=1;\ndata a\nend\n");
  server.last().stream.SendInformational(Head(server.last(), 100));
  EXPECT_EQ(server.link.Take(), "");
}

TEST(ServerConnection, RefusesHttp10WithoutHostWhenThereIsNoDefault) {
  ServerOptions options;
  options.accept_http_10 = true;
  Server server(options);
  server.Feed("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(server.log.Take(), "error 400 missing_host_header\n");
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

TEST(ServerConnection, DrainsTheRestOfAnAnsweredRequest) {
  for (const bool chunked : {true, false}) {
    Server server;
    server.Feed(std::string("POST / HTTP/1.1\r\nHost: h\r\n") +
                (chunked ? "Transfer-Encoding: chunked\r\n\r\n6\r\nhe" : "Content-Length: 6\r\n\r\nhe"));
    server.last().Answer(404, "no");
    server.last().stream.Reset(ResetReason::kNoError);
    EXPECT_EQ(server.link.Take(), "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno");
    EXPECT_EQ(server.codec.active_streams(), 0u);
    // Its receiver and arena are gone.
    server.requests.clear();
    server.log.Take();
    server.FeedIn(chunked ? "llo!\r\n0\r\nlong-trailer: long-value\r\nb: c\r\n\r\n" : "llo!", 1);
    server.Feed("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(server.log.Take(), "request GET http 'h' '/2' HTTP/1.1\nend\n");
    server.last().Answer(200, "");
    EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  }
}

TEST(ServerConnection, DrainsOnlySoMuch) {
  Server known;
  known.Feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  known.last().Answer(404, "");
  EXPECT_EQ(known.link.Take(), "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  known.last().stream.Reset(ResetReason::kNoError);
  EXPECT_EQ(known.codec.ending(), Ending::kLinger);

  Server unknown;
  unknown.Feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  unknown.last().Answer(404, "");
  unknown.last().stream.Reset(ResetReason::kNoError);
  const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
  for (int i = 0; i < 16; ++i) unknown.Feed(chunk);
  EXPECT_EQ(unknown.codec.ending(), Ending::kOpen);
  unknown.Feed(chunk);
  EXPECT_EQ(unknown.codec.ending(), Ending::kLinger);
}

// An answer that is complete before its request, whose receiver goes on reading.
TEST(ServerConnection, ReadsOnBehindAnEarlyAnswer) {
  Server server;
  server.Feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nhe");
  server.last().Answer(200, "early");
  EXPECT_EQ(server.codec.active_streams(), 1u);
  server.Feed("llo!GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(),
            "request POST http 'h' '/' HTTP/1.1 content-length=6;\ndata hello!\nend\n"
            "request GET http 'h' '/2' HTTP/1.1\nend\n");
}

TEST(ServerConnection, AnswersBeforeTheHeadIsComplete) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHo");
  server.last().Answer(408, "");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  server.last().stream.Reset(ResetReason::kNoError);
  server.requests.clear();
  server.Feed("st: h\r\n\r\n");
  EXPECT_EQ(server.codec.ending(), Ending::kLinger);
  EXPECT_TRUE(server.requests.empty());
}

TEST(ServerConnection, NeverEndsABrokenAnswerCleanly) {
  const auto answer = [](Server& server, int64_t length, std::string_view body) {
    server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    server.last().stream.SendHead(Head(server.last(), 200, length), false);
    (void)server.last().stream.SendData(SliceOf(server.pool, body), true);
  };
  Server few;
  answer(few, 5, "abc");
  EXPECT_EQ(few.codec.ending(), Ending::kAbort);
  Server many;
  answer(many, 2, "abc");
  EXPECT_EQ(many.link.Take(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab");
  EXPECT_EQ(many.codec.ending(), Ending::kAbort);
  Server none;
  none.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  none.last().stream.SendHead(Head(none.last(), 200, 5), true);
  EXPECT_EQ(none.codec.ending(), Ending::kAbort);
  EXPECT_EQ(none.codec.active_streams(), 1u);
  none.codec.Abort("gone");
  EXPECT_EQ(none.log.Take(), "request GET http 'h' '/' HTTP/1.1\nend\nreset gone\n");
  EXPECT_EQ(none.codec.active_streams(), 0u);
}

TEST(ServerConnection, ResetInTheMiddleOfAnAnswerAborts) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "abc"), false));
  server.last().stream.Reset(ResetReason::kInternalError);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_EQ(server.codec.ending(), Ending::kAbort);
}

TEST(ServerConnection, ResetWithoutAnAnswerCloses) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.Reset(ResetReason::kCancel);
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
  EXPECT_EQ(server.codec.active_streams(), 0u);
}

TEST(ServerConnection, ResetFromWithinEachEvent) {
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const auto reset = [](RecordedRequest& request) { request.stream.Reset(ResetReason::kCancel); };
  Server at_head;
  at_head.on_begin = [&](RecordedRequest& request) { request.on_head = reset; };
  at_head.Feed(post + post);
  EXPECT_EQ(at_head.log.Take(), "request POST http 'h' '/' HTTP/1.1\n");
  EXPECT_EQ(at_head.codec.ending(), Ending::kLinger);
  Server at_data;
  at_data.on_begin = [&](RecordedRequest& request) { request.on_data = reset; };
  at_data.Feed(post + post);
  EXPECT_EQ(at_data.log.Take(), "request POST http 'h' '/' HTTP/1.1\ndata abc\n");
  EXPECT_EQ(at_data.codec.ending(), Ending::kLinger);
  Server at_error;
  at_error.on_begin = [&](RecordedRequest& request) { request.on_error = reset; };
  at_error.Feed("BAD\r\n\r\n" + post);
  EXPECT_EQ(at_error.log.Take(), "error 400 http1.codec_error\n");
  EXPECT_EQ(at_error.codec.ending(), Ending::kLinger);
}

TEST(ServerConnection, AnErrorInTheBodyEndsABegunAnswer) {
  Server server;
  server.Feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  server.Feed("G\r\n");
  EXPECT_EQ(server.log.Take(), "request POST http 'h' '/' HTTP/1.1\nerror 400 http1.codec_error\n");
  EXPECT_TRUE(server.last().stream.SendData({}, true));
  EXPECT_EQ(server.codec.ending(), Ending::kLinger);
}

// A30
TEST(ServerConnection, ResetsARequestThatThePeerCutShort) {
  for (const char* bytes : {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello",
                            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                            "POST / HTTP/1.1\r\nHost: h"}) {
    Server server;
    server.Feed(bytes);
    server.codec.ReceiveEnd();
    EXPECT_TRUE(server.log.Take().ends_with("reset downstream_remote_disconnect\n"));
    EXPECT_EQ(server.codec.ending(), Ending::kClose);
    EXPECT_EQ(server.codec.active_streams(), 0u);
  }
}

// O7
TEST(ServerConnection, AnswersAPeerThatHalfCloses) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  server.last().Answer(200, "hello");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello");
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

TEST(ServerConnection, AnIdlePeerMayEnd) {
  Server server;
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

TEST(ServerConnection, Drains) {
  Server idle;
  idle.codec.StartDrain();
  EXPECT_EQ(idle.codec.ending(), Ending::kOpen);  // a request may be on its way
  idle.codec.FinishDrain();
  EXPECT_EQ(idle.codec.ending(), Ending::kClose);
  Server busy;
  busy.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  busy.codec.StartDrain();
  EXPECT_EQ(busy.codec.ending(), Ending::kOpen);
  busy.last().Answer(200, "");
  EXPECT_EQ(busy.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(busy.codec.ending(), Ending::kLinger);
  Server late;  // the head said nothing of it
  late.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  late.last().stream.SendHead(Head(late.last(), 200), false);
  late.codec.StartDrain();
  EXPECT_TRUE(late.last().stream.SendData({}, true));
  EXPECT_EQ(late.codec.ending(), Ending::kOpen);
  late.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  late.codec.FinishDrain();
  EXPECT_EQ(late.codec.ending(), Ending::kOpen);
  late.last().stream.SendHead(Head(late.last(), 200), true);
  EXPECT_EQ(late.codec.ending(), Ending::kLinger);
}

TEST(ServerConnection, ClosesWhenTheRequestSaysSo) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  server.last().Answer(200, "");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

// C5
TEST(ServerConnection, SwitchesToATunnel) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nearly");
  EXPECT_EQ(server.log.Take(), "request GET http 'h' '/' HTTP/1.1 upgrade(foo)\n");
  EXPECT_EQ(server.rest, "early");
  EXPECT_FALSE(server.codec.wants_read());
  http::ResponseHead head = Head(server.last(), 101);
  head.upgrade = "foo";
  server.last().stream.SendHead(head, false);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n");
  EXPECT_TRUE(server.link.resumed);
  server.Pump();
  server.Feed(" and late");
  EXPECT_EQ(server.log.Take(), "data early and late\n");
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "raw"), false));
  EXPECT_EQ(server.link.Take(), "raw");
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.log.Take(), "end\n");
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  EXPECT_FALSE(server.link.output_ended);
  EXPECT_TRUE(server.last().stream.SendData({}, true));
  EXPECT_TRUE(server.link.output_ended);
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
  EXPECT_EQ(server.codec.active_streams(), 0u);
}

TEST(ServerConnection, TunnelsAnAcceptedConnect) {
  Server server;
  server.Feed("CONNECT g:1 HTTP/1.1\r\nHost: g:1\r\n\r\nearly");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\n\r\n");
  server.Pump();
  EXPECT_EQ(server.log.Take(), "request CONNECT http 'g:1' '' HTTP/1.1\ndata early\n");
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "x"), true));
  EXPECT_TRUE(server.link.output_ended);
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

// C6
TEST(ServerConnection, ReadsOnBehindARefusedSwitch) {
  Server server;
  server.Feed(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nGET /2 HTTP/1.1\r\nHost: "
      "h\r\n\r\n");
  server.last().Answer(200, "no");
  server.Pump();
  EXPECT_EQ(server.log.Take(),
            "request GET http 'h' '/' HTTP/1.1 upgrade(foo)\nrequest GET http 'h' '/2' HTTP/1.1\nend\n");
  EXPECT_EQ(server.codec.active_streams(), 1u);
}

TEST(ServerConnection, AnswersASwitchFromWithinItsEvent) {
  Server server;
  server.on_begin = [](RecordedRequest& request) {
    request.on_head = [](RecordedRequest& r) {
      http::ResponseHead head = Head(r, 101);
      head.upgrade = "foo";
      r.stream.SendHead(head, false);
    };
  };
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nearly");
  EXPECT_EQ(server.log.Take(), "request GET http 'h' '/' HTTP/1.1 upgrade(foo)\ndata early\n");
}

// RFC 9110, 15.2.2: a 101 that nobody asked for is never passed on.
TEST(ServerConnection, DoesNotSwitchUnasked) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 101), false);
  EXPECT_EQ(server.link.Take(), "");
  EXPECT_EQ(server.codec.ending(), Ending::kAbort);
}

TEST(ServerConnection, PausesWithinAMessage) {
  for (const char* request : {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabcdefghi",
                              "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n3\r\ndef\r\n3\r\nghi\r\n0\r\n\r\n"}) {
    for (size_t piece : {0, 1, 2, 5}) {
      Server server;
      const auto pause = [](RecordedRequest& r) {
        if (!r.ended) r.stream.PauseReading();
      };
      server.on_begin = [&](RecordedRequest& r) { r.on_head = r.on_data = pause; };
      server.FeedIn(request, piece);
      EXPECT_FALSE(server.codec.wants_read());
      int resumed = 0;
      while (!server.last().ended && resumed < 100) {
        server.last().stream.ResumeReading();
        EXPECT_TRUE(server.link.resumed);
        server.Pump();
        ++resumed;
      }
      EXPECT_GE(resumed, 1);
      EXPECT_TRUE(server.log.Take().ends_with("data abcdefghi\nend\n"));
      server.last().Answer(200, "");
      EXPECT_TRUE(server.codec.wants_read());
      EXPECT_EQ(server.rest, "");
    }
  }
}

// E10
TEST(ServerConnection, ToleratesTinyChunks) {
  Server server;
  server.Feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  size_t received = 0;
  server.last().on_data = [&](RecordedRequest&) { ++received; };
  std::string chunks;
  for (int i = 0; i < 1000; ++i) chunks += "1\r\na\r\n";
  server.log.Take();
  for (int i = 0; i < 100; ++i) server.Feed(chunks);
  EXPECT_EQ(received, 100000u);
  // The arena holds the head and nothing of the body.
  EXPECT_LT(server.last().arena().bytes_taken(), 4096u);
}

// C15, E7
TEST(ServerConnection, ReadsNoRequestsForAPeerThatReadsNoAnswers) {
  ServerOptions options;
  options.output_high_watermark = 10000;
  Server server(options);
  server.on_begin = [](RecordedRequest& request) {
    request.on_head = [](RecordedRequest& r) { r.Answer(200, std::string(900, 'x')); };
  };
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  server.Feed(requests);
  EXPECT_LE(server.link.output().size(), 11000u);
  EXPECT_FALSE(server.codec.wants_read());
  for (int i = 0; i < 200 && server.requests.size() < 1000; ++i) {
    server.link.Take();
    server.codec.OutputDrained();
    EXPECT_TRUE(server.codec.wants_read());
    server.Pump();
  }
  EXPECT_EQ(server.requests.size(), 1000u);
}

TEST(ServerConnection, SaysWhenThereIsTooMuchOutput) {
  ServerOptions options;
  options.output_high_watermark = 10000;
  Server server(options);
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, std::string(5000, 'x')), false));
  EXPECT_FALSE(server.last().stream.SendData(SliceOf(server.pool, std::string(6000, 'x')), false));
  server.log.Take();
  server.link.Take();
  server.codec.OutputDrained();
  EXPECT_EQ(server.log.Take(), "ready\n");
  server.codec.OutputDrained();
  EXPECT_EQ(server.log.Take(), "");
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, std::string(60000, 'x').substr(0, 16000)), true));
}

TEST(ServerConnection, TellsItsReceiverThatTheConnectionIsGone) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.log.Take();
  server.codec.Abort("gone");
  EXPECT_EQ(server.log.Take(), "reset gone\n");
  server.codec.Abort("gone");
  EXPECT_EQ(server.log.Take(), "");
}

}  // namespace
}  // namespace pillion::codec::http1
