// HTTP/2 through the whole proxy, frame by frame: what the codec can't know by itself.

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

// --- between versions --------------------------------------------------------------------------------------------

TEST_F(Http2Test, DownToHttp1Up) {
  Start();
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields({{"x-a", "1"}}, "POST"), kEndHeaders) + DataFrame(1, "hello", kEndStream)), "");
  EXPECT_EQ(upstream1().Take(),
            "POST / HTTP/1.1\r\nhost: h.test\r\nx-a: 1\r\nx-forwarded-proto: http\r\n"
            "x-envoy-expected-rq-timeout-ms: 15000\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  upstream1().Send("HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nx-b: 2\r\ncontent-length: 2\r\n\r\nhi");
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 x-b=2 content-length=2\nDATA 1 hi end\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"POST / HTTP/2 200 - via_upstream 5 2 0"});
  EXPECT_EQ(world_->stat("http.in.downstream_cx_http2_total"), 1);
}

TEST_F(Http2Test, Http1DownToUp) {
  Start({.http2_upstream = true});
  std::unique_ptr<Peer> client = world_->Connect();
  client->Send("POST /p HTTP/1.1\r\nhost: h\r\nconnection: x-hop\r\nx-hop: 1\r\nTE: gzip\r\ncontent-length: 2\r\n\r\nhi");
  world_->Run();
  upstream2();
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=POST :scheme=http :path=/p :authority=h content-length=2\nDATA 1 hi end\n");
  EXPECT_EQ(ExchangeUp(HeadersFrame(1, Response({{"x-b", "2"}}), kEndHeaders) + DataFrame(1, "bye", kEndStream)), "");
  EXPECT_NE(client->received().find("\r\nx-b: 2\r\n"), std::string::npos);
  EXPECT_TRUE(client->received().ends_with("transfer-encoding: chunked\r\n\r\n3\r\nbye\r\n0\r\n\r\n")) << client->received();
}

TEST_F(Http2Test, TrailersPassBothWays) {
  Start({.http2_upstream = true});
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields({{"te", "trailers"}}, "POST"), kEndHeaders) + DataFrame(1, "a") +
                     HeadersFrame(1, {{"x-sum", "1"}})), "");
  upstream2();
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=POST :scheme=http :path=/ :authority=h.test te=trailers\nDATA 1 a\nHEADERS 1 x-sum=1 end\n");
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "b") + HeadersFrame(1, {{"grpc-status", "0"}}));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 b\nHEADERS 1 grpc-status=0 end\n");
}

// H24: the authority is what counts and what goes on.
TEST_F(Http2Test, AuthorityBeforeHost) {
  Start();
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields({{"host", "evil"}}))), "");
  ASSERT_EQ(world_->upstream().size(), 1u);
  EXPECT_TRUE(upstream1().Take().starts_with("GET / HTTP/1.1\r\nhost: h.test\r\nx-forwarded-proto"));
}

// G9: a cookie in pieces is one field in HTTP/1.
TEST_F(Http2Test, CookiePieces) {
  Start();
  Exchange(HeadersFrame(1, RequestFields({{"cookie", "a=1"}, {"x-a", "1"}, {"cookie", "b=2"}})));
  ASSERT_EQ(world_->upstream().size(), 1u);
  const std::string got = upstream1().Take();
  EXPECT_NE(got.find("cookie: a=1; b=2\r\n"), std::string::npos) << got;
}

