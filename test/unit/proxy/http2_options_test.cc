// What can be configured of HTTP/2 connections, each option with a value of its own and where it shows.

#include <gtest/gtest.h>

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

class Http2OptionsTest : public Http2Test {
 protected:
  // `options` of Http2ProtocolOptions, without braces.
  void StartDownstream(const std::string& options) { Start({.hcm = "http2_protocol_options: {" + options + "}"}); }
};

// The lines of a cluster.
std::string Http2Cluster(const std::string& options) {
  return "typed_extension_protocol_options:\n"
         "  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
         "    \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n"
         "    explicit_http_config: {http2_protocol_options: {" + options + "}}";
}

std::string Repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

constexpr char kCalm[] = "ENHANCE_YOUR_CALM\n";

// --- what the peer is told -----------------------------------------------------------------------------------------

constexpr char kSizes[] =
    "hpack_table_size: 512, max_concurrent_streams: 7, initial_stream_window_size: 70000, "
    "initial_connection_window_size: 90000";

// The first SETTINGS as "ID=VALUE", and how much more window the connection gets.
std::string Announced(std::string_view bytes) {
  std::string text;
  for (const SeenFrame& frame : ParseFrames(bytes)) {
    if (frame.type == kSettingsFrame) {
      for (size_t at = 0; at < frame.payload.size(); at += 6) {
        text += std::to_string(frame.Word(at) >> 16) + "=" + std::to_string(frame.Word(at + 2)) + " ";
      }
    } else if (frame.type == kWindowUpdateFrame && frame.stream_id == 0) {
      text += "+" + std::to_string(frame.Word(0));
    }
  }
  return text;
}

TEST_F(Http2OptionsTest, SizesAreAnnouncedDownstream) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.hcm = "http2_protocol_options: {" + std::string(kSizes) + "}"});
  const std::unique_ptr<Peer> client = world_->Connect();
  client->Send(kPreface + SettingsFrame());
  world_->Run();
  EXPECT_EQ(Announced(client->Take()), "3=7 4=70000 6=61440 1=512 +24465");
}

TEST_F(Http2OptionsTest, SizesAreAnnouncedUpstream) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.cluster = Http2Cluster(kSizes)});
  const std::unique_ptr<Peer> client = world_->Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world_->Run();
  EXPECT_EQ(Announced(upstream1().Take()), "2=0 4=70000 6=61440 1=512 +24465");
}

// --- bounds --------------------------------------------------------------------------------------------------------

struct Bound {
  std::string option;   // that makes `frames` a flood; without it they are none
  std::string frames;
  std::string counted;
};

class Http2BoundTest : public Http2Test, public testing::WithParamInterface<Bound> {};

TEST_P(Http2BoundTest, EndsTheConnection) {
  const Bound& bound = GetParam();
  Start();
  EXPECT_EQ(Exchange(bound.frames).find("GOAWAY"), std::string::npos);
  TearDown();
  Start({.hcm = "http2_protocol_options: {" + bound.option + "}"});
  const std::string answer = Exchange(bound.frames);
  EXPECT_TRUE(answer.ends_with(kCalm)) << answer;
  EXPECT_GE(world_->stat("http.in.http2." + bound.counted), 1);
  EXPECT_EQ(world_->stat("http.in.downstream_cx_protocol_error"), 1);
}

std::string Direct(uint32_t stream_id) {
  return HeadersFrame(stream_id, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/direct"}});
}

INSTANTIATE_TEST_SUITE_P(
    Http2, Http2BoundTest,
    testing::Values(
        Bound{"max_inbound_priority_frames_per_stream: 2",
              HeadersFrame(1, RequestFields()) + Repeat(RawFrame(kPriorityFrame, 0, 9, std::string("\0\0\0\0\7", 5)), 5),
              "inbound_priority_frames_flood"},
        Bound{"max_consecutive_inbound_frames_with_empty_payload: 0",
              HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) + DataFrame(1, ""), "inbound_empty_frames_flood"},
        Bound{"max_outbound_control_frames: 5", Repeat(RawFrame(kPingFrame, 0, 0, "12345678"), 6),
              "outbound_control_flood"},
        Bound{"max_outbound_frames: 4", Direct(1) + Direct(3) + Direct(5) + Direct(7) + Direct(9), "outbound_flood"}),
    [](const auto& info) { return info.param.counted; });

// As services of gRPC answer that have no message: each stream has one, and what is between them has content.
TEST_F(Http2OptionsTest, EmptyFramesOfSeveralStreamsAreNotInARow) {
  StartDownstream("max_consecutive_inbound_frames_with_empty_payload: 1");
  for (const uint32_t id : {1u, 3u, 5u, 7u}) {
    const std::string answer = Exchange(HeadersFrame(id, RequestFields({}, "POST"), kEndHeaders) + DataFrame(id, ""));
    EXPECT_FALSE(answer.ends_with(kCalm)) << id << answer;
  }
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 4);
}

