// A slow or stalled peer on either side makes the other side wait, and holds no more memory than the buffers' bounds.
// The bodies are far larger than that.

#include <gtest/gtest.h>

#include "test/unit/proxy/http2_peer.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

constexpr size_t kBody = 16 * 1024 * 1024;

// Both connections' buffers and the pieces under way are 16 KiB blocks or larger; 1 MiB each is what may be configured.
constexpr size_t kMostBlocks = 100;

std::string Pattern(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

std::string Length(size_t size) { return "content-length: " + std::to_string(size) + "\r\n"; }

// What of `text` is behind its head.
std::string_view BodyOf(std::string_view text) { return text.substr(text.find("\r\n\r\n") + 4); }

// E7, O9: a client that reads nothing of a large answer.
TEST(Backpressure, Http1ClientStopsReading) {
  ProxyWorld world({.route = "timeout: 0s"});
  const std::string body = Pattern(kBody);
  std::unique_ptr<Peer> client = world.Connect();
  client->StopReading();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world.Run();
  Peer& upstream = world.upstream().peer(0);
  upstream.Send("HTTP/1.1 200 OK\r\n" + Length(kBody) + "\r\n" + body);
  world.Run();
  EXPECT_FALSE(upstream.sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), kMostBlocks);
  world.Wait(60'000);
  client->ReadAgain();
  world.Run();
  EXPECT_TRUE(upstream.sent_all());
  EXPECT_TRUE(BodyOf(client->received()) == body);
}

// E7: the idle timer of the stream ends what never moves.
TEST(Backpressure, Http1ClientNeverReadsAgain) {
  ProxyWorld world({.hcm = "stream_idle_timeout: 30s", .route = "timeout: 0s"});
  std::unique_ptr<Peer> client = world.Connect();
  client->StopReading();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world.Run();
  world.upstream().peer(0).Send("HTTP/1.1 200 OK\r\n" + Length(kBody) + "\r\n" + Pattern(kBody));
  world.Wait(32'000);
  EXPECT_EQ(world.connections(), 0u);
  EXPECT_EQ(world.TakeLog().size(), 1u);
  EXPECT_EQ(world.stat("http.in.downstream_rq_idle_timeout"), 1);
}

TEST(Backpressure, Http1UpstreamStopsReading) {
  ProxyWorld world;
  const std::string body = Pattern(kBody);
  std::unique_ptr<Peer> client = world.Connect();
  client->Send("POST / HTTP/1.1\r\nhost: h\r\n" + Length(kBody) + "\r\n");
  world.Run();
  Peer& upstream = world.upstream().peer(0);
  upstream.StopReading();
  client->Send(body);
  world.Run();
  EXPECT_FALSE(client->sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), kMostBlocks);
  EXPECT_GE(world.stat("http.in.downstream_flow_control_paused_reading_total"), 1);
  world.Wait(60'000);
  upstream.ReadAgain();
  world.Run();
  EXPECT_TRUE(client->sent_all());
  EXPECT_TRUE(BodyOf(upstream.received()) == body);
  upstream.Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  world.Run();
  EXPECT_TRUE(client->received().starts_with("HTTP/1.1 200 OK\r\n"));
}

// The body comes while the connect hangs.
TEST(Backpressure, UpstreamNotConnected) {
  ProxyWorld world;
  world.faults().connect_hangs = true;
  std::unique_ptr<Peer> client = world.Connect();
  client->Send("POST / HTTP/1.1\r\nhost: h\r\n" + Length(kBody) + "\r\n" + Pattern(kBody));
  world.Run();
  EXPECT_FALSE(client->sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), 10u);
}

// The body goes on while the connect of the last try hangs.
TEST(Backpressure, LastTryNotConnected) {
  ProxyWorld world({.route = "retry_policy: {retry_on: 5xx, num_retries: 1}"});
  std::unique_ptr<Peer> client = world.Connect();
  client->Send("POST / HTTP/1.1\r\nhost: h\r\n" + Length(kBody) + "\r\nabc");
  world.Run();
  world.faults().connect_hangs = true;
  world.upstream().peer(0).Send("HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n");
  world.Wait(30);
  client->Send(Pattern(kBody - 3));
  world.Run();
  EXPECT_FALSE(client->sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), 10u);
  world.Wait(5000);  // connect_timeout
  EXPECT_TRUE(client->received().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
}

// C15: requests without end from a client that reads no answer.
TEST(Backpressure, PipelinedFlood) {
  ProxyWorld world;
  std::unique_ptr<Peer> client = world.Connect();
  client->StopReading();
  std::string requests;
  for (int i = 0; i < 100'000; ++i) requests += "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n";
  client->Send(requests);
  world.Run();
  EXPECT_FALSE(client->sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), kMostBlocks);
  const int64_t answered = world.stat("http.in.downstream_rq_completed");
  EXPECT_LT(answered, 50'000);
  client->ReadAgain();
  world.Run();
  EXPECT_TRUE(client->sent_all());
  EXPECT_EQ(world.stat("http.in.downstream_rq_completed"), 100'000);
}

// E10: a body in the smallest pieces costs about its size.
TEST(Backpressure, OneByteChunks) {
  ProxyWorld world;
  std::unique_ptr<Peer> client = world.Connect();
  client->Send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
  world.Run();
  world.upstream().peer(0).StopReading();
  std::string chunks;
  for (int i = 0; i < 500'000; ++i) chunks += "1\r\na\r\n";
  client->Send(chunks);
  world.Run();
  EXPECT_FALSE(client->sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), kMostBlocks);
}

// Both send much, and neither reads: what waits is bounded, and all of it arrives when they do.
void ExpectBoundedBothWays(ProxyWorld& world, Peer& client, Peer& upstream) {
  const std::string body = Pattern(kBody);
  client.StopReading();
  upstream.StopReading();
  client.Send(body);
  upstream.Send(body);
  world.Run();
  EXPECT_FALSE(client.sent_all());
  EXPECT_FALSE(upstream.sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), kMostBlocks);
  client.ReadAgain();
  upstream.ReadAgain();
  world.Run();
  EXPECT_TRUE(client.received() == body);
  EXPECT_TRUE(upstream.received() == body);
}

TEST(Backpressure, TcpBothWays) {
  ProxyWorld world({.tcp = true});
  std::unique_ptr<Peer> client = world.Connect();
  client->Send("x");
  world.Run();
  Peer& upstream = world.upstream().peer(0);
  upstream.Take();
  ExpectBoundedBothWays(world, *client, upstream);
}

TEST(Backpressure, TunnelBothWays) {
  ProxyWorld world({.hcm = "upgrade_configs: [{upgrade_type: websocket}]"});
  std::unique_ptr<Peer> client = world.Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  world.Run();
  Peer& upstream = world.upstream().peer(0);
  upstream.Take();
  upstream.Send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  world.Run();
  client->Take();
  ExpectBoundedBothWays(world, *client, upstream);
}

// Data of all DATA frames of `stream`.
std::string DataOf(std::string_view bytes, uint32_t stream) {
  std::string data;
  for (const SeenFrame& frame : ParseFrames(bytes)) {
    if (frame.type == kDataFrame && frame.stream_id == stream) data += frame.payload;
  }
  return data;
}

// H11: streams of answers that get no window.
TEST(Backpressure, Http2ClientGrantsNoWindow) {
  ProxyWorld world;
  Http2Peer client = Http2Peer::Client(world.Connect(), SettingsFrame());
  const size_t size = 4 * 1024 * 1024;
  const std::string body = Pattern(size);
  for (uint32_t id = 1; id < 20; id += 2) client.Send(HeadersFrame(id, RequestFields()));
  world.Run();
  ASSERT_EQ(world.upstream().size(), 10u);
  for (size_t i = 0; i < 10; ++i) world.upstream().peer(i).Send("HTTP/1.1 200 OK\r\n" + Length(size) + "\r\n" + body);
  world.Run();
  for (size_t i = 0; i < 10; ++i) EXPECT_FALSE(world.upstream().peer(i).sent_all());
  EXPECT_LE(world.worker().blocks().blocks_taken(), 20 * kMostBlocks);
  for (uint32_t id = 1; id < 20; id += 2) client.Send(WindowUpdateFrame(id, size));
  client.Send(WindowUpdateFrame(0, 12 * size));
  world.Run();
  for (size_t i = 0; i < 10; ++i) EXPECT_TRUE(world.upstream().peer(i).sent_all());
  const std::string got = client.peer().Take();
  for (uint32_t id = 1; id < 20; id += 2) EXPECT_TRUE(DataOf(got, id) == body) << id;
}

TEST(Backpressure, Http2ToHttp2UpstreamGrantsNoWindow) {
  ProxyWorld world({.http2_upstream = true});
  Http2Peer client = Http2Peer::Client(world.Connect(), SettingsFrame());
  // The larger window holds once its SETTINGS are acknowledged.
  client.Send(SettingsFrame({}, kAck) + HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders));
  world.Run();
  Http2Peer upstream = Http2Peer::Server(world.upstream().peer(0), SettingsFrame());
  world.Run();
  upstream.Take();
  client.peer().Take();
  // The client keeps to the windows that it gets.
  const std::string body = Pattern(kBody);
  size_t sent = 0;
  int64_t stream_window = 256 * 1024;
  int64_t connection_window = 1024 * 1024;
  std::string got;
  const auto pump = [&] {
    for (;;) {
      const auto piece = static_cast<size_t>(std::min<int64_t>({stream_window, connection_window, 16'384,
                                                                static_cast<int64_t>(kBody - sent)}));
      if (piece > 0) {
        sent += piece;
        stream_window -= piece;
        connection_window -= piece;
        client.Send(DataFrame(1, std::string_view(body).substr(sent - piece, piece), sent == kBody ? kEndStream : kNoFlags));
      }
      world.Run();
      bool granted = false;
      for (const SeenFrame& frame : ParseFrames(client.peer().Take())) {
        if (frame.type != kWindowUpdateFrame) continue;
        (frame.stream_id == 0 ? connection_window : stream_window) += frame.Word(0);
        granted = true;
      }
      if (piece == 0 && !granted) return;
    }
  };
  pump();
  EXPECT_LT(sent, 2u * 1024 * 1024);
  EXPECT_LE(world.worker().blocks().blocks_taken(), kMostBlocks);
  while (got.size() < kBody) {
    got += DataOf(upstream.peer().Take(), 1);
    const size_t before = got.size();
    upstream.Send(WindowUpdateFrame(1, 1 << 20) + WindowUpdateFrame(0, 1 << 20));
    pump();
    got += DataOf(upstream.peer().Take(), 1);
    ASSERT_GT(got.size(), before);
    EXPECT_LE(world.worker().blocks().blocks_taken(), kMostBlocks);
  }
  EXPECT_TRUE(got == body);
}

}  // namespace
}  // namespace pillion::test