// H26: a length that does not hold; what is not complete never looks complete.
TEST_F(Http2Test, WrongContentLength) {
  const std::string cases[] = {
      HeadersFrame(1, RequestFields({{"content-length", "5"}}, "POST"), kEndHeaders) + DataFrame(1, "abc", kEndStream),
      HeadersFrame(1, RequestFields({{"content-length", "3"}}, "POST"), kEndHeaders) + DataFrame(1, "abcde"),
      HeadersFrame(1, RequestFields({{"content-length", "5"}}, "POST")),
      HeadersFrame(1, RequestFields({{"content-length", "5"}, {"content-length", "6"}}, "POST"), kEndHeaders),
      HeadersFrame(1, RequestFields({{"content-length", "+0"}}, "POST"), kEndHeaders),
  };
  for (const std::string& frames : cases) {
    Start();
    const std::string answer = Exchange(frames);
    EXPECT_TRUE(answer == "RST_STREAM 1 PROTOCOL_ERROR\n" || answer.starts_with("HEADERS 1 :status=400")) << answer;
    for (size_t i = 0; i < world_->upstream().size(); ++i) {
      // Cut short within the length that was announced, or never begun.
      EXPECT_TRUE(upstream1(i).received().empty() || upstream1(i).error() == ECONNRESET) << upstream1(i).received();
    }
    EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
    EXPECT_EQ(world_->TakeLog().size(), 1u);
    // The connection serves other streams still.
    EXPECT_EQ(Exchange(HeadersFrame(3, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/direct"}})),
              "HEADERS 3 :status=200 content-length=6 content-type=text/plain\nDATA 3 direct end\n");
    TearDown();
  }
}

// H38: more streams than we take.
TEST_F(Http2Test, TooManyStreams) {
  Start({.hcm = "http2_protocol_options: {max_concurrent_streams: 2}", .http2_upstream = true});
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()) + HeadersFrame(5, RequestFields())),
            "RST_STREAM 5 REFUSED_STREAM\n");
  upstream2();
  const std::string got = upstream2().Take();
  EXPECT_NE(got.find("HEADERS 3 "), std::string::npos);
  EXPECT_EQ(got.find("HEADERS 5 "), std::string::npos) << got;
}

// --- resets ------------------------------------------------------------------------------------------------------

TEST_F(Http2Test, ClientResetCancelsUpstream) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()));
  upstream2();
  upstream2().Take();
  EXPECT_EQ(Exchange(ResetFrame(1, 8)), "");
  EXPECT_EQ(upstream2().Take(), "RST_STREAM 1 CANCEL\n");
  ExchangeUp(HeadersFrame(3, Response()));
  EXPECT_EQ(client_->Take(), "HEADERS 3 :status=200 end\n");
  EXPECT_EQ(world_->TakeLog(), (std::vector<std::string>{"GET / HTTP/2 0 DR http2.remote_reset 0 0 0",
                                                         "GET / HTTP/2 200 - via_upstream 0 0 0"}));
}

TEST_F(Http2Test, ClientResetClosesHttp1Upstream) {
  Start();
  Exchange(HeadersFrame(1, RequestFields()));
  EXPECT_EQ(Exchange(ResetFrame(1, 8)), "");
  EXPECT_EQ(upstream1().error(), ECONNRESET);
  EXPECT_FALSE(client_->peer().ended());
}

TEST_F(Http2Test, UpstreamResetBeforeHead) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()));
  upstream2();
  ExchangeUp(ResetFrame(1, 2));
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HEADERS 1 :status=503 ")) << answer;
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET / HTTP/2 503 UR "
                                                        "upstream_reset_before_response_started{remote_reset} 0 85 0"});
}

TEST_F(Http2Test, UpstreamResetInBody) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "abc"));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 abc\n");
  ExchangeUp(ResetFrame(1, 2));
  EXPECT_EQ(client_->Take(), "RST_STREAM 1 INTERNAL_ERROR\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET / HTTP/2 200 UR "
                                                        "upstream_reset_after_response_started{remote_reset} 0 3 0"});
}

// D7 toward HTTP/2: an HTTP/1 answer that is cut off.
TEST_F(Http2Test, Http1UpstreamEndsInBody) {
  Start();
  Exchange(HeadersFrame(1, RequestFields()));
  upstream1().Send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 content-length=10\nDATA 1 abc\n");
  upstream1().Close();
  world_->Run();
  EXPECT_EQ(client_->Take(), "RST_STREAM 1 INTERNAL_ERROR\n");
}

