#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kBuffer = R"(- name: buffer
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
    max_request_bytes: 10)";

constexpr std::string_view kHead = "POST /x HTTP/1.1\r\nhost: h\r\n";

class BufferTest : public testing::Test {
 protected:
  void Start(ProxySettings settings = {}) {
    settings.http_filters = kBuffer;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Send(std::string_view bytes) {
    client_->Send(bytes);
    world_->Run();
  }
  std::string Upstream() { return world_->upstream().size() == 0 ? "" : world_->upstream().peer(0).Take(); }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(BufferTest, SendsNothingBeforeTheEnd) {
  Start();
  Send(std::string(kHead) + "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_EQ(Upstream(), "");
  Send("4\r\ndefg\r\n0\r\n\r\n");
  const std::string got = Upstream();
  EXPECT_TRUE(got.find("\r\ncontent-length: 7\r\n") != std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nabcdefg")) << got;
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  world_->Run();
  EXPECT_TRUE(client_->Take().ends_with("ok"));
  EXPECT_EQ(world_->TakeLog(), (std::vector<std::string>{"POST /x HTTP/1.1 200 - via_upstream 7 2 0"}));
}

TEST_F(BufferTest, PassesWhatHasNoBody) {
  Start();
  Send("GET /x HTTP/1.1\r\nhost: h\r\n\r\n");
  EXPECT_TRUE(Upstream().starts_with("GET /x HTTP/1.1\r\n"));
}

TEST_F(BufferTest, RefusesTooMuch) {
  Start();
  Send(std::string(kHead) + "content-length: 11\r\n\r\n01234567890");
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 413 Payload Too Large\r\n"));
  EXPECT_EQ(Upstream(), "");
  EXPECT_EQ(world_->TakeLog(),
            (std::vector<std::string>{"POST /x HTTP/1.1 413 - request_payload_too_large 11 17 0"}));
}

TEST_F(BufferTest, AsksForTheBodyOfWhoWaits) {
  Start();
  Send(std::string(kHead) + "content-length: 3\r\nexpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client_->Take(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(Upstream(), "");
  Send("abc");
  const std::string got = Upstream();
  EXPECT_TRUE(got.ends_with("\r\n\r\nabc")) << got;
  EXPECT_TRUE(got.find("\r\nexpect:") == std::string::npos) << got;
}

TEST_F(BufferTest, KeepsTheBodyForARetry) {
  Start({.route = "retry_policy: {retry_on: 5xx, retry_back_off: {base_interval: 0.001s}}"});
  Send(std::string(kHead) + "content-length: 3\r\n\r\nabc");
  EXPECT_TRUE(Upstream().ends_with("abc"));
  world_->upstream().peer(0).Send("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  world_->Wait(50);
  const std::string again = Upstream();
  EXPECT_TRUE(again.ends_with("\r\n\r\nabc")) << again;
}

TEST_F(BufferTest, TheClientGoesAway) {
  Start();
  Send(std::string(kHead) + "content-length: 3\r\n\r\na");
  client_->Reset();
  world_->Run();
  EXPECT_EQ(Upstream(), "");
  EXPECT_EQ(world_->TakeLog(),
            (std::vector<std::string>{"POST /x HTTP/1.1 0 DC downstream_remote_disconnect 1 0 0"}));
}

}  // namespace
}  // namespace pillion::test
