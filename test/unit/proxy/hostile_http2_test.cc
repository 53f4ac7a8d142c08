// Rows of hostile inputs that need HTTP/2 and the whole proxy (E, H, I): floods are counted and close the connection,
// slow peers are ended, gRPC that is broken passes as it is and is never made whole.

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

std::string Repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

// --- floods ------------------------------------------------------------------------------------------------------

struct FloodCase {
  std::string name;
  std::string prefix;
  std::string frame;
  size_t times;
  std::string stat;
};

class Http2Flood : public Http2Test, public testing::WithParamInterface<FloodCase> {};

TEST_P(Http2Flood, ClosesTheConnectionAndIsCounted) {
  Start({.http2_upstream = true});
  const std::string answer = Exchange(GetParam().prefix + Repeat(GetParam().frame, GetParam().times));
  EXPECT_TRUE(answer.ends_with("ENHANCE_YOUR_CALM\n")) << answer;
  EXPECT_TRUE(client_->peer().ended());
  EXPECT_EQ(world_->stat("http.in.http2." + GetParam().stat), 1);
  EXPECT_EQ(world_->stat("http.in.downstream_cx_protocol_error"), 1);
  // Who goes on all the same is read no longer than the grace for a peer that closes (H46).
  for (int i = 0; i < 10 && world_->connections() > 0; ++i) {
    client_->Send(GetParam().frame);
    world_->Wait(200);
  }
  EXPECT_EQ(world_->connections(), 0u);
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
}

const std::string kOpenRequest = HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders);

INSTANTIATE_TEST_SUITE_P(
    Flood, Http2Flood,
    testing::Values(
        FloodCase{"Ping", "", RawFrame(kPingFrame, 0, 0, "12345678"), 3000, "inbound_ping_flood"},
        FloodCase{"Settings", "", SettingsFrame(), 100, "inbound_settings_flood"},
        FloodCase{"Priority", "", RawFrame(kPriorityFrame, 0, 9, std::string("\0\0\0\0\7", 5)), 200,
                  "inbound_priority_frames_flood"},
        FloodCase{"WindowUpdate", kOpenRequest, WindowUpdateFrame(1, 1), 200, "inbound_window_update_frames_flood"},
        FloodCase{"EmptyData", kOpenRequest, DataFrame(1, ""), 100, "inbound_empty_frames_flood"},
        FloodCase{"Continuation", RawFrame(kHeadersFrame, kEndStream, 1, HpackBlock(RequestFields())),
                  RawFrame(kContinuationFrame, 0, 1), 100, "inbound_continuation_flood"}),
    [](const auto& info) { return info.param.name; });

// --- slow peers --------------------------------------------------------------------------------------------------

// E5: a head whose end does not come, however many bytes trickle in.
TEST_F(Http2Test, HeadThatTricklesIn) {
  Start({.hcm = "stream_idle_timeout: 0s", .http2_upstream = true});
  EXPECT_EQ(Exchange(RawFrame(kHeadersFrame, kEndStream, 1, HpackBlock(RequestFields()))), "");
  const std::string rest = RawFrame(kContinuationFrame, kEndHeaders, 1, HpackField("x-a", std::string(100, 'a')));
  for (size_t i = 0; i < 59; ++i) {
    client_->Send(rest.substr(i, 1));
    world_->Wait(1000);
  }
  EXPECT_EQ(client_->Take(), "");
  world_->Wait(1000);
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HEADERS 1 :status=408 ")) << answer;
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"- - HTTP/2 408 - request_header_timeout 0 22 60000"});
  EXPECT_EQ(world_->stat("http.in.downstream_rq_header_timeout"), 1);
  // When the rest does come it changes nothing, and the connection serves others.
  EXPECT_EQ(Exchange(rest.substr(59)), "");
  EXPECT_EQ(world_->upstream().size(), 0u);
  EXPECT_TRUE(Exchange(HeadersFrame(3, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/direct"}}))
                  .starts_with("HEADERS 3 :status=200 "));
}

// H11: an answer that gets no window is ended by the stream's idle timer; the connection lives.
TEST_F(Http2Test, AnswerThatIsNeverGrantedAWindow) {
  Start({.hcm = "stream_idle_timeout: 30s", .route = "timeout: 0s", .http2_upstream = true});
  Exchange(SettingsFrame({{4, 0}}) + HeadersFrame(1, RequestFields()));
  upstream2().Take();
  EXPECT_EQ(ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "abc")), "");
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\n");
  world_->Wait(29'999);
  EXPECT_EQ(client_->Take(), "");
  world_->Wait(1);
  EXPECT_EQ(client_->Take(), "RST_STREAM 1 INTERNAL_ERROR\n");
  EXPECT_EQ(upstream2().Take(), "RST_STREAM 1 CANCEL\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET / HTTP/2 200 SI stream_idle_timeout 0 3 30000"});
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
  EXPECT_EQ(world_->connections(), 1u);
}