// D19: a reset and GOAWAY behind it.
TEST_F(Http2Test, UpstreamResetThenGoAway) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()));
  upstream2();
  upstream2().Take();
  upstream2().Send(ResetFrame(1, 2) + ResetFrame(3, 2) + RawFrame(kGoAwayFrame, 0, 0, codec::http2::Number(3, 4) + codec::http2::Number(2, 4)));
  world_->Run();
  const std::string answer = client_->Take();
  EXPECT_NE(answer.find("HEADERS 1 :status=503"), std::string::npos) << answer;
  EXPECT_NE(answer.find("HEADERS 3 :status=503"), std::string::npos) << answer;
  EXPECT_TRUE(upstream2().peer().ended());
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_cx_active"), 0);
}

// D20: trailers that are not the end.
TEST_F(Http2Test, UpstreamTrailersWithoutEnd) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()));
  upstream2();
  upstream2().Take();
  const std::string up = ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "a") +
                                    HeadersFrame(1, {{"x", "y"}}, kEndHeaders) + DataFrame(1, "b"));
  EXPECT_EQ(up, "RST_STREAM 1 PROTOCOL_ERROR\n");
  const std::string down = client_->Take();
  EXPECT_TRUE(down.ends_with("RST_STREAM 1 INTERNAL_ERROR\n")) << down;
}

// H42: streams above the last one that upstream names were not served; the others finish.
TEST_F(Http2Test, UpstreamGoAway) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()));
  upstream2();
  upstream2().Take();
  upstream2().Send(RawFrame(kGoAwayFrame, 0, 0, codec::http2::Number(1, 4) + codec::http2::Number(0, 4)));
  world_->Run();
  // The other one has not been processed: another connection is asked.
  world_->Wait(1);
  EXPECT_EQ(client_->Take(), "");
  ASSERT_EQ(world_->upstream().size(), 2u);
  Http2Peer second = Http2Peer::Server(world_->upstream().peer(1), SettingsFrame());
  world_->Run();
  EXPECT_NE(second.Take().find("HEADERS 1 :method=GET "), std::string::npos);
  second.Send(HeadersFrame(1, Response()));
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 3 :status=200 end\n");
  upstream2().Send(HeadersFrame(1, Response()));
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\n");
  EXPECT_TRUE(upstream2().peer().ended());
  // The next request goes by the new connection.
  Exchange(HeadersFrame(5, RequestFields()));
  EXPECT_EQ(world_->upstream().size(), 2u);
}

// H43: upstream takes no streams: requests wait, as many as are allowed.
TEST_F(Http2Test, UpstreamTakesNoStreams) {
  Start({.cluster = "circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 2}]}", .http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()));
  upstream2(SettingsFrame({{3, 1}}));
  upstream2().Send(SettingsFrame({{3, 0}}));
  world_->Run();
  upstream2().Take();
  const std::string answer = Exchange(HeadersFrame(3, RequestFields()) + HeadersFrame(5, RequestFields()) + HeadersFrame(7, RequestFields()));
  EXPECT_TRUE(answer.starts_with("HEADERS 7 :status=503 content-length=81 content-type=text/plain")) << answer;
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET / HTTP/2 503 UO upstream_reset_before_response_started{overflow} 0 81 0"});
  EXPECT_EQ(upstream2().Take(), "");
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_pending_active"), 2);
  upstream2().Send(SettingsFrame({{3, 10}}));
  world_->Run();
  EXPECT_EQ(FramesText(ParseFrames(upstream2().peer().Take())), "HEADERS 3 end\nHEADERS 5 end\n");
}

// --- floods ------------------------------------------------------------------------------------------------------

