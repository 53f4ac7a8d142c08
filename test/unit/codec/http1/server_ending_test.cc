// How requests, answers and connections end: also early, broken, or on the word of others.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

TEST(ServerEnding, DrainsTheRestOfAnAnsweredRequest) {
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

TEST(ServerEnding, DrainsOnlySoMuch) {
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
TEST(ServerEnding, ReadsOnBehindAnEarlyAnswer) {
  Server server;
  server.Feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nhe");
  server.last().Answer(200, "early");
  EXPECT_EQ(server.codec.active_streams(), 1u);
  server.Feed("llo!GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(server.log.Take(),
            "request POST http 'h' '/' HTTP/1.1 content-length=6;\ndata hello!\nend\n"
            "request GET http 'h' '/2' HTTP/1.1\nend\n");
}

TEST(ServerEnding, AnswersBeforeTheHeadIsComplete) {
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

TEST(ServerEnding, NeverEndsABrokenAnswerCleanly) {
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

TEST(ServerEnding, ResetInTheMiddleOfAnAnswerAborts) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "abc"), false));
  server.last().stream.Reset(ResetReason::kInternalError);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_EQ(server.codec.ending(), Ending::kAbort);
}

TEST(ServerEnding, ResetWithoutAnAnswerCloses) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.Reset(ResetReason::kCancel);
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
  EXPECT_EQ(server.codec.active_streams(), 0u);
}

TEST(ServerEnding, ResetFromWithinEachEvent) {
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

TEST(ServerEnding, AnErrorInTheBodyEndsABegunAnswer) {
  Server server;
  server.Feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  server.Feed("G\r\n");
  EXPECT_EQ(server.log.Take(), "request POST http 'h' '/' HTTP/1.1\nerror 400 http1.codec_error\n");
  EXPECT_TRUE(server.last().stream.SendData({}, true));
  EXPECT_EQ(server.codec.ending(), Ending::kLinger);
}

// A30
TEST(ServerEnding, ResetsARequestThatThePeerCutShort) {
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
TEST(ServerEnding, AnswersAPeerThatHalfCloses) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  server.last().Answer(200, "hello");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello");
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

TEST(ServerEnding, AnIdlePeerMayEnd) {
  Server server;
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

TEST(ServerEnding, Drains) {
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

TEST(ServerEnding, ClosesWhenTheRequestSaysSo) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  server.last().Answer(200, "");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

TEST(ServerEnding, TellsItsReceiverThatTheConnectionIsGone) {
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
