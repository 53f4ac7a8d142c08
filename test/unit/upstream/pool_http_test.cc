// Pools with the real codecs: HTTP/1 against bytes that the test writes, HTTP/2 against a server's codec.

#include <gtest/gtest.h>

#include "source/codec/http2/memory_pool.h"
#include "source/codec/http2/server_connection.h"
#include "source/net/connection.h"
#include "source/upstream/http_client_codecs.h"
#include "test/unit/upstream/pool_fixture.h"

namespace pillion::upstream {
namespace {

using Kind = Pool::Result::Kind;
using std::chrono::seconds;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

class HttpPoolFixture : public PoolFixture {
 public:
  ~HttpPoolFixture() override { shards.clear(); }  // before the memory of their codecs

  std::unique_ptr<ClientCodecs> MakeCodecs(uint32_t worker) override {
    return std::make_unique<HttpClientCodecs>(*config, simulation.worker(worker).blocks(), memory);
  }
  // Asks, and sends a GET as soon as there is a stream.
  std::unique_ptr<TestRequest> Get(Pool& pool) {
    auto request = NewRequest();
    TestRequest* raw = request.get();
    raw->then = [raw] {
      if (raw->stream == nullptr) return;
      raw->then = nullptr;
      http::RequestHead& head = *raw->arena().New<http::RequestHead>(raw->arena());
      head.method = "GET";
      head.method_id = http::Method::kGet;
      head.scheme = "http";
      head.authority = "be.test";
      head.path = "/";
      raw->stream->SendHead(head, true);
    };
    raw->Ask(pool);
    return request;
  }

