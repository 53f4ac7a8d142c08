// Who does not read is not written to, and who is not read waits.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

TEST(ServerBackpressure, PausesWithinAMessage) {
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
TEST(ServerBackpressure, ToleratesTinyChunks) {
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
TEST(ServerBackpressure, ReadsNoRequestsForAPeerThatReadsNoAnswers) {
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

TEST(ServerBackpressure, SaysWhenThereIsTooMuchOutput) {
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

}  // namespace
}  // namespace pillion::codec::http1
