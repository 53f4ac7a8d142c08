// The context filter to the millisecond: what is told, what holds, and when it ends. What it makes of fields:
// test/unit/context/; with real peers: test/e2e/test_request_context.py.

#include "test/unit/filters/request_context_fixture.h"

namespace pillion::test {
namespace {

TEST_F(RequestContextTest, TimeCountsFromTheFirstByte) {
  Start();
  Send("GET / HTTP/1.1\r\nhost: h\r\n");
  world_->Wait(60);
  Send("x-timeout-ms: 100\r\n\r\n");
  EXPECT_EQ(Told(), "40");
  world_->Wait(39);
  EXPECT_EQ(client_->received(), "");
  world_->Wait(1);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_NE(client_->received().find("\r\nx-pillion-cancel-reason: timeout\r\n"), std::string::npos);
  EXPECT_TRUE(upstream().ended() || upstream().error() != 0);
  EXPECT_EQ(Line(), "504 UT request_context_deadline_exceeded timeout");
  EXPECT_EQ(stat("deadline_exceeded"), 1);
}

TEST_F(RequestContextTest, AHeadThatComesTooSlowlyIsLate) {
  Start();
  Send("GET / HTTP/1.1\r\nhost: h\r\n");
  world_->Wait(100);
  Send("x-timeout-ms: 100\r\n\r\n");
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_EQ(world_->upstream().size(), 0u);
  EXPECT_EQ(Line(), "504 DT request_context_expired timeout");
}

TEST_F(RequestContextTest, LessThanIsUseful) {
  Start({}, "direction: OUTBOUND, min_useful_ms: 50");
  Send(Get("x-timeout-ms: 49\r\n"));
  EXPECT_EQ(Line(), "504 DT request_context_too_little_time_left timeout");
  Send(Get("x-timeout-ms: 50\r\n"));
  EXPECT_EQ(Told(), "50");
}

TEST_F(RequestContextTest, AnAnswerInTimeIsUntouched) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  world_->Wait(99);
  Answer(kAnswer);
  EXPECT_EQ(Status(), "HTTP/1.1 200");
  world_->Wait(100);
  EXPECT_EQ(Line(), "200 - via_upstream -");
  EXPECT_EQ(stat("deadline_exceeded"), 0);
}

TEST_F(RequestContextTest, AttemptsAreToldWhatIsLeft) {
  Start({.route = Retries("base_interval: 0.010s, max_interval: 0.010s")});
  Send(Get("x-timeout-ms: 100\r\n"));
  EXPECT_EQ(Told(), "100");
  upstream().Take();
  world_->Wait(30);
  Answer(kRefused);
  world_->Wait(10);  // the longest pause
  const int second = std::stoi(Told());
  EXPECT_LE(second, 70);
  EXPECT_GE(second, 60);
  upstream().Take();
  world_->Wait(60 - 1);
  EXPECT_EQ(client_->received(), "");
  world_->Wait(1);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_EQ(Line(), "504 UT request_context_deadline_exceeded timeout");
}

TEST_F(RequestContextTest, ThePauseBeforeAnAttemptIsWithinTheDeadline) {
  Start({.route = Retries("base_interval: 60s, max_interval: 60s")});
  Send(Get("x-timeout-ms: 100\r\n"));
  Answer(kRefused);
  world_->Wait(100);
  EXPECT_EQ(Line(), "504 UT request_context_deadline_exceeded timeout");
}

TEST_F(RequestContextTest, TheRouteShortensWhatIsToldAndEndsAsItDoes) {
  Start({.route = "timeout: 0.05s"});
  Send(Get("x-timeout-ms: 100\r\n"));
  EXPECT_EQ(Told(), "50");
  world_->Wait(50);
  EXPECT_EQ(Line(), "504 UT response_timeout timeout");
  EXPECT_EQ(client_->received().find("x-pillion-cancel-reason"), std::string::npos);
  EXPECT_EQ(stat("deadline_exceeded"), 0);
}

TEST_F(RequestContextTest, ATryShortensWhatItIsTold) {
  Start({.route = Retries("base_interval: 0.001s", "per_try_timeout: 0.060s, ")});
  Send(Get("x-timeout-ms: 100\r\nx-deadline: 1767225600100000000\r\n"));
  EXPECT_EQ(Told(), "60");
  EXPECT_EQ(Field(upstream().received(), "x-deadline"), "1767225600060000000");
  world_->Wait(61);  // the pause is a millisecond at most
  ASSERT_EQ(world_->upstream().size(), 2u);
  EXPECT_GE(std::stoi(Told(1)), 39);
  EXPECT_LE(std::stoi(Told(1)), 40);
  EXPECT_EQ(Field(upstream(1).received(), "x-deadline"), "1767225600100000000");  // it was longer than the try
}

// Its timeout begins when the request has ended.
TEST_F(RequestContextTest, ARequestThatStillComesIsNotShortenedByTheRoute) {
  Start({.route = "timeout: 0.05s"});
  Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nx-timeout-ms: 100\r\n\r\nab");
  EXPECT_EQ(Told(), "100");
}

TEST_F(RequestContextTest, TheDeadlineHoldsForARequestThatStillComes) {
  Start();
  Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nx-timeout-ms: 100\r\n\r\nab");
  world_->Wait(100);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
}

TEST_F(RequestContextTest, AnAnswerThatHasBegunIsBroken) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  Answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
  world_->Wait(100);
  EXPECT_TRUE(client_->received().ends_with("2\r\nhi\r\n"));
  EXPECT_TRUE(client_->ended() || client_->error() != 0);
  EXPECT_EQ(Line(), "200 UT request_context_deadline_exceeded timeout");
}

