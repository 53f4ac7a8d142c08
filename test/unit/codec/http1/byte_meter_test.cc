// What is counted of messages on the wire, however they come in pieces.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

// Wire in and out, heads in and out, texts in and out.
std::string Text(const ByteMeter& bytes) {
  return std::to_string(bytes.wire_received) + " " + std::to_string(bytes.wire_sent) + " " +
         std::to_string(bytes.heads_received) + " " + std::to_string(bytes.heads_sent) + " " +
         std::to_string(bytes.texts_received) + " " + std::to_string(bytes.texts_sent);
}

constexpr size_t kPieces[] = {0, 1, 7};

TEST(ByteMeter, RequestAndAnswer) {
  // "host:h.test\r\n" and "x-a:b\r\n"; a start line and blanks do not count as heads.
  const std::string request = "GET /a HTTP/1.1\r\nhost:  h.test \r\nx-a: b\r\n\r\n";
  for (const size_t piece : kPieces) {
    Server server;
    server.FeedIn(request, piece);
    server.last().Answer(200, "hello", "x-b", "c");
    const std::string answer = server.link.Take();
    EXPECT_EQ(answer, "HTTP/1.1 200 OK\r\nx-b: c\r\ncontent-length: 5\r\n\r\nhello");
    EXPECT_EQ(Text(server.last().bytes), std::to_string(request.size()) + " " + std::to_string(answer.size()) + " 20 27 20 27");
  }
}

TEST(ByteMeter, EachRequestOfAConnection) {
  const std::string request = "GET /a HTTP/1.1\r\nhost: h\r\n\r\n";
  for (const size_t piece : kPieces) {
    Server server;
    server.on_begin = [](RecordedRequest& begun) { begun.on_head = [](RecordedRequest& r) { r.Answer(200, "x"); }; };
    server.FeedIn(request + "\r\n" + request, piece);
    ASSERT_EQ(server.requests.size(), 2u);
    const size_t answer = server.link.Take().size() / 2;
    // Empty lines in front of a request belong to none.
    const std::string counts = std::to_string(request.size()) + " " + std::to_string(answer) + " 8 19 8 19";
    EXPECT_EQ(Text(server.requests[0]->bytes), counts);
    EXPECT_EQ(Text(server.requests[1]->bytes), counts);
  }
}

TEST(ByteMeter, ChunksAndTrailers) {
  const std::string request =
      "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0\r\nx-t: 1\r\n\r\n";
  for (const size_t piece : kPieces) {
    ServerOptions options;
    options.limits.enable_trailers = true;
    Server server(options);
    server.FeedIn(request, piece);
    RecordedRequest& last = server.last();
    http::ResponseHead answer = Head(last, 200);
    last.stream.SendHead(answer, false);
    (void)last.stream.SendData(SliceOf(server.pool, "hello"), false);
    http::HeaderMap trailers(last.arena());
    trailers.Add("x-t", "yes");
    last.stream.SendTrailers(trailers);
    const std::string sent = server.link.Take();
    // Of received trailers there is no count as texts: so has Envoy.
    EXPECT_EQ(Text(last.bytes), std::to_string(request.size()) + " " + std::to_string(sent.size()) + " 42 38 35 38");
  }
}

TEST(ByteMeter, InterimAnswersAndTunnels) {
  const std::string request = "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
  Server server;
  server.Feed(request + "more");
  RecordedRequest& last = server.last();
  http::ResponseHead hints = Head(last, 103);
  last.stream.SendInformational(hints);
  http::ResponseHead answer = Head(last, 101);
  answer.upgrade = "x";
  last.stream.SendHead(answer, false);
  server.Pump();
  (void)last.stream.SendData(SliceOf(server.pool, "answer"), false);
  const std::string sent = server.link.Take();
  EXPECT_EQ(last.bytes.wire_received, request.size() + 4);
  EXPECT_EQ(last.bytes.wire_sent, sent.size());
}

TEST(ByteMeter, WhatIsRefused) {
  const std::string request = "GET / HTTP/1.1\r\nhost: h\r\nbad\r\n\r\n";
  Server server;
  server.Feed(request);
  server.last().Answer(400, "");
  EXPECT_EQ(server.last().bytes.wire_received, request.size());
  EXPECT_EQ(server.last().bytes.heads_received, 0u);
  EXPECT_EQ(server.last().bytes.wire_sent, server.link.Take().size());
}

// The rest of a request that was answered is nobody's any more.
TEST(ByteMeter, WhatIsDrained) {
  const std::string head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n";
  Server server;
  server.Feed(head);
  server.last().Answer(200, "");
  server.last().stream.Reset(ResetReason::kNoError);
  server.Feed("abc");
  EXPECT_EQ(server.last().bytes.wire_received, head.size());
}

// The receiver goes while its connection lives on.
TEST(ByteMeter, TheReceiverGoesFirst) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  server.last().Answer(200, "");
  server.requests.clear();
  server.Feed("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  server.last().Answer(200, "");
  EXPECT_GT(server.last().bytes.wire_sent, 0u);
}

TEST(ByteMeter, UpstreamsAnswer) {
  const std::string answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx-up:  1 \r\ncontent-length: 5\r\n\r\nhello";
  for (const size_t piece : kPieces) {
    Client client;
    RecordedResponse& response = client.Request("POST", "/a", false);
    (void)client.stream->SendData(SliceOf(client.pool, "abc"), true);
    const std::string sent = client.link.Take();
    EXPECT_EQ(sent, "POST /a HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    client.FeedIn(answer, piece);
    EXPECT_EQ(Text(response.bytes), std::to_string(answer.size()) + " " + std::to_string(sent.size()) + " 26 42 26 42");
    RecordedResponse& next = client.Request("GET", "/");
    EXPECT_EQ(next.bytes.wire_sent, client.link.Take().size());
    EXPECT_EQ(response.bytes.wire_sent, sent.size());
  }
}

// Of a tunnel what was held back counts when it goes out.
TEST(ByteMeter, UpstreamsTunnel) {
  Client client;
  RecordedResponse& response = client.Request("GET", "/", false, "x");
  (void)client.stream->SendData(SliceOf(client.pool, "early"), false);
  const std::string head = client.link.Take();
  EXPECT_EQ(response.bytes.wire_sent, head.size());
  const std::string answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
  client.Feed(answer + "tunnel");
  EXPECT_EQ(client.link.Take(), "early");
  EXPECT_EQ(response.bytes.wire_sent, head.size() + 5);
  EXPECT_EQ(response.bytes.wire_received, answer.size() + 6);
}

}  // namespace
}  // namespace pillion::codec::http1