// H2: streams opened and reset at once.
TEST_F(Http2Test, RapidReset) {
  Start({.http2_upstream = true});
  std::string answer;
  uint32_t id = 1;
  for (; id < 20'000 && answer.empty(); id += 2) answer = Exchange(HeadersFrame(id, RequestFields()) + ResetFrame(id, 8));
  EXPECT_NE(answer.find("ENHANCE_YOUR_CALM"), std::string::npos) << answer;
  EXPECT_LT(id, 2'000u);
  world_->Wait(1000);
  EXPECT_TRUE(client_->peer().ended());
  EXPECT_EQ(world_->connections(), 0u);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
  EXPECT_GE(world_->stat("http.in.http2.inbound_reset_flood"), 1);
  EXPECT_EQ(world_->stat("http.in.downstream_cx_protocol_error"), 1);
}

// Callers whose deadline passes while an upstream does not answer are no flood, however many they are.
TEST_F(Http2Test, DeadlinesThatPass) {
  Start({.http2_upstream = true});
  for (uint32_t id = 1; id < 1'000; id += 2) {
    EXPECT_EQ(Exchange(HeadersFrame(id, RequestFields())), "");
    world_->Wait(1000);
    EXPECT_EQ(Exchange(ResetFrame(id, 8)), "");
    if (HasFailure()) return;
  }
  EXPECT_FALSE(client_->peer().ended());
  EXPECT_EQ(world_->stat("http.in.http2.inbound_reset_flood"), 0);
}

// H3: we are made to reset (CVE-2025-8671): the same budget.
TEST_F(Http2Test, MadeYouReset) {
  Start({.http2_upstream = true});
  std::string answer;
  uint32_t id = 1;
  for (; id < 20'000 && answer.find("GOAWAY") == answer.npos; id += 2) {
    answer = Exchange(HeadersFrame(id, RequestFields({}, "POST"), kEndHeaders) + WindowUpdateFrame(id, 0x7fffffff));
  }
  EXPECT_NE(answer.find("ENHANCE_YOUR_CALM"), std::string::npos) << answer;
  EXPECT_LT(id, 2'000u);
  world_->Wait(1000);
  EXPECT_EQ(world_->connections(), 0u);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
}

// --- drain -------------------------------------------------------------------------------------------------------

// H41: GOAWAY in two steps; what came in between is served.
TEST_F(Http2Test, Drain) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields()));
  upstream2();
  upstream2().Take();
  world_->StartDrain();
  world_->Run();
  EXPECT_EQ(client_->Take(), "GOAWAY 2147483647 NO_ERROR\n");
  EXPECT_EQ(Exchange(HeadersFrame(3, RequestFields())), "");
  world_->Wait(500);
  EXPECT_EQ(client_->Take(), "GOAWAY 3 NO_ERROR\n");
  EXPECT_FALSE(client_->peer().ended());
  // Too late; no answer, and safe to send elsewhere.
  EXPECT_EQ(Exchange(HeadersFrame(5, RequestFields())), "");
  ExchangeUp(HeadersFrame(1, Response()) + HeadersFrame(3, Response()));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\nHEADERS 3 :status=200 end\n");
  EXPECT_TRUE(client_->peer().ended());
  world_->Wait(1000);
  EXPECT_EQ(world_->connections(), 0u);
}

// --- gRPC --------------------------------------------------------------------------------------------------------

Fields GrpcFields() { return RequestFields({{"content-type", "application/grpc"}, {"te", "trailers"}}, "POST"); }

TEST_F(Http2Test, GrpcTrailersOnlyPasses) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, GrpcFields(), kEndHeaders) + DataFrame(1, std::string("\0\0\0\0\0", 5), kEndStream));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response({{"content-type", "application/grpc"}, {"grpc-status", "5"}, {"grpc-message", "no%20such"}})));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 content-type=application/grpc grpc-status=5 grpc-message=no%20such end\n");
}