TEST_F(RequestContextTest, ACallOfGrpcEndsWithTrailers) {
  for (const bool trailers : {true, false}) {
    Start({.hcm = trailers ? "http_protocol_options: {enable_trailers: true}" : ""});
    Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\ngrpc-timeout: 100m\r\n\r\n");
    EXPECT_EQ(Field(upstream().received(), "grpc-timeout"), "100m");
    EXPECT_EQ(Told(), "");
    Answer("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
    world_->Wait(100);
    const std::string_view end = "0\r\ngrpc-status: 4\r\ngrpc-message: the deadline of the request has passed\r\n\r\n";
    // Where there are none it is not ended as if it were whole.
    EXPECT_TRUE(client_->received().ends_with(trailers ? end : "2\r\nhi\r\n")) << client_->received();
    EXPECT_EQ(client_->ended() || client_->error() != 0, !trailers);
  }
}

// Without the time that was lost on the way to the redirect being counted twice.
TEST_F(RequestContextTest, ARedirectThatIsFollowedKeepsTheDeadline) {
  Start({.route = "timeout: 0.09s\ninternal_redirect_policy: {max_internal_redirects: 2}"}, "direction: INBOUND");
  Send(Get(std::string(kTrace) + "x-timeout-ms: 200\r\n"));
  const std::string trace = Field(upstream().received(), "traceparent");
  for (const char* left : {"90", "90", "60"}) {  // the route's begins anew with each
    Peer& last = *world_->upstream().peers().back();
    EXPECT_EQ(Field(last.received(), "x-timeout-ms"), left);
    EXPECT_EQ(Field(last.received(), "traceparent"), trace);
    last.Take();
    world_->Wait(69);
    last.Send(kRedirect);
    world_->Wait(1);  // in a turn of its own
  }
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_EQ(stat("clock_skewed"), 0);
  EXPECT_EQ(stat("untrusted"), 1);
}

TEST_F(RequestContextTest, ATunnelThatStandsLasts) {
  Start({.hcm = "upgrade_configs: [{upgrade_type: websocket}]"});
  const std::string upgrade = Get("connection: upgrade\r\nupgrade: websocket\r\nx-timeout-ms: 100\r\n");
  Send(upgrade);
  world_->Wait(99);
  Answer("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  world_->Wait(1000);
  client_->Take();
  Answer("hello");
  EXPECT_EQ(client_->received(), "hello");

  client_ = world_->Connect();
  Send(upgrade);
  world_->Wait(100);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
}

TEST_F(RequestContextTest, WhoGoesAway) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  client_->Reset();
  world_->Run();
  EXPECT_EQ(Line(), "0 DC downstream_remote_disconnect cancel");
  EXPECT_EQ(stat("cancelled"), 1);
  world_->Wait(200);
  EXPECT_EQ(stat("deadline_exceeded"), 0);
}

TEST_F(RequestContextTest, WhatIsBehindFails) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  upstream().Reset();
  world_->Run();
  const std::string line = Line();
  EXPECT_TRUE(line.starts_with("503 UC") && line.ends_with(" error")) << line;
}

// Whether the request itself was answered or not. The copy's host, which may have been in time, is not judged by it.
TEST_F(RequestContextTest, ACopyEndsAtTheDeadlineToo) {
  for (const bool answered : {true, false}) {
    Start({.route = "timeout: 0s\nrequest_mirror_policies: [{cluster: app}]"});
    Send(Get("x-timeout-ms: 100\r\n"));
    EXPECT_EQ(Told(1), "100");
    EXPECT_NE(upstream(1).received().find("host: h-shadow"), std::string::npos);
    if (answered) Answer(kAnswer);
    world_->Wait(99);
    EXPECT_FALSE(upstream(1).ended() || upstream(1).error() != 0);
    world_->Wait(1);
    EXPECT_TRUE(upstream(1).ended() || upstream(1).error() != 0);
    EXPECT_EQ(Status(), answered ? "HTTP/1.1 200" : "HTTP/1.1 504");
    EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
    EXPECT_EQ(world_->stat("cluster.app.upstream_rq_timeout"), 0);
  }
}

TEST_F(RequestContextTest, ClocksThatJumpDoNotMoveIt) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  world_->simulation().clock().JumpWall(std::chrono::hours(1));
  world_->Wait(99);
  EXPECT_EQ(client_->received(), "");
  world_->Wait(1);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
}

// Of the caller's clock against ours: shown from 50 ms on; up to 2 ms it is none.
TEST_F(RequestContextTest, ClockSkew) {
  Start();
  const auto told = [&](int64_t milliseconds) {
    Send(Get("x-timeout-ms: 100\r\nx-deadline: " + std::to_string(1767225600'000 + milliseconds) + "000000\r\n"));
    const std::string left = Told();
    upstream().Take();
    Answer(kAnswer);
    return left;
  };
  EXPECT_EQ(told(102), "102");
  EXPECT_EQ(told(98), "98");
  EXPECT_EQ(told(103), "100");
  EXPECT_EQ(told(50), "100");
  EXPECT_EQ(stat("clock_skewed"), 0);
  EXPECT_EQ(told(151), "100");
  EXPECT_EQ(told(-5000), "100");
  EXPECT_EQ(stat("clock_skewed"), 2);
}

}  // namespace
}  // namespace pillion::test
