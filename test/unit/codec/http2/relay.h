#pragma once

// A proxy's work in miniature: requests from a server codec to a client codec and their answers back, with nothing
// between but a request id. It tells what the codecs cost: instructions, allocations.

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {

class Relay final : public ServerEvents, public ClientEvents {
 public:
  Relay(base::BlockPool& pool, MemoryPool& memory, const Options& options)
      : down_link(pool),
        up_link(pool),
        downstream(down_link, *this, pool, memory, options),
        upstream(up_link, *this, pool, memory, options),
        pool_(pool) {}

  // The end of the turn: everything is written, streams that are over are used again.
  void EndTurn() {
    upstream.Produce(kNoBudget);
    downstream.Produce(kNoBudget);
    for (Exchange* exchange : over_) {
      exchange->arena.Clear();
      free_.push_back(exchange);
    }
    over_.clear();
  }

  FakeLink down_link;
  FakeLink up_link;
  ServerConnection downstream;
  ClientConnection upstream;
  size_t finished = 0;

 private:
  struct Exchange;

  struct Request final : RequestReceiver {
    Exchange* exchange = nullptr;
    base::Arena& arena() override { return exchange->arena; }
    void OnRequestHead(http::RequestHead& head, bool end) override { exchange->relay->Forward(*exchange, head, end); }
    void OnRequestError(const RequestError&) override { std::abort(); }
    void OnData(base::Slice data, bool end) override { (void)exchange->up->SendData(std::move(data), end); }
    void OnTrailers(http::HeaderMap& trailers) override { exchange->up->SendTrailers(trailers); }
    void OnReset(ResetReason, std::string_view) override { std::abort(); }
    void OnSendReady() override {}
  };

  struct Response final : ResponseReceiver {
    Exchange* exchange = nullptr;
    base::Arena& arena() override { return exchange->arena; }
    void OnInformational(http::ResponseHead&) override {}
    void OnResponseHead(http::ResponseHead& head, bool end) override {
      exchange->down->SendHead(head, end);
      if (end) exchange->relay->Finish(*exchange);
    }
    void OnData(base::Slice data, bool end) override {
      (void)exchange->down->SendData(std::move(data), end);
      if (end) exchange->relay->Finish(*exchange);
    }
    void OnTrailers(http::HeaderMap& trailers) override {
      exchange->down->SendTrailers(trailers);
      exchange->relay->Finish(*exchange);
    }
    void OnReset(ResetReason, std::string_view) override { std::abort(); }
    void OnSendReady() override {}
  };

  struct Exchange {
    explicit Exchange(Relay* relay) : relay(relay), arena(relay->pool_) {
      request.exchange = this;
      response.exchange = this;
    }
    Relay* relay;
    base::Arena arena;
    Request request;
    Response response;
    ServerStream* down = nullptr;
    ClientStream* up = nullptr;
  };

  RequestReceiver* OnRequestBegin(ServerStream& stream) override {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Exchange>(this));
      free_.push_back(all_.back().get());
    }
    Exchange* exchange = free_.back();
    free_.pop_back();
    exchange->down = &stream;
    return &exchange->request;
  }
  void Forward(Exchange& exchange, http::RequestHead& head, bool end) {
    char* id = static_cast<char*>(exchange.arena.Allocate(36, 1));
    uint64_t state = ++requests_ * 0x9e3779b97f4a7c15;
    for (int i = 0; i < 36; ++i, state = state * 6364136223846793005 + 1) id[i] = "0123456789abcdef"[state >> 60];
    head.headers.Add(http::HeaderId::kXRequestId, {id, 36});
    exchange.up = &upstream.NewStream(exchange.response);
    exchange.up->SendHead(head, end);
  }
  void Finish(Exchange& exchange) {
    ++finished;
    over_.push_back(&exchange);
  }
  void OnFlood(Flood, bool fatal) override {
    if (fatal) std::abort();
  }
  void OnConnectionError(std::string_view) override { std::abort(); }
  void OnStreamEnd() override {}
  void OnCapacityChanged() override {}

  base::BlockPool& pool_;
  std::vector<std::unique_ptr<Exchange>> all_;
  std::vector<Exchange*> free_;
  std::vector<Exchange*> over_;
  uint64_t requests_ = 0;
};

