// Hedging over HTTP/2, where attempts may share a connection; over HTTP/1: test/cases/hedge-*.txt.

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

constexpr char kRoute[] =
    "timeout: 0s\n"
    "hedge_policy: {hedge_on_per_try_timeout: true}\n"
    "retry_policy: {retry_on: '5xx,cancelled', num_retries: 1, per_try_timeout: 1s, "
    "retry_back_off: {base_interval: 0.001s}}";

class HedgeTest : public Http2Test {
 protected:
  // The client's stream 1 has upstream's streams 1 and 3.
  void Hedge(const std::string& cluster = "") {
    Start({.route = kRoute, .cluster = cluster, .http2_upstream = cluster.empty()});
    EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) + DataFrame(1, "hi") +
                       HeadersFrame(1, {{"x-sum", "1"}})), "");
    upstream2();
    EXPECT_EQ(upstream2().Take(),
              "HEADERS 1 :method=POST :scheme=http :path=/ :authority=h.test\nDATA 1 hi\nHEADERS 1 x-sum=1 end\n");
    world_->Wait(1002);
    EXPECT_EQ(upstream2().Take(),
              "HEADERS 3 :method=POST :scheme=http :path=/ :authority=h.test\nDATA 3 hi\nHEADERS 3 x-sum=1 end\n");
    EXPECT_EQ(client_->Take(), "");
  }
  int64_t Active() { return world_->stat("cluster.app.upstream_rq_active"); }
};

TEST_F(HedgeTest, TheFirstAnswersFirst) {
  Hedge();
  EXPECT_EQ(ExchangeUp(HeadersFrame(1, Response(), kEndHeaders)), "RST_STREAM 3 CANCEL\n");
  EXPECT_EQ(Active(), 1);
  // The answer goes on as any.
  ExchangeUp(DataFrame(1, "one", kEndStream));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 one end\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"POST / HTTP/2 200 - via_upstream 2 3 1002"});
  EXPECT_EQ(Active(), 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_tx_reset"), 1);
}

TEST_F(HedgeTest, TheSecondAnswersFirst) {
  Hedge();
  EXPECT_EQ(ExchangeUp(HeadersFrame(3, Response())), "RST_STREAM 1 CANCEL\n");
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\n");
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_retry_success"), 1);
  EXPECT_EQ(Active(), 0);
  // What was under way meanwhile is nobody's.
  ExchangeUp(HeadersFrame(1, Response()));
  EXPECT_EQ(client_->Take(), "");
}

TEST_F(HedgeTest, BothAtOnce) {
  Hedge();
  ExchangeUp(HeadersFrame(3, Response({{"x-n", "2"}})) + HeadersFrame(1, Response({{"x-n", "1"}})));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 x-n=2 end\n");
  EXPECT_EQ(world_->TakeLog().size(), 1u);
}

TEST_F(HedgeTest, ABadAnswerWaitsForTheOther) {
  Hedge();
  // A status of gRPC in the head counts as well.
  ExchangeUp(HeadersFrame(3, Response({{"grpc-status", "1"}})));
  EXPECT_EQ(client_->Take(), "");
  EXPECT_EQ(Active(), 1);
  ExchangeUp(HeadersFrame(1, Response({}, "503")));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=503 end\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"POST / HTTP/2 503 URX via_upstream 2 0 1002"});
  EXPECT_EQ(Active(), 0);
  const upstream::Host& host = *world_->context().FindCluster("app")->hosts().hosts.at(0);
  EXPECT_EQ(host.Sum(upstream::HostFigures::kRqError), 2u);
  EXPECT_EQ(host.Sum(upstream::HostFigures::kRqSuccess), 0u);
}

TEST_F(HedgeTest, TheConnectionOfBothEnds) {
  Hedge();
  world_->upstream().peer(0).Close();
  world_->Run();
  EXPECT_NE(client_->Take().find(":status=503"), std::string::npos);
  EXPECT_EQ(world_->TakeLog().size(), 1u);
  EXPECT_EQ(Active(), 0);
}

TEST_F(HedgeTest, EachLastsAsLongAsTheClusterLets) {
  Hedge("typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "
        "{\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
        "explicit_http_config: {http2_protocol_options: {}}, common_http_protocol_options: {max_stream_duration: 3s}}}");
  world_->Wait(1998);  // 3 s
  EXPECT_EQ(upstream2().Take(), "RST_STREAM 1 CANCEL\n");
  EXPECT_EQ(client_->Take(), "");
  world_->Wait(1002);
  EXPECT_EQ(upstream2().Take(), "RST_STREAM 3 CANCEL\n");
  EXPECT_NE(client_->Take().find(":status=504"), std::string::npos);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_max_duration_reached"), 2);
  EXPECT_EQ(world_->TakeLog().size(), 1u);
}

TEST_F(HedgeTest, TheClientResets) {
  Hedge();
  EXPECT_EQ(Exchange(ResetFrame(1, 8)), "");
  const std::string got = upstream2().Take();
  EXPECT_NE(got.find("RST_STREAM 1 CANCEL\n"), std::string::npos) << got;
  EXPECT_NE(got.find("RST_STREAM 3 CANCEL\n"), std::string::npos) << got;
  EXPECT_EQ(Active(), 0);
}

// Interim answers of several attempts are nobody's.
TEST_F(HedgeTest, InterimAnswers) {
  Hedge();
  ExchangeUp(HeadersFrame(1, Response({{"link", "a"}}, "103"), kEndHeaders) +
             HeadersFrame(3, Response({{"link", "b"}}, "103"), kEndHeaders));
  EXPECT_EQ(client_->Take(), "");
  ExchangeUp(HeadersFrame(1, Response()));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\n");
}

}  // namespace
}  // namespace pillion::test
