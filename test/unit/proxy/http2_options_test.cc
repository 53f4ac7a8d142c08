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