// The same, when all of the answer has come, so that nobody but its connection knows of it. One that is taken slowly
// is not ended.
TEST_F(Http2Test, WholeAnswerThatIsNeverGrantedAWindow) {
  Start({.hcm = "stream_idle_timeout: 30s", .http2_upstream = true});
  Exchange(SettingsFrame({{4, 0}}) + HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()));
  upstream2().Take();
  const auto answer = [](uint32_t id) {
    return HeadersFrame(id, Response(), kEndHeaders) + DataFrame(id, "abcdef", kEndStream);
  };
  EXPECT_EQ(ExchangeUp(answer(1) + answer(3)), "");
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nHEADERS 3 :status=200\n");
  EXPECT_EQ(world_->TakeLog().size(), 2u);
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
  for (const std::string letter : {"a", "b", "c"}) {
    EXPECT_EQ(Exchange(WindowUpdateFrame(3, 1)), "DATA 3 " + letter + "\n");
    world_->Wait(25'000);
  }
  EXPECT_EQ(client_->Take(), "RST_STREAM 1 CANCEL\n");
  EXPECT_EQ(Exchange(WindowUpdateFrame(3, 3)), "DATA 3 def end\n");
  EXPECT_EQ(world_->stat("http.in.http2.tx_flush_timeout"), 1);
  EXPECT_EQ(world_->connections(), 1u);
}

// Answers without a body keep to no window: who does not read them gets no further ones.
TEST_F(Http2Test, AnswersThatAreNeverRead) {
  Start({.listener = "per_connection_buffer_limit_bytes: 1000"});
  client_->peer().StopReading();
  const codec::http2::Fields fields = {{":method", "HEAD"},
                                       {":scheme", "http"},
                                       {":authority", "h"},
                                       {":path", "/direct"},
                                       {"x-pad", std::string(200, 'p')}};
  constexpr uint32_t kRequests = 50'000;
  for (uint32_t i = 0; i < kRequests; ++i) {
    client_->Send(HeadersFrame(2 * i + 1, fields));
    if (i % 100 == 99) world_->Run();
  }
  EXPECT_LT(world_->stat("http.in.downstream_rq_total"), kRequests);
  client_->peer().ReadAgain();
  world_->Run();
  EXPECT_EQ(world_->stat("http.in.downstream_rq_total"), kRequests);
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
}

// E6: a body that trickles in has the request's timeout.
TEST_F(Http2Test, BodyThatTricklesIn) {
  Start({.hcm = "request_timeout: 10s", .http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders));
  upstream2();
  for (int i = 0; i < 10; ++i) {
    client_->Send(DataFrame(1, "a"));
    world_->Wait(1000);
  }
  EXPECT_TRUE(upstream2().Take().ends_with("DATA 1 a\nRST_STREAM 1 CANCEL\n"));
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HEADERS 1 :status=408 ")) << answer;
  EXPECT_TRUE(answer.ends_with("DATA 1 request timeout end\nRST_STREAM 1 NO_ERROR\n")) << answer;
}