  codec::http2::MemoryPool memory;
};

class Http1PoolTest : public HttpPoolFixture {
 public:
  // A whole exchange on the first connection.
  std::unique_ptr<TestRequest> Exchange(std::string_view response) {
    auto request = Get(h1());
    Run();
    listener->peers().back()->Send(response);
    Run();
    return request;
  }
};

TEST_F(Http1PoolTest, KeepsConnectionsAlive) {
  Make();
  Listen();
  for (int i = 0; i < 5; ++i) {
    const auto request = Exchange(kOk);
    EXPECT_EQ(request->status, 200);
    EXPECT_TRUE(request->complete);
    EXPECT_EQ(request->served_before, static_cast<uint64_t>(i));
  }
  EXPECT_EQ(listener->size(), 1u);
  EXPECT_EQ(Stat("upstream_rq_active"), 0);
  EXPECT_EQ(Stat("upstream_cx_rx_bytes_total"), static_cast<int64_t>(5 * kOk.size()));
  EXPECT_EQ(Stat("upstream_cx_tx_bytes_total"), static_cast<int64_t>(listener->peer(0).received().size()));
}

TEST_F(Http1PoolTest, ConnectionCloseEndsIt) {
  Make();
  Listen();
  const auto first = Exchange("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  EXPECT_TRUE(first->complete);
  EXPECT_EQ(Stat("upstream_cx_active"), 0);
  EXPECT_EQ(Stat("upstream_cx_destroy_with_active_rq"), 0);
  const auto second = Exchange(kOk);
  EXPECT_EQ(second->served_before, 0u);
  EXPECT_EQ(listener->size(), 2u);
}

// Hostile inputs, D9: an answer that nobody asked for is never paired with the next request.
TEST_F(Http1PoolTest, BytesOnAnIdleConnectionEndIt) {
  Make();
  Listen();
  const auto first = Exchange(kOk);
  listener->peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 0);
  EXPECT_EQ(Stat("upstream_cx_protocol_error"), 1);
  const auto second = Get(h1());
  EXPECT_EQ(second->stream, nullptr);  // not at once: there is no connection
  Run();
  EXPECT_EQ(listener->size(), 2u);
}

// D8: the same bytes with the answer that was asked for.
TEST_F(Http1PoolTest, BytesBehindAnAnswerEndIt) {
  Make();
  Listen();
  const auto first = Exchange(std::string(kOk) + std::string(kOk));
  EXPECT_TRUE(first->complete);
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(Stat("upstream_cx_active"), 0);
  EXPECT_EQ(Stat("upstream_cx_protocol_error"), 1);
}

// O8: the end comes as the connection is taken; the request can see that it was not the first there.
TEST_F(Http1PoolTest, AnEndThatCrossesARequest) {
  Make();
  Listen();
  Exchange(kOk);
  simulation.network().faults(kHost).delay = base::Duration::zero();
  const auto second = Get(h1());  // before the turn that will see the end
  ASSERT_NE(second->id, 0u);
  listener->peer(0).EndSending();
  Run();
  EXPECT_EQ(second->reset, codec::ResetReason::kConnectionEnd);
  EXPECT_EQ(second->served_before, 1u);
  EXPECT_EQ(second->status, 0);
  EXPECT_EQ(Stat("upstream_cx_destroy_remote_with_active_rq"), 1);
}

TEST_F(Http1PoolTest, AnIdleEndIsSeen) {
  Make();
  Listen();
  Exchange(kOk);
  listener->peer(0).EndSending();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 0);
  EXPECT_EQ(Stat("upstream_cx_destroy_remote"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy_with_active_rq"), 0);
}

TEST_F(Http1PoolTest, AnIdleResetIsSeen) {
  Make();
  Listen();
  Exchange(kOk);
  listener->peer(0).Reset();
  Run();
  EXPECT_EQ(Stat("upstream_cx_active"), 0);
  EXPECT_EQ(Stat("upstream_cx_destroy_remote"), 1);
}

TEST_F(Http1PoolTest, IdleTimeoutClosesInOrder) {
  config->http.options.idle_timeout = seconds(30);
  Make();
  Listen();
  Exchange(kOk);
  Advance(seconds(31));
  EXPECT_EQ(Stat("upstream_cx_idle_timeout"), 1);
  EXPECT_EQ(Stat("upstream_cx_destroy_local"), 1);
  EXPECT_TRUE(listener->peer(0).ended());
  EXPECT_EQ(listener->peer(0).error(), 0);
  ExpectNothingHeld();
}

TEST_F(Http1PoolTest, ResetOfAStreamEndsItsConnection) {
  Make();
  Listen();
  auto request = Get(h1());
  Run();
  request->stream->Reset(codec::ResetReason::kCancel);
  request.reset();
  Run();
  ExpectNothingHeld();
  Exchange(kOk);
  EXPECT_EQ(listener->size(), 2u);
}

// An HTTP/2 server that answers every request at once with `status`, or holds its answers.
class Http2Server final : net::AcceptEvents {
 public:
  explicit Http2Server(test::Simulation& simulation, const codec::http2::Options& options)
      : simulation_(simulation),
        options_(options),
        listener_(simulation.network(), simulation.loop(), kHost, *this) {}

  struct Connection final : net::ConnectionOwner, codec::ServerEvents, event::Deferred {
    Connection(Http2Server& server, std::unique_ptr<net::Transport> transport)
        : server(server),
          connection(server.simulation_.worker(), std::move(transport), *this, {}),
          codec(connection, *this, server.simulation_.worker().blocks(), server.memory_, server.options_) {
      connection.set_codec(codec);
      connection.Start(false);
    }
    void OnConnected() override {}
    void OnClosed(net::CloseReason, int) override {
      closed = true;
      server.simulation_.worker().Dispose(*this);
    }
    void OnActivity() override {}
    codec::RequestReceiver* OnRequestBegin(codec::ServerStream& stream) override {
      ++requests;
      streams.push_back(std::make_unique<Stream>(*this, stream));
      return streams.back().get();
    }
    void OnFlood(codec::Flood, bool) override {}
    void OnConnectionError(std::string_view detail) override { ADD_FAILURE() << detail; }
    void Dispose() override {}

    struct Stream final : codec::RequestReceiver {
      Stream(Connection& connection, codec::ServerStream& stream)
          : connection(connection), stream(&stream), memory(connection.server.simulation_.worker().blocks()) {}
      void Answer() {
        if (stream == nullptr) return;
        http::ResponseHead& head = *memory.New<http::ResponseHead>(memory);
        head.status = 200;
        std::exchange(stream, nullptr)->SendHead(head, true);
      }
      base::Arena& arena() override { return memory; }
      void OnRequestHead(http::RequestHead&, bool) override {
        if (!connection.server.hold) Answer();
      }
      void OnRequestError(const codec::RequestError&) override {}
      void OnData(base::Slice, bool) override {}
      void OnTrailers(http::HeaderMap&) override {}
      void OnReset(codec::ResetReason, std::string_view) override { stream = nullptr; }
      void OnSendReady() override {}

      Connection& connection;
      codec::ServerStream* stream;
      base::Arena memory;
    };

    Http2Server& server;
    net::Connection connection;
    std::vector<std::unique_ptr<Stream>> streams;
    codec::http2::ServerConnection codec;
    bool closed = false;
    int requests = 0;
  };

  bool hold = false;
  std::vector<std::unique_ptr<Connection>> connections;

 private:
  void OnAccept(std::unique_ptr<net::Transport> transport) override {
    connections.push_back(std::make_unique<Connection>(*this, std::move(transport)));
  }
  void OnAccepted(uint32_t) override {}
  void OnAcceptFailed(int) override {}

  test::Simulation& simulation_;
  const codec::http2::Options options_;
  codec::http2::MemoryPool memory_;
  test::LoopbackListener listener_;
};

class Http2PoolTest : public HttpPoolFixture {
 public:
  ~Http2PoolTest() override {
    shards.clear();
    if (server) server->connections.clear();
  }
  void Serve(const codec::http2::Options& options = {}) { server = std::make_unique<Http2Server>(simulation, options); }

  std::unique_ptr<Http2Server> server;
};

TEST_F(Http2PoolTest, ABurstOverOneConnection) {
  Make();
  Serve();
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 100; ++i) requests.push_back(Get(h2()));
  Run();
  for (const auto& request : requests) {
    EXPECT_EQ(request->status, 200);
    EXPECT_TRUE(request->complete);
  }
  ASSERT_EQ(server->connections.size(), 1u);
  EXPECT_EQ(server->connections[0]->requests, 100);
  EXPECT_EQ(Stat("upstream_rq_active"), 0);
  EXPECT_EQ(Stat("upstream_rq_total"), 100);
}

TEST_F(Http2PoolTest, ThePeersLimitOfStreamsOpensAnotherConnection) {
  Make();
  Serve({.max_concurrent_streams = 10});
  const auto first = Get(h2());  // its SETTINGS are known from now on
  Run();
  EXPECT_EQ(first->status, 200);
  server->hold = true;
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (int i = 0; i < 15; ++i) requests.push_back(Get(h2()));
  Run();
  ASSERT_EQ(server->connections.size(), 2u);
  EXPECT_EQ(server->connections[0]->codec.active_streams(), 10u);
  EXPECT_EQ(server->connections[1]->codec.active_streams(), 5u);
  for (const auto& connection : server->connections) {
    for (const auto& stream : connection->streams) stream->Answer();
  }
  Run();
  for (const auto& request : requests) EXPECT_EQ(request->status, 200);
  EXPECT_EQ(Stat("upstream_rq_active"), 0);
}

TEST_F(Http2PoolTest, GoawayDrainsTheConnection) {
  Make();
  Serve();
  server->hold = true;
  const auto first = Get(h2());
  Run();
  server->connections[0]->codec.StartDrain();
  Run();
  server->connections[0]->codec.FinishDrain();
  Run();
  const auto second = Get(h2());
  Run();
  EXPECT_EQ(server->connections.size(), 2u);
  for (const auto& connection : server->connections) {
    for (const auto& stream : connection->streams) stream->Answer();
  }
  Run();
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(second->status, 200);
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
}

TEST_F(Http2PoolTest, IdleTimeoutAndDrain) {
  config->http.options.idle_timeout = seconds(30);
  Make();
  Serve();
  auto request = Get(h2());
  Run();
  EXPECT_EQ(request->status, 200);
  Advance(seconds(31));
  EXPECT_EQ(Stat("upstream_cx_idle_timeout"), 1);
  EXPECT_TRUE(server->connections[0]->closed);
  request = Get(h2());
  Run();
  EXPECT_EQ(request->status, 200);
  shard().Drain();
  Run();
  EXPECT_TRUE(server->connections[1]->closed);
  ExpectNothingHeld();
}

TEST_F(Http2PoolTest, TheConnectionEndsWithItsStreams) {
  Make();
  Serve();
  server->hold = true;
  const auto a = Get(h2()), b = Get(h2());
  Run();
  server->connections[0]->connection.Abort();
  Run();
  server->connections.clear();
  Run();
  EXPECT_EQ(a->reset, codec::ResetReason::kConnectionEnd);
  EXPECT_EQ(b->reset, codec::ResetReason::kConnectionEnd);
  EXPECT_EQ(Stat("upstream_cx_destroy_remote_with_active_rq"), 1);
  ExpectNothingHeld();
}

TEST_F(Http2PoolTest, KeepaliveFindsAPeerThatIsGone) {
  config->http.http2.keepalive = {.interval = seconds(10), .timeout = seconds(3), .interval_jitter_percent = 0};
  Make();
  Listen();  // it takes the connection, and says nothing
  const auto request = Get(h2());
  Advance(seconds(12));
  EXPECT_FALSE(request->reset);
  Advance(seconds(1));
  EXPECT_EQ(request->reset, codec::ResetReason::kConnectionEnd);
  EXPECT_EQ(Stat("http2.keepalive_timeout"), 1);
  ExpectNothingHeld();
}

TEST_F(Http2PoolTest, KeepaliveLeavesAPeerThatAnswers) {
  config->http.http2.keepalive = {.interval = seconds(10), .timeout = seconds(3), .connection_idle_interval = seconds(5)};
  Make();
  Serve();
  auto request = Get(h2());
  Advance(seconds(600));
  EXPECT_EQ(Stat("http2.keepalive_timeout"), 0);
  EXPECT_EQ(Stat("upstream_cx_active"), 1);
  request = Get(h2());
  Run();
  EXPECT_EQ(request->status, 200);
}

}  // namespace
}  // namespace pillion::upstream
