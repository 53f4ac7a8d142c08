// How names of fields are spelled in heads that go out.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

using http::NameStyle;

ServerOptions Keeping(NameStyle others) {
  ServerOptions options;
  options.limits.keep_spelling = others;
  return options;
}

// The head that a server reads, written again to an upstream, with one field more.
std::string Forwarded(const ServerOptions& options, std::string_view request, size_t piece = 0,
                      NameStyle upstream = NameStyle::kLowerCase) {
  Server server(options);
  server.FeedIn(request, piece);
  ClientOptions client_options;
  client_options.names = upstream;
  Client client(client_options);
  RecordedResponse response(client.pool, client.log);
  http::RequestHead& head = *server.last().head;
  head.headers.Add("x-added-here", "1");
  client.codec.NewStream(response).SendHead(head, server.last().ended);
  return client.link.Take();
}

constexpr std::string_view kRequest =
    "POST / HTTP/1.1\r\nX-ONE: 1\r\nhOsT: h\r\ncontent-Type: t\r\nX_two: 2\r\nx-One: 3\r\nTRANSFER-Encoding: chunked\r\n\r\n";

TEST(Spelling, NamesGoOnAsTheyCame) {
  for (size_t piece : {0, 1, 2, 3, 7}) {
    EXPECT_EQ(Forwarded(Keeping(NameStyle::kLowerCase), kRequest, piece),
              "POST / HTTP/1.1\r\nhOsT: h\r\nX-ONE: 1\r\ncontent-Type: t\r\nX_two: 2\r\nx-One: 3\r\nx-added-here: 1\r\n"
              "TRANSFER-Encoding: chunked\r\n\r\n");
  }
}

TEST(Spelling, NamesOfOurOwnBesideThem) {
  EXPECT_EQ(Forwarded(Keeping(NameStyle::kProperCase), kRequest),
            "POST / HTTP/1.1\r\nhOsT: h\r\nX-ONE: 1\r\ncontent-Type: t\r\nX_two: 2\r\nx-One: 3\r\nX-Added-Here: 1\r\n"
            "TRANSFER-Encoding: chunked\r\n\r\n");
  // What came decides, not the side where it goes.
  EXPECT_EQ(Forwarded(Keeping(NameStyle::kLowerCase), "GET / HTTP/1.1\r\nhost: h\r\n\r\n", 0, NameStyle::kProperCase),
            "GET / HTTP/1.1\r\nhost: h\r\nx-added-here: 1\r\n\r\n");
}

TEST(Spelling, ProperCase) {
  EXPECT_EQ(Forwarded({}, kRequest, 0, NameStyle::kProperCase),
            "POST / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nContent-Type: t\r\nX_Two: 2\r\nX-One: 3\r\nX-Added-Here: 1\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(Forwarded({}, "GET / HTTP/1.1\r\nhost: h\r\n4ever.new: 1\r\na1b-2c: 1\r\n" + std::string(63, 'x') + "-y: 1\r\n\r\n",
                      0, NameStyle::kProperCase),
            "GET / HTTP/1.1\r\nHost: h\r\n4ever.New: 1\r\nA1b-2c: 1\r\nX" + std::string(62, 'x') +
                "-Y: 1\r\nX-Added-Here: 1\r\n\r\n");
}

TEST(Spelling, ProperCaseOfAnswers) {
  ServerOptions options;
  options.names = NameStyle::kProperCase;
  Server server(options);
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  server.last().Answer(200, "hello", "x-a", "1");
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
}

// An answer that an upstream gave, written again to a client.
std::string Returned(const ClientOptions& options, std::string_view answer, size_t piece = 0) {
  Client client(options);
  client.Request("GET", "/");
  http::ResponseHead* head = nullptr;
  client.responses.back()->on_response = [&](http::ResponseHead& h) { head = &h; };
  client.FeedIn(answer, piece);
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.SendHead(*head, true);
  return server.link.Take();
}

TEST(Spelling, Reason) {
  ClientOptions options;
  options.limits.keep_spelling = NameStyle::kLowerCase;
  constexpr std::string_view kAnswer = "HTTP/1.1 200 Quite Fine\r\nX-Up: 1\r\nCONTENT-length: 0\r\n\r\n";
  EXPECT_EQ(Returned(options, kAnswer), "HTTP/1.1 200 OK\r\nX-Up: 1\r\nCONTENT-length: 0\r\n\r\n");
  options.limits.keep_reason = true;
  for (size_t piece : {0, 1, 2, 3, 7}) {
    EXPECT_EQ(Returned(options, kAnswer, piece), "HTTP/1.1 200 Quite Fine\r\nX-Up: 1\r\nCONTENT-length: 0\r\n\r\n");
  }
  // None, and one that no line may have.
  EXPECT_EQ(Returned(options, "HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n"), "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(Returned(options, "HTTP/1.1 404 a\x01z\r\ncontent-length: 0\r\n\r\n"),
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
}

}  // namespace
}  // namespace pillion::codec::http1