// E10: a body in frames of one byte, for an upstream that reads nothing, costs about its size.
TEST_F(Http2Test, DataFramesOfOneByte) {
  Start();
  Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders));
  upstream1().StopReading();
  constexpr size_t kWindow = 65'535;  // before our SETTINGS are acknowledged
  EXPECT_EQ(Exchange(Repeat(DataFrame(1, "a"), kWindow)), "");
  EXPECT_LE(world_->worker().blocks().blocks_taken(), 100u);
  upstream1().ReadAgain();
  client_->Send(DataFrame(1, "", kEndStream));
  world_->Run();
  EXPECT_TRUE(upstream1().received().ends_with("\r\n0\r\n\r\n"));
}

// --- bodies that break off ---------------------------------------------------------------------------------------

// D6 toward HTTP/2.
TEST_F(Http2Test, BadChunkFromHttp1Upstream) {
  Start();
  Exchange(HeadersFrame(1, RequestFields()));
  upstream1().Send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 abc\n");
  upstream1().Send("10000000000000005\r\n");
  world_->Run();
  EXPECT_EQ(client_->Take(), "RST_STREAM 1 INTERNAL_ERROR\n");
}

// H40: a client that goes away lets its streams end.
TEST_F(Http2Test, ClientGoesAway) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()) + RawFrame(kGoAwayFrame, 0, 0, codec::http2::Number(0, 4) + codec::http2::Number(0, 4)));
  upstream2().Take();
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "abc", kEndStream));
  EXPECT_TRUE(client_->Take().starts_with("HEADERS 1 :status=200\nDATA 1 abc end\n"));
  world_->Wait(1000);
  EXPECT_EQ(world_->connections(), 0u);
}

// --- gRPC --------------------------------------------------------------------------------------------------------

Fields GrpcFields(Fields more = {}, std::string_view type = "application/grpc") {
  more.insert(more.begin(), {"content-type", std::string(type)});
  return RequestFields(std::move(more), "POST");
}

// I3 to I6: messages are the two ends' business. What comes passes at once, whatever its prefix says, and a message
// that breaks off is no reason for an end that was not sent.
TEST_F(Http2Test, GrpcMessagesAreOpaque) {
  for (const std::string& message :
       {std::string("\x02\0\0\0\1a", 6), std::string("\xff\0\0\0\1a", 6), std::string("\1\0\0\0\1a", 6),
        std::string("\0\xff\xff\xff\xff"
                    "abc",
                    8),
        std::string("\0\0", 2)}) {
    Start({.http2_upstream = true});
    EXPECT_EQ(Exchange(HeadersFrame(1, GrpcFields(), kEndHeaders) + DataFrame(1, message)), "");
    upstream2();
    EXPECT_TRUE(upstream2().Take().ends_with("\nDATA 1 " + message + "\n"));
    EXPECT_LE(world_->worker().blocks().blocks_taken(), 10u);
    ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, message));
    EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 " + message + "\n");
    EXPECT_EQ(ExchangeUp(ResetFrame(1, 2)), "");
    EXPECT_EQ(client_->Take(), "RST_STREAM 1 INTERNAL_ERROR\n");
    TearDown();
  }
}

// I7: it is added where the client left it out.
TEST_F(Http2Test, GrpcAlwaysTakesTrailers) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, GrpcFields()) + HeadersFrame(3, GrpcFields({{"te", "trailers"}})) + HeadersFrame(5, RequestFields()));
  const std::string head = " :scheme=http :path=/ :authority=h.test";
  EXPECT_EQ(upstream2().Take(), "HEADERS 1 :method=POST" + head + " content-type=application/grpc te=trailers end\n" +
                                    "HEADERS 3 :method=POST" + head + " content-type=application/grpc te=trailers end\n" +
                                    "HEADERS 5 :method=GET" + head + " end\n");
}

