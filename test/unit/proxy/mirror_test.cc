// Copies of requests where one upstream connection carries all of them, and beside filters that hold a body.

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

constexpr char kMirror[] = "request_mirror_policies: [{cluster: app}]";

class MirrorTest : public Http2Test {};

// Of gRPC: the trailers of both ways; those of the copy's answer are dropped.
TEST_F(MirrorTest, Http2) {
  Start({.route = kMirror, .http2_upstream = true});
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields({{"content-type", "application/grpc"}, {"te", "trailers"}}, "POST"), kEndHeaders) +
                     DataFrame(1, "a")),
            "");
  upstream2();
  const std::string fields = "content-type=application/grpc te=trailers\n";
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=POST :scheme=http :path=/ :authority=h.test-shadow " + fields +
                "HEADERS 3 :method=POST :scheme=http :path=/ :authority=h.test " + fields + "DATA 1 a\nDATA 3 a\n");
  EXPECT_EQ(Exchange(DataFrame(1, "b", kEndStream)), "");
  EXPECT_EQ(upstream2().Take(), "DATA 1 b end\nDATA 3 b end\n");
  ExchangeUp(HeadersFrame(1, Response({{"x-copy", "1"}}), kEndHeaders) + DataFrame(1, "copy") + HeadersFrame(1, {{"grpc-status", "13"}}));
  EXPECT_EQ(client_->Take(), "");
  ExchangeUp(HeadersFrame(3, Response(), kEndHeaders) + DataFrame(3, "r") + HeadersFrame(3, {{"grpc-status", "0"}}));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 r\nHEADERS 1 grpc-status=0 end\n");
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_2xx"), 2);
}

// A copy whose upstream breaks it off harms nobody.
TEST_F(MirrorTest, Reset) {
  Start({.route = kMirror, .http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) + DataFrame(1, "a"));
  upstream2();
  upstream2().Take();
  EXPECT_EQ(ExchangeUp(ResetFrame(1, 2)), "");
  Exchange(DataFrame(1, "b", kEndStream));
  EXPECT_EQ(upstream2().Take(), "DATA 3 b end\n");
  ExchangeUp(HeadersFrame(3, Response()));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\n");
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_rx_reset"), 1);
}

// The client goes: the copy goes with it.
TEST_F(MirrorTest, TheRequestIsBrokenOff) {
  Start({.route = kMirror, .http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders));
  upstream2();
  upstream2().Take();
  Exchange(ResetFrame(1, 8));
  const std::string got = upstream2().Take();
  EXPECT_NE(got.find("RST_STREAM 1 CANCEL\n"), std::string::npos) << got;
  EXPECT_NE(got.find("RST_STREAM 3 CANCEL\n"), std::string::npos) << got;
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
}

// What a filter holds goes to both at once; what it refuses goes to neither.
TEST_F(MirrorTest, BehindABuffer) {
  const std::string filter =
      "- name: limit\n"
      "  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 10}\n";
  Start({.route = kMirror, .http_filters = filter, .http2_upstream = true});
  Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) + DataFrame(1, "ab"));
  EXPECT_EQ(world_->upstream().size(), 0u);
  Exchange(DataFrame(1, "c", kEndStream));
  upstream2();
  const std::string got = upstream2().Take();
  EXPECT_NE(got.find("DATA 1 abc end\n"), std::string::npos) << got;
  EXPECT_NE(got.find("DATA 3 abc end\n"), std::string::npos) << got;
  ExchangeUp(HeadersFrame(3, Response()));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\n");
  const std::string refused = Exchange(HeadersFrame(3, RequestFields({}, "POST"), kEndHeaders) + DataFrame(3, "0123456789x"));
  EXPECT_TRUE(refused.starts_with("HEADERS 3 :status=413")) << refused;
  EXPECT_EQ(upstream2().Take(), "");
}

}  // namespace
}  // namespace pillion::test