// What clients and origins of load tests say to each other, as bytes: the codecs under test make them once, and the
// relay alone works in each turn.
struct RelayLoad {
  // `streams` at a time; `grpc`: a call with a message each way and trailers, else a GET of a few bytes.
  RelayLoad(size_t streams, bool grpc)
      : grpc(grpc),
        streams(streams),
        client(pool, memory, options),
        origin(pool, memory, options),
        relay(pool, memory, options) {
    origin.on_request = [this](RecordedRequest& request) {
      request.on_event = [this, &request] {
        if (request.ended) Answer(request);
      };
    };
  }

  void Answer(RecordedRequest& request) {
    http::ResponseHead& head = request.NewResponse(200);
    if (grpc) {
      head.headers.Add("content-type", "application/grpc");
      request.stream->SendHead(head, false);
      (void)request.stream->SendData(MakeSlice(pool, std::string_view("\0\0\0\0\7message", 12)), false);
      http::HeaderMap trailers(request.arena());
      trailers.Add("grpc-status", "0");
      trailers.Add("grpc-message", "");
      request.stream->SendTrailers(trailers);
      return;
    }
    head.headers.Add("server", "nghttpd nghttp2/1.52.0");
    head.headers.Add("cache-control", "max-age=3600");
    head.headers.Add("date", "Sat, 21 Nov 2026 03:58:43 GMT");
    head.headers.Add("content-length", "6");
    head.content_length = 6;
    head.headers.Add("last-modified", "Sat, 21 Nov 2026 03:50:00 GMT");
    request.stream->SendHead(head, false);
    (void)request.stream->SendData(MakeSlice(pool, "hello\n"), true);
  }

  // One turn of the whole chain; `Work` is called for what the relay does: Work(relay, from_downstream, bytes).
  template <typename Work>
  void Turn(Work&& work) {
    calls.clear();
    origin.requests.clear();
    for (size_t i = 0; i < streams; ++i) {
      calls.push_back(client.NewCall(grpc ? "POST" : "GET", grpc ? "/package.Service/Method" : "/index.html"));
      http::RequestHead& head = *calls.back().head;
      head.authority = "127.0.0.1:8080";
      if (grpc) {
        head.headers.Add("content-type", "application/grpc");
        head.headers.Add("te", "trailers");
        head.headers.Add("grpc-timeout", "999983u");
      }
      head.headers.Add("user-agent", grpc ? "grpc-c++/1.51.1 grpc-c/29.0.0 (linux; chttp2)" : "h2load nghttp2/1.52.0");
      calls.back().response->stream->SendHead(head, !grpc);
      if (grpc) {
        (void)calls.back().response->stream->SendData(MakeSlice(pool, std::string_view("\0\0\0\0\7message", 12)), true);
      }
    }
    while (Pass(client, relay.down_link, true, work) | Pass(origin, relay.up_link, false, work)) {
    }
  }

  template <typename Peer, typename Work>
  bool Pass(Peer& peer, FakeLink& link, bool from_downstream, Work&& work) {
    bool any = false;
    peer.connection.Produce(kNoBudget);
    while (!peer.link.output().empty()) {
      any = true;
      const base::Slice bytes = peer.link.output().TakeFront();
      work(relay, from_downstream, bytes);
    }
    while (!link.output().empty()) {
      any = true;
      const base::Slice bytes = link.output().TakeFront();
      if (peer.connection.Receive(bytes) != bytes.size()) std::abort();
    }
    return any;
  }

  bool grpc;
  size_t streams;
  Options options;
  base::BlockPool pool;
  MemoryPool memory;
  ClientPeer client;
  ServerPeer origin;
  Relay relay;
  std::vector<ClientPeer::Call> calls;
};

}  // namespace pillion::codec::http2
