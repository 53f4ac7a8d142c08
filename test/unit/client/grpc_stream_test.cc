// Calls over a loopback network, to a server that answers as a test says.

#include "source/client/grpc_stream.h"

#include <gtest/gtest.h>

#include "source/codec/http2/server_connection.h"
#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"

namespace pillion::client {
namespace {

using codec::grpc::Code;
using codec::grpc::Frame;
using codec::grpc::Status;
using std::chrono::milliseconds;
using std::chrono::seconds;

const net::Address kServer = *net::Address::Ip("127.0.0.1", 80);

// The server's end: one connection, of which the last stream counts.
class Server final : private net::AcceptEvents,
                     private net::ConnectionOwner,
                     private codec::ServerEvents,
                     private codec::RequestReceiver {
 public:
  Server(test::Simulation& simulation)
      : worker_(simulation.worker()), listener_(simulation.network(), simulation.loop(), kServer, *this) {}
  ~Server() { Close(); }

  void Head(int status, std::initializer_list<std::pair<std::string_view, std::string_view>> fields, bool end) {
    auto& head = *arena_->New<http::ResponseHead>(*arena_);
    head.status = status;
    head.version = http::Version::kHttp2;
    for (const auto& [name, value] : fields) head.headers.Add(name, value);
    stream_->SendHead(head, end);
  }
  void Begin() { Head(200, {{"content-type", "application/grpc"}}, false); }
  bool Data(std::string_view bytes, bool end = false) {
    for (; bytes.size() > 10'000; bytes.remove_prefix(10'000)) {
      (void)stream_->SendData(base::Slice::Copy(worker_.blocks(), bytes.substr(0, 10'000)), false);
    }
    return stream_->SendData(base::Slice::Copy(worker_.blocks(), bytes), end);
  }
  void Trailers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    http::HeaderMap trailers(*arena_);
    for (const auto& [name, value] : fields) trailers.Add(name, value);
    stream_->SendTrailers(trailers);
  }
  void ResetStream() { std::exchange(stream_, nullptr)->Reset(codec::ResetReason::kInternalError); }
  void Close() {
    stream_ = nullptr;
    codec_.reset();
    connection_.reset();
  }

  std::string head, received;
  bool ended = false, closed = false;
  size_t connections = 0;

 private:
  void OnAccept(std::unique_ptr<net::Transport> transport) override {
    ++connections;
    Close();
    net::ConnectionOwner& owner = *this;
    codec::ServerEvents& events = *this;
    connection_ = std::make_unique<net::Connection>(worker_, std::move(transport), owner, net::ConnectionOptions{});
    codec_ = std::make_unique<codec::http2::ServerConnection>(*connection_, events, worker_.blocks(), memory_, options_);
    connection_->set_codec(*codec_);
    connection_->Start(false);
  }
  void OnAccepted(uint32_t) override {}
  void OnAcceptFailed(int) override {}
  void OnConnected() override {}
  void OnClosed(net::CloseReason, int) override { closed = true; }
  void OnActivity() override {}
  codec::RequestReceiver* OnRequestBegin(codec::ServerStream& stream) override {
    stream_ = &stream;
    arena_ = std::make_unique<base::Arena>(worker_.blocks());
    return this;
  }
  void OnFlood(codec::Flood, bool) override {}
  void OnConnectionError(std::string_view) override {}
  base::Arena& arena() override { return *arena_; }
  void OnRequestHead(http::RequestHead& request, bool) override {
    head = std::string(request.method) + " " + std::string(request.scheme) + "://" + std::string(request.authority) +
           std::string(request.path);
    for (const http::HeaderField& field : request.headers) {
      head += "\n" + std::string(field.name()) + ": " + std::string(field.value());
    }
  }
  void OnData(base::Slice data, bool end) override {
    received += data.view();
    ended |= end;
  }
  void OnTrailers(http::HeaderMap&) override {}
  void OnRequestError(const codec::RequestError&) override {}
  void OnReset(codec::ResetReason, std::string_view) override { stream_ = nullptr; }
  void OnSendReady() override {}

  event::Worker& worker_;
  codec::http2::MemoryPool memory_;
  const codec::http2::Options options_{};
  test::LoopbackListener listener_;
  std::unique_ptr<base::Arena> arena_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<codec::http2::ServerConnection> codec_;
  codec::ServerStream* stream_ = nullptr;
};

class GrpcStreamTest : public testing::Test {
 protected:
  ~GrpcStreamTest() override {
    if (stream_ != nullptr) stream_->Cancel();
    simulation_.RunUntilIdle();
  }
  void Call(GrpcRequest request = {.path = "/a.B/C"}, bool take = true) {
    request_ = request;
    GrpcStream::Callbacks callbacks;
    callbacks.on_open = [this] { ++opens_; };
    callbacks.on_message = [this, take](std::string message) {
      messages_.push_back(std::move(message));
      if (take) simulation_.worker().Post([this] {
        if (stream_ != nullptr) stream_->Taken();
      });
    };
    callbacks.on_end = [this](const Status& status) {
      stream_ = nullptr;
      ends_.push_back(status.text());
    };
    stream_ = new GrpcStream(thread_, {.cluster = cluster_, .address = address_, .authority = "be"}, request_, callbacks);
    stream_->Start();
    simulation_.RunUntilIdle();
  }
  void Run() { simulation_.RunUntilIdle(); }

  test::Simulation simulation_;
  test::LoopbackConnector connector_{simulation_.network(), simulation_.loop()};
  codec::http2::MemoryPool memory_;
  const ThreadParts thread_{simulation_.worker(), connector_, memory_};
  std::shared_ptr<const config::Cluster> cluster_;
  Server server_{simulation_};
  net::Address address_ = kServer;
  GrpcRequest request_;
  GrpcStream* stream_ = nullptr;
  std::vector<std::string> messages_, ends_;
  int opens_ = 0;
};

// The server need not say a word for that; but it has to be there.
TEST_F(GrpcStreamTest, Opens) {
  Call();
  EXPECT_EQ(opens_, 1);
  server_.Begin();
  Run();
  EXPECT_EQ(opens_, 1);
  stream_->Cancel();
  for (const bool hangs : {true, false}) {
    simulation_.network().faults(kServer).connect_hangs = hangs;
    simulation_.network().faults(kServer).connect_error = hangs ? 0 : ECONNREFUSED;
    Call();
    simulation_.AdvanceTime(seconds(6));
  }
  EXPECT_EQ(ends_.size(), 2u);
  EXPECT_EQ(opens_, 1);
}

TEST_F(GrpcStreamTest, Unary) {
  Call({.path = "/a.B/C", .metadata = {{"x-token", "t"}}, .timeout = seconds(2)});
  stream_->Send("ask", true);
  Run();
  EXPECT_EQ(server_.head,
            "POST http://be/a.B/C\ncontent-type: application/grpc\nte: trailers\nuser-agent: grpc-pillion\n"
            "grpc-timeout: 2000m\nx-token: t");
  EXPECT_EQ(server_.received, Frame("ask"));
  EXPECT_TRUE(server_.ended);
  server_.Begin();
  server_.Data(Frame("answer"));
  server_.Trailers({{"grpc-status", "0"}});
  Run();
  EXPECT_EQ(messages_, std::vector<std::string>{"answer"});
  EXPECT_EQ(ends_, std::vector<std::string>{"OK"});
  EXPECT_TRUE(server_.closed);
}

TEST_F(GrpcStreamTest, BothWays) {
  Call();
  stream_->Send("1", false);
  Run();
  server_.Begin();
  for (int i = 0; i < 3; ++i) {
    server_.Data(Frame("m" + std::to_string(i)));
    Run();
    stream_->Send("again", false);
    Run();
  }
  EXPECT_EQ(messages_, (std::vector<std::string>{"m0", "m1", "m2"}));
  EXPECT_EQ(server_.received, Frame("1") + Frame("again") + Frame("again") + Frame("again"));
  EXPECT_TRUE(ends_.empty());
  server_.Trailers({{"grpc-status", "14"}, {"grpc-message", "going%20away"}});
  Run();
  EXPECT_EQ(ends_, std::vector<std::string>{"UNAVAILABLE: going away"});
}

TEST_F(GrpcStreamTest, ManyMessagesComeOneByOneAndBeforeTheEnd) {
  Call();
  server_.Begin();
  std::string all;
  for (int i = 0; i < 100; ++i) all += Frame(std::to_string(i));
  server_.Data(all);
  server_.Trailers({{"grpc-status", "0"}});
  Run();
  EXPECT_EQ(messages_.size(), 100u);
  EXPECT_EQ(messages_.back(), "99");
  EXPECT_EQ(ends_.size(), 1u);
}

TEST_F(GrpcStreamTest, WhatIsNotTakenStaysWithTheServer) {
  Call({.path = "/a.B/C"}, false);
  server_.Begin();
  const std::string message = Frame(std::string(100'000, 'x'));
  for (int i = 0; i < 20; ++i) (void)server_.Data(message);
  Run();
  EXPECT_EQ(messages_.size(), 1u);
  for (size_t i = 2; i <= 20; ++i) {
    stream_->Taken();
    Run();
    EXPECT_EQ(messages_.size(), i);
  }
}

TEST_F(GrpcStreamTest, ALargeMessageWaitsForTheWindow) {
  Call();
  stream_->Send(std::string(3'000'000, 'y'), false);
  stream_->Send("last", true);
  Run();
  EXPECT_EQ(server_.received.size(), 3'000'005u + 9);
  EXPECT_TRUE(server_.ended);
}

// What waits has a bound, whether the server does not read or is not there yet.
TEST_F(GrpcStreamTest, WhatIsNotReadIsNotKeptForEver) {
  simulation_.network().faults(kServer).connect_hangs = true;
  Call();
  stream_->Send(std::string(GrpcStream::kMostWaiting - 5, 'y'), false);
  ASSERT_NE(stream_, nullptr);
  stream_->Send("", false);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_EQ(ends_, std::vector<std::string>{"RESOURCE_EXHAUSTED: more than 64 MiB that the server does not read"});
  Run();
}

TEST_F(GrpcStreamTest, AHeadAlone) {
  Call();
  server_.Head(200, {{"content-type", "application/grpc"}, {"grpc-status", "7"}, {"grpc-message", "no"}}, true);
  Run();
  EXPECT_EQ(ends_, std::vector<std::string>{"PERMISSION_DENIED: no"});
}

TEST_F(GrpcStreamTest, WhatIsNoGrpc) {
  Call();
  server_.Head(503, {}, true);
  Run();
  EXPECT_EQ(ends_, std::vector<std::string>{"UNAVAILABLE: no grpc-status, but HTTP status 503"});
  Call();
  server_.Head(200, {{"content-type", "text/html"}}, false);
  Run();
  EXPECT_EQ(ends_.back(), "UNKNOWN: content-type \"text/html\", expected application/grpc");
  Call();
  server_.Begin();
  server_.Data("", true);
  Run();
  EXPECT_EQ(ends_.back(), "INTERNAL: the answer ended without a grpc-status");
  Call();
  server_.Begin();
  server_.Data(Frame("abc").substr(0, 6));
  server_.Trailers({{"grpc-status", "0"}});
  Run();
  EXPECT_EQ(ends_.back(), "INTERNAL: the last message was cut off");
  EXPECT_TRUE(messages_.empty());
}

TEST_F(GrpcStreamTest, AMessageThatIsTooLong) {
  Call({.path = "/a.B/C", .max_message = 10});
  server_.Begin();
  server_.Data(Frame("0123456789x").substr(0, 5));
  Run();
  EXPECT_EQ(ends_, std::vector<std::string>{"RESOURCE_EXHAUSTED: a message of 11 bytes, expected 10 at most"});
}

TEST_F(GrpcStreamTest, Ends) {
  Call();
  server_.ResetStream();
  Run();
  EXPECT_EQ(ends_.back(), "INTERNAL: the stream was reset: http2.remote_reset");
  Call();
  server_.Close();
  Run();
  EXPECT_TRUE(ends_.back().starts_with("UNAVAILABLE: the connection ended")) << ends_.back();
  simulation_.network().faults(kServer).connect_error = ECONNREFUSED;
  Call();
  EXPECT_EQ(ends_.back(), "UNAVAILABLE: 127.0.0.1:80: Connection refused");
  EXPECT_EQ(ends_.size(), 3u);
}

TEST_F(GrpcStreamTest, Timeouts) {
  Call({.path = "/a.B/C", .timeout = seconds(2)});
  simulation_.AdvanceTime(milliseconds(1999));
  EXPECT_TRUE(ends_.empty());
  simulation_.AdvanceTime(milliseconds(2));
  EXPECT_EQ(ends_, std::vector<std::string>{"DEADLINE_EXCEEDED: no end within the timeout"});
  simulation_.network().faults(kServer).connect_hangs = true;
  Call();
  simulation_.AdvanceTime(seconds(6));
  EXPECT_EQ(ends_.back(), "UNAVAILABLE: 127.0.0.1:80: no connection within the connect timeout");
}

TEST_F(GrpcStreamTest, AServerThatIsGoneWithoutAWord) {
  auto cluster = std::make_shared<config::Cluster>();
  cluster->http.http2.keepalive = config::KeepaliveOptions{.interval = seconds(10), .timeout = seconds(1)};
  cluster_ = cluster;
  Call();
  server_.Begin();
  simulation_.AdvanceTime(seconds(30));
  EXPECT_TRUE(ends_.empty());  // PINGs were answered
  std::exchange(stream_, nullptr)->Cancel();
  address_ = *net::Address::Ip("127.0.0.1", 81);
  const test::PeerListener silent(simulation_.network(), simulation_.loop(), address_);
  Call();
  simulation_.AdvanceTime(seconds(13));
  EXPECT_EQ(ends_, std::vector<std::string>{"UNAVAILABLE: no answer to a PING"});
}

// Of a subscription that is found out by default.
TEST_F(GrpcStreamTest, ASubscriptionWhoseServerIsGoneWithoutAWord) {
  const GrpcRequest subscription{.path = "/a.B/C", .subscription = true};
  Call(subscription);
  server_.Begin();
  simulation_.AdvanceTime(seconds(2000));
  EXPECT_TRUE(ends_.empty());  // PINGs were answered
  std::exchange(stream_, nullptr)->Cancel();
  address_ = *net::Address::Ip("127.0.0.1", 81);
  const test::PeerListener silent(simulation_.network(), simulation_.loop(), address_);
  Call(subscription);
  simulation_.AdvanceTime(seconds(400));
  EXPECT_EQ(ends_, std::vector<std::string>{"UNAVAILABLE: no answer to a PING"});
  // What the cluster says holds instead.
  auto cluster = std::make_shared<config::Cluster>();
  cluster->http.http2.keepalive = config::KeepaliveOptions{.interval = seconds(10), .timeout = seconds(1)};
  cluster_ = cluster;
  Call(subscription);
  simulation_.AdvanceTime(seconds(13));
  EXPECT_EQ(ends_.size(), 2u);
}

TEST_F(GrpcStreamTest, Cancelled) {
  Call();
  server_.Begin();
  Run();
  std::exchange(stream_, nullptr)->Cancel();
  Run();
  EXPECT_TRUE(server_.closed);
  EXPECT_TRUE(ends_.empty());
}

}  // namespace
}  // namespace pillion::client