TEST_F(Http2Test, GrpcRouteTimeoutIsUnavailable) {
  Start({.route = "timeout: 1s", .http2_upstream = true});
  Exchange(HeadersFrame(1, GrpcFields()));
  world_->Wait(1000);
  EXPECT_EQ(client_->Take(),
            "HEADERS 1 :status=200 content-type=application/grpc grpc-status=14 grpc-message=upstream request timeout end\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"POST / HTTP/2 200 UT response_timeout 0 0 1000"});
}

TEST_F(Http2Test, GrpcDurationIsDeadlineExceeded) {
  Start({.route = "max_stream_duration: {max_stream_duration: 1s}", .http2_upstream = true});
  Exchange(HeadersFrame(1, GrpcFields(), kEndHeaders));
  world_->Wait(1000);
  EXPECT_EQ(client_->Take(),
            "HEADERS 1 :status=200 content-type=application/grpc grpc-status=4 grpc-message=downstream duration timeout end\n"
            "RST_STREAM 1 NO_ERROR\n");
}

TEST_F(Http2Test, GrpcConnectRefused) {
  Start({.http2_upstream = true});
  world_->faults().connect_error = ECONNREFUSED;
  EXPECT_EQ(Exchange(HeadersFrame(1, GrpcFields())),
            "HEADERS 1 :status=200 content-type=application/grpc grpc-status=14 grpc-message=upstream connect error or "
            "disconnect/reset before headers. reset reason: remote connection failure end\n");
}

// I6: an answer that is cut off is never made whole.
TEST_F(Http2Test, GrpcUpstreamDiesInStream) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, GrpcFields(), kEndHeaders));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response({{"content-type", "application/grpc"}}), kEndHeaders) + DataFrame(1, "abc"));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 content-type=application/grpc\nDATA 1 abc\n");
  upstream2().peer().Close();
  world_->Run();
  EXPECT_EQ(client_->Take(), "RST_STREAM 1 INTERNAL_ERROR\n");
}

// An early answer: the client is told that the rest of its request is not wanted.
TEST_F(Http2Test, EarlyAnswer) {
  Start({.http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) + DataFrame(1, "abc"));
  upstream2();
  upstream2().Take();
  EXPECT_EQ(ExchangeUp(HeadersFrame(1, Response({}, "413"))), "RST_STREAM 1 CANCEL\n");
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=413 end\nRST_STREAM 1 NO_ERROR\n");
}

// Zero is no limit: bytes pass as with a large one.
TEST_F(Http2Test, WithoutABufferLimit) {
  Start({.listener = "per_connection_buffer_limit_bytes: 0",
         .cluster = "per_connection_buffer_limit_bytes: 0",
         .http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) + DataFrame(1, "abc", kEndStream));
  EXPECT_TRUE(upstream2().Take().ends_with("DATA 1 abc end\n"));
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "def", kEndStream));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 def end\n");
}

// What an upstream has not looked at is asked once more, also where no policy says so: it may not be repeatable.
TEST_F(Http2Test, RefusedByUpstream) {
  Start({.http2_upstream = true});
  const auto refuse = [this](uint32_t id) {
    upstream2().Send(ResetFrame(id, NGHTTP2_REFUSED_STREAM));
    world_->Wait(1);
    return upstream2().Take();
  };
  Exchange(HeadersFrame(1, RequestFields({}, "POST")));
  EXPECT_TRUE(upstream2().Take().starts_with("HEADERS 1 :method=POST "));
  EXPECT_TRUE(refuse(1).starts_with("HEADERS 3 :method=POST "));
  ExchangeUp(HeadersFrame(3, Response()));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\n");
  // Not for ever, and not what has a body that may have gone.
  Exchange(HeadersFrame(3, RequestFields()));
  refuse(5);
  EXPECT_EQ(refuse(7), "");
  EXPECT_TRUE(client_->Take().starts_with("HEADERS 3 :status=503 "));
  Exchange(HeadersFrame(5, RequestFields({}, "POST"), kEndHeaders) + DataFrame(5, "abc", kEndStream));
  upstream2().Take();
  EXPECT_EQ(refuse(9), "");
  EXPECT_TRUE(client_->Take().starts_with("HEADERS 5 :status=503 "));
}

}  // namespace
}  // namespace pillion::test
