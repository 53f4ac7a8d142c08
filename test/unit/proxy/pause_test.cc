// A message that stops at any point, while a thousand other requests pass on the same worker, goes on as if nothing had
// been: no view may outlive what it looks at. (A dangling one is AddressSanitizer's to see, or shows in the bytes.)

#include <gtest/gtest.h>

#include "test/unit/proxy/http2_peer.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

constexpr int kOthers = 1000;
constexpr size_t kStride = 7;  // of the points; odd, so that repeated words are cut in different places

class PauseTest : public testing::Test {
 protected:
  void Start(const ProxySettings& settings) {
    other_.reset();
    world_ = std::make_unique<ProxyWorld>(settings);
    other_ = world_->Connect();
    world_->Run();
  }
  void TearDown() override { other_.reset(); }

  // Requests of somebody else; their bytes are like nothing in the message under test.
  void OthersPass() {
    static const std::string request =
        "GET /direct?" + std::string(60, '#' + 1) + " HTTP/1.1\r\nhost: other\r\nx-noise: " + std::string(200, '~') + "\r\n\r\n";
    for (int i = 0; i < kOthers; ++i) {
      other_->Send(request);
      world_->Run();
      ASSERT_TRUE(other_->Take().ends_with("direct"));
    }
    world_->TakeLog();
  }

  // Sends `bytes`, with a pause in front of byte `at`.
  void SendWithPause(Peer& peer, std::string_view bytes, size_t at) {
    peer.Send(bytes.substr(0, at));
    world_->Run();
    OthersPass();
    peer.Send(bytes.substr(at));
    world_->Run();
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> other_;
};

constexpr std::string_view kRequest =
    "POST /the/path?the=query HTTP/1.1\r\nhost: h.test\r\nx-one: the first value\r\nuser-agent: somebody\r\n"
    "content-length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kForwarded =
    "POST /the/path?the=query HTTP/1.1\r\nhost: h.test\r\nx-one: the first value\r\nuser-agent: somebody\r\n"
    "content-length: 26\r\nx-forwarded-proto: http\r\nx-envoy-expected-rq-timeout-ms: 15000\r\n\r\n"
    "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nx-two: the second value\r\ncontent-type: text/plain\r\ncontent-length: 26\r\n\r\n"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kLogLine = "POST /the/path?the=query HTTP/1.1 200 - via_upstream 26 26 0";

TEST_F(PauseTest, Http1Request) {
  for (size_t at = 1; at < kRequest.size(); at += kStride) {
    SCOPED_TRACE(at);
    Start({});
    std::unique_ptr<Peer> client = world_->Connect();
    SendWithPause(*client, kRequest, at);
    ASSERT_EQ(world_->upstream().size(), 1u);
    EXPECT_EQ(world_->upstream().peer(0).received(), kForwarded);
    world_->upstream().peer(0).Send(kResponse);
    world_->Run();
    EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{std::string(kLogLine)});
    if (HasFailure()) return;
  }
}

TEST_F(PauseTest, Http1Response) {
  for (size_t at = 1; at < kResponse.size(); at += kStride) {
    SCOPED_TRACE(at);
    Start({});
    std::unique_ptr<Peer> client = world_->Connect();
    client->Send(kRequest);
    world_->Run();
    OthersPass();  // nothing of the response has come
    SendWithPause(world_->upstream().peer(0), kResponse, at);
    const std::string& got = client->received();
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\nx-two: the second value\r\ncontent-type: text/plain\r\n")) << got;
    EXPECT_TRUE(got.find("content-length: 26\r\n") != got.npos && got.ends_with("\r\n\r\nABCDEFGHIJKLMNOPQRSTUVWXYZ")) << got;
    EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{std::string(kLogLine)});
    if (HasFailure()) return;
  }
}

// The head and the body that has come wait for a connection.
TEST_F(PauseTest, WhileConnecting) {
  for (const bool http2 : {false, true}) {
    Start({.http2_upstream = http2});
    world_->faults().delay = std::chrono::milliseconds(10);
    std::unique_ptr<Peer> client = world_->Connect();
    client->Send(kRequest);
    world_->Run();
    OthersPass();
    world_->Wait(40);
    ASSERT_EQ(world_->upstream().size(), 1u);
    if (!http2) {
      EXPECT_EQ(world_->upstream().peer(0).received(), kForwarded);
      continue;
    }
    Http2Peer upstream = Http2Peer::Server(world_->upstream().peer(0), SettingsFrame());
    EXPECT_EQ(upstream.Take(),
              "HEADERS 1 :method=POST :scheme=http :path=/the/path?the=query :authority=h.test x-one=the first value "
              "user-agent=somebody content-length=26\nDATA 1 abcdefghijklmnopqrstuvwxyz end\n");
  }
}

// The answer waits for a client that does not read.
TEST_F(PauseTest, WhileTheClientReadsNothing) {
  Start({});
  std::unique_ptr<Peer> client = world_->Connect();
  client->StopReading();
  client->Send(kRequest);
  world_->Run();
  const std::string body(3 << 20, 'b');
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\nx-two: the second value\r\ncontent-length: " +
                                  std::to_string(body.size()) + "\r\n\r\n" + body);
  world_->Run();
  OthersPass();
  client->ReadAgain();
  world_->Run();
  const std::string& got = client->received();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\nx-two: the second value\r\n"));
  EXPECT_TRUE(got.substr(got.find("\r\n\r\n") + 4) == body);
}

TEST_F(PauseTest, Http2RequestAndResponse) {
  const std::string request = HeadersFrame(1, RequestFields({{"x-one", "the first value"}}, "POST"), kEndHeaders) +
                              DataFrame(1, "abcdefghijklmnopqrstuvwxyz") + HeadersFrame(1, {{"x-sum", "the sum"}});
  const std::string response = HeadersFrame(1, {{":status", "200"}, {"x-two", "the second value"}}, kEndHeaders) +
                               DataFrame(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") + HeadersFrame(1, {{"grpc-status", "0"}});
  for (size_t at = 1; at < std::max(request.size(), response.size()); at += kStride) {
    SCOPED_TRACE(at);
    Start({.http2_upstream = true});
    Http2Peer client = Http2Peer::Client(world_->Connect(), SettingsFrame());
    world_->Run();
    SendWithPause(client.peer(), request, std::min(at, request.size() - 1));
    ASSERT_EQ(world_->upstream().size(), 1u);
    Http2Peer upstream = Http2Peer::Server(world_->upstream().peer(0), SettingsFrame());
    world_->Run();
    const std::string forwarded = upstream.Take();
    EXPECT_TRUE(forwarded.starts_with("HEADERS 1 :method=POST :scheme=http :path=/ :authority=h.test x-one=the first value\n")) << forwarded;
    EXPECT_TRUE(forwarded.ends_with("HEADERS 1 x-sum=the sum end\n")) << forwarded;
    SendWithPause(upstream.peer(), response, std::min(at, response.size() - 1));
    const std::string answer = client.Take();
    EXPECT_TRUE(answer.starts_with("HEADERS 1 :status=200 x-two=the second value\n")) << answer;
    EXPECT_TRUE(answer.ends_with("HEADERS 1 grpc-status=0 end\n")) << answer;
    EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"POST / HTTP/2 200 - via_upstream 26 26 0"});
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace pillion::test