// I8: what only looks like gRPC gets answers of HTTP.
TEST_F(Http2Test, OnlyGrpcGetsAnswersOfGrpc) {
  Start({.hosts = 0});
  EXPECT_TRUE(Exchange(HeadersFrame(1, GrpcFields({}, "application/grpc+proto"))).starts_with("HEADERS 1 :status=200 "));
  EXPECT_TRUE(Exchange(HeadersFrame(3, GrpcFields({}, "application/grpc; charset=utf-8"))).starts_with("HEADERS 3 :status=200 "));
  for (const auto& [id, type] : {std::pair{5, "application/grpcweird"}, {7, "application/json"}, {9, ""}}) {
    const std::string answer = Exchange(HeadersFrame(static_cast<uint32_t>(id), GrpcFields({}, type)));
    EXPECT_TRUE(answer.starts_with("HEADERS " + std::to_string(id) + " :status=503 ")) << answer;
  }
}

// I9, I11, I12, I13: an answer of upstream passes as it came, sensible or not.
TEST_F(Http2Test, GrpcAnswersPassAsTheyAre) {
  const Fields trailers[] = {
      {{"grpc-status", "0"}, {"grpc-status", "5"}},
      {{"grpc-status", "99"}},
      {{"grpc-status", "abc"}, {"grpc-message", "%zz%0d%0a"}},
      {{"grpc-status", "0"}, {"grpc-message", std::string(4096, 'm')}},
      {{"grpc-status", "0"}, {"x-a-bin", "no base64!"}, {"x-b-bin", "AAA=,AA"}},
      {{"x-a", "no status"}},
  };
  for (const Fields& fields : trailers) {
    Start({.http2_upstream = true});
    Exchange(HeadersFrame(1, GrpcFields()));
    upstream2();
    ExchangeUp(HeadersFrame(1, Response({{"content-type", "application/grpc"}}), kEndHeaders) + HeadersFrame(1, fields));
    std::string expected = "HEADERS 1 :status=200 content-type=application/grpc\nHEADERS 1";
    for (const auto& [name, value] : fields) expected += " " + name + "=" + value;
    EXPECT_EQ(client_->Take(), expected + " end\n");
    TearDown();
  }
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, GrpcFields()));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response({{"content-type", "text/html"}}, "503"), kEndHeaders) + DataFrame(1, "<p>", kEndStream));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=503 content-type=text/html\nDATA 1 <p> end\n");
}

// I14: a call whose answer is whole is over, also where upstream then resets it; a cancel goes on at once.
TEST_F(Http2Test, GrpcResetBehindTrailers) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, GrpcFields(), kEndHeaders) + HeadersFrame(3, GrpcFields(), kEndHeaders));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + HeadersFrame(1, {{"grpc-status", "0"}}) + ResetFrame(1, 0));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nHEADERS 1 grpc-status=0 end\nRST_STREAM 1 NO_ERROR\n");
  upstream2().Take();
  EXPECT_EQ(Exchange(ResetFrame(3, 8)), "");
  EXPECT_EQ(upstream2().Take(), "RST_STREAM 3 CANCEL\n");
}

// I15: a hundred thousand tiny messages in one call, within one window.
TEST_F(Http2Test, GrpcManyTinyMessages) {
  Start({.route = "timeout: 0s", .http2_upstream = true});
  Exchange(SettingsFrame({}, kAck) + HeadersFrame(1, GrpcFields(), kEndHeaders));
  upstream2();
  upstream2().Take();
  constexpr size_t kTurns = 1000;
  const std::string message("\0\0\0\0\0", 5);
  const std::string messages = Repeat(DataFrame(1, message), 100);
  size_t received = 0;
  for (size_t turn = 0; turn < kTurns; ++turn) {
    client_->Send(messages);
    world_->Wait(1000);  // no timer of messages
    for (const SeenFrame& frame : ParseFrames(upstream2().peer().Take())) {
      if (frame.type == kDataFrame) received += frame.payload.size();
    }
    upstream2().Send(WindowUpdateFrame(0, 500) + WindowUpdateFrame(1, 500));
    const std::string answer = client_->Take();
    ASSERT_EQ(answer, "") << turn;
  }
  EXPECT_EQ(received, kTurns * 500);
  EXPECT_LE(world_->worker().blocks().blocks_taken(), 20u);
  EXPECT_EQ(Exchange(DataFrame(1, "", kEndStream)), "");
  EXPECT_TRUE(upstream2().Take().ends_with(" end\n"));
}

}  // namespace
}  // namespace pillion::test