TEST_F(Http2OptionsTest, WindowUpdatesForDataSent) {
  for (const uint32_t per_data : {10u, 1u}) {
    StartDownstream("max_inbound_window_update_frames_per_data_frame_sent: " + std::to_string(per_data));
    Exchange(HeadersFrame(1, RequestFields()));
    upstream1().Send("HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 50; ++i) {
      upstream1().Send("x");
      world_->Run();
    }
    const std::string answer = Exchange(Repeat(WindowUpdateFrame(1, 1), 200));
    EXPECT_EQ(answer.ends_with(kCalm), per_data == 1) << answer;
    TearDown();
  }
}

// --- malformed messages --------------------------------------------------------------------------------------------

TEST_F(Http2OptionsTest, AMalformedRequestEndsItsStreamOrTheConnection) {
  const std::string good = HeadersFrame(1, RequestFields());
  const std::string bad = HeadersFrame(3, RequestFields({{"Upper", "1"}}));
  for (const char* option : {"", "override_stream_error_on_invalid_http_message: true"}) {
    StartDownstream(option);
    EXPECT_EQ(Exchange(good + bad), "RST_STREAM 3 PROTOCOL_ERROR\n");
    EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 1);
    TearDown();
  }
  StartDownstream("override_stream_error_on_invalid_http_message: false");
  EXPECT_EQ(Exchange(good + bad), "GOAWAY 3 PROTOCOL_ERROR\n");
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
  EXPECT_EQ(world_->stat("http.in.downstream_cx_protocol_error"), 1);
}

// The older way to say it, which counts where the options of HTTP/2 say nothing.
TEST_F(Http2OptionsTest, TheConnectionManagerSaysWhatAMalformedRequestEnds) {
  const std::string bad = HeadersFrame(1, RequestFields({{"Upper", "1"}}));
  Start({.hcm = "stream_error_on_invalid_http_message: false"});
  EXPECT_EQ(Exchange(bad), "GOAWAY 1 PROTOCOL_ERROR\n");
  TearDown();
  Start({.hcm = "stream_error_on_invalid_http_message: true"});
  EXPECT_EQ(Exchange(bad), "RST_STREAM 1 PROTOCOL_ERROR\n");
  TearDown();
  Start({.hcm = "stream_error_on_invalid_http_message: false\n"
                "http2_protocol_options: {override_stream_error_on_invalid_http_message: true}"});
  EXPECT_EQ(Exchange(bad), "RST_STREAM 1 PROTOCOL_ERROR\n");
}

TEST_F(Http2OptionsTest, SchemeOfUpstream) {
  for (const bool matches : {false, true}) {
    Start({.hcm = matches ? "scheme_header_transformation: {match_upstream: true}" : "", .http2_upstream = true});
    Exchange(HeadersFrame(1, {{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}}));
    const std::string got = upstream2().Take();
    EXPECT_NE(got.find(matches ? ":scheme=http " : ":scheme=https "), std::string::npos) << got;
    TearDown();
  }
}

TEST_F(Http2OptionsTest, AMalformedResponseEndsItsStreamOrTheConnection) {
  for (const bool connection : {false, true}) {
    Start({.cluster = Http2Cluster(connection ? "override_stream_error_on_invalid_http_message: false" : "")});
    Exchange(HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()));
    upstream2().Take();
    const std::string answer = ExchangeUp(HeadersFrame(1, Response({{"Upper", "1"}})));
    EXPECT_EQ(answer, connection ? "GOAWAY 0 PROTOCOL_ERROR\n" : "RST_STREAM 1 PROTOCOL_ERROR\n");
    EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), connection ? 0 : 1);
    EXPECT_EQ(world_->stat("cluster.app.upstream_cx_active"), connection ? 0 : 1);
    TearDown();
  }
}

// --- keepalive -----------------------------------------------------------------------------------------------------

TEST_F(Http2OptionsTest, KeepaliveEndsAClientThatIsGone) {
  StartDownstream("connection_keepalive: {interval: 10s, timeout: 3s, interval_jitter: {value: 0}}");
  Exchange(HeadersFrame(1, RequestFields()));
  world_->Wait(12'999);
  EXPECT_FALSE(client_->peer().ended());
  world_->Wait(1);
  EXPECT_TRUE(client_->peer().ended());
  EXPECT_EQ(world_->connections(), 0u);
  EXPECT_EQ(world_->stat("http.in.http2.keepalive_timeout"), 1);
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET / HTTP/2 0 DC downstream_remote_disconnect 0 0 13000"});
}

TEST_F(Http2OptionsTest, KeepaliveLeavesAClientThatAnswers) {
  StartDownstream("connection_keepalive: {interval: 10s, timeout: 3s, interval_jitter: {value: 0}}");
  for (int i = 0; i < 20; ++i) {
    world_->Wait(10'000);
    const std::vector<SeenFrame> frames = ParseFrames(client_->peer().Take());
    ASSERT_GE(frames.size(), 1u);
    EXPECT_EQ(frames.back().type, kPingFrame);
    client_->Send(RawFrame(kPingFrame, kAck, 0, frames.back().payload));
    world_->Wait(3'000);
  }
  EXPECT_EQ(world_->connections(), 1u);
  EXPECT_EQ(world_->stat("http.in.http2.keepalive_timeout"), 0);
}

}  // namespace
}  // namespace pillion::test
