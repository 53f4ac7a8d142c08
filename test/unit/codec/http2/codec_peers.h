#pragma once

// Both sides of a codec connection without sockets: a link that keeps what is sent, and receivers that write down
// what they are told.

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/arena.h"
#include "source/base/block.h"
#include "source/base/buffer.h"
#include "source/codec/codec.h"
#include "source/codec/http2/client_connection.h"
#include "source/codec/http2/memory_pool.h"
#include "source/codec/http2/options.h"
#include "source/codec/http2/server_connection.h"
#include "test/unit/codec/http2/raw_frames.h"

namespace pillion::codec::http2 {

inline constexpr size_t kNoBudget = SIZE_MAX;

class FakeLink final : public Link {
 public:
  explicit FakeLink(base::BlockPool& pool) : output_(pool) {}

  base::Buffer& output() override { return output_; }
  void OutputAdded() override { wanted_ = true; }
  void ReadingResumed() override {}
  void EndOutput() override {}

  bool wanted() const { return wanted_; }
  void clear_wanted() { wanted_ = false; }

 private:
  base::Buffer output_;
  bool wanted_ = false;
};

inline std::string ResetText(ResetReason reason) {
  constexpr std::string_view kNames[] = {"no_error",       "cancel",         "refused",       "peer_reset",
                                         "connection_end", "protocol_error", "internal_error"};
  return std::string(kNames[static_cast<size_t>(reason)]);
}

inline std::string FieldsText(const http::HeaderMap& headers) {
  std::string text;
  for (const http::HeaderField& field : headers) {
    text += " ";
    text += field.name();
    text += "=";
    text += field.value();
    if (field.sensitive) text += "!";
  }
  return text;
}

// Writes each event into `log` as one line.
template <typename Receiver>
class RecordingReceiver : public Receiver {
 public:
  explicit RecordingReceiver(base::BlockPool& pool) : arena_(pool) {}

  base::Arena& arena() override { return arena_; }
  void OnData(base::Slice data, bool end) override {
    body += data.view();
    body_pieces += 1;
    log.push_back("data " + std::to_string(data.size()) + (end ? " end" : ""));
    ended = ended || end;
    if (on_event) on_event();
  }
  void OnTrailers(http::HeaderMap& trailers) override {
    log.push_back("trailers" + FieldsText(trailers));
    ended = true;
    if (on_event) on_event();
  }
  void OnReset(ResetReason reason, std::string_view detail) override {
    log.push_back("reset " + ResetText(reason) + " " + std::string(detail));
    reset = true;
  }
  void OnSendReady() override {
    log.push_back("ready");
    if (on_ready) on_ready();
  }
  ByteMeter* meter() override { return &bytes; }

  std::string Text() const {
    std::string text;
    for (const std::string& line : log) text += line + "\n";
    return text;
  }

  ByteMeter bytes;
  std::vector<std::string> log;
  std::string body;
  size_t body_pieces = 0;
  bool ended = false;
  bool reset = false;
  std::function<void()> on_event;  // after head, data and trailers
  std::function<void()> on_ready;

 protected:
  base::Arena arena_;
};

class RecordedRequest final : public RecordingReceiver<RequestReceiver> {
 public:
  using RecordingReceiver::RecordingReceiver;

  void OnRequestHead(http::RequestHead& request, bool end) override {
    head = &request;
    log.push_back("head " + std::string(request.method) + " " + std::string(request.scheme) + " " +
                  std::string(request.authority) + " " + std::string(request.path) + FieldsText(request.headers) +
                  (end ? " end" : ""));
    ended = end;
    if (on_event) on_event();
  }
  void OnRequestError(const RequestError& error) override {
    log.push_back("error " + std::to_string(error.status) + " " + std::string(error.detail));
    if (on_event) on_event();
  }

  // A response head in this request's arena.
  http::ResponseHead& NewResponse(int status) {
    auto* response = arena_.New<http::ResponseHead>(arena_);
    response->status = status;
    return *response;
  }

  http::RequestHead* head = nullptr;
  ServerStream* stream = nullptr;
};

class RecordedResponse final : public RecordingReceiver<ResponseReceiver> {
 public:
  using RecordingReceiver::RecordingReceiver;

  void OnInformational(http::ResponseHead& response) override {
    log.push_back("informational " + std::to_string(response.status) + FieldsText(response.headers));
  }
  void OnResponseHead(http::ResponseHead& response, bool end) override {
    head = &response;
    log.push_back("head " + std::to_string(response.status) + FieldsText(response.headers) + (end ? " end" : ""));
    ended = end;
    if (on_event) on_event();
  }

  http::ResponseHead* head = nullptr;
  ClientStream* stream = nullptr;
};

inline std::string FloodText(Flood flood) {
  constexpr std::string_view kNames[] = {"reset",        "continuation", "ping",     "settings",     "priority",
                                         "window_update", "empty_frame", "outbound", "outbound_frames",
                                         "informational"};
  return std::string(kNames[static_cast<size_t>(flood)]);
}

// A server codec whose requests are recorded, and what its connection was told.
class ServerPeer final : public ServerEvents {
 public:
  ServerPeer(base::BlockPool& pool, MemoryPool& memory, const Options& options)
      : link(pool), connection(link, *this, pool, memory, options), pool_(pool) {}

  RequestReceiver* OnRequestBegin(ServerStream& stream) override {
    requests.push_back(std::make_unique<RecordedRequest>(pool_));
    requests.back()->stream = &stream;
    if (on_request) on_request(*requests.back());
    return requests.back().get();
  }
  void OnFlood(Flood flood, bool fatal) override {
    ++floods[static_cast<size_t>(flood)];
    if (fatal) fatal_flood = FloodText(flood);
  }
  void OnConnectionError(std::string_view detail) override { error = detail; }

  FakeLink link;
  ServerConnection connection;
  std::vector<std::unique_ptr<RecordedRequest>> requests;
  std::function<void(RecordedRequest&)> on_request;
  size_t floods[static_cast<size_t>(Flood::kCount)] = {};
  std::string fatal_flood;
  std::string error;

 private:
  base::BlockPool& pool_;
};

class ClientPeer final : public ClientEvents {
 public:
  ClientPeer(base::BlockPool& pool, MemoryPool& memory, const Options& options)
      : link(pool), connection(link, *this, pool, memory, options), pool_(pool) {}

  void OnStreamEnd() override { ++streams_ended; }
  void OnCapacityChanged() override { ++capacity_changes; }
  void OnFlood(Flood flood, bool fatal) override {
    ++floods[static_cast<size_t>(flood)];
    if (fatal) fatal_flood = FloodText(flood);
  }
  void OnConnectionError(std::string_view detail) override { error = detail; }

  // A request head in the arena of a new response receiver.
  struct Call {
    std::unique_ptr<RecordedResponse> response;
    http::RequestHead* head;
  };
  Call NewCall(std::string_view method, std::string_view path) {
    auto response = std::make_unique<RecordedResponse>(pool_);
    auto* head = response->arena().New<http::RequestHead>(response->arena());
    head->method = method;
    head->method_id = http::FindMethod(method);
    head->scheme = "http";
    head->authority = "h.test";
    head->path = path;
    response->stream = &connection.NewStream(*response);
    return {std::move(response), head};
  }

  FakeLink link;
  ClientConnection connection;
  int streams_ended = 0;
  int capacity_changes = 0;
  size_t floods[static_cast<size_t>(Flood::kCount)] = {};
  std::string fatal_flood;
  std::string error;

 private:
  base::BlockPool& pool_;
};

// Moves what `from` has to say to `to`, in pieces of at most `piece` bytes. False: there was nothing.
template <typename From, typename To>
bool Move(base::BlockPool& pool, From& from, To& to, size_t budget = kNoBudget, size_t piece = SIZE_MAX) {
  from.link.clear_wanted();
  from.connection.Produce(budget);
  bool any = false;
  while (!from.link.output().empty()) {
    any = true;
    base::Slice slice = from.link.output().TakeFront(std::min<size_t>(piece, 65536));
    if (to.connection.Receive(slice) != slice.size()) std::abort();
  }
  if (any) from.connection.OutputDrained();
  return any;
}

// A client and a server codec back to back.
struct Pair {
  explicit Pair(const Options& server_options = {}, const Options& client_options = {})
      : server_options(server_options),
        client_options(client_options),
        server(pool, memory, this->server_options),
        client(pool, memory, this->client_options) {}

  // Until neither side has anything to say.
  void Run(size_t budget = kNoBudget, size_t piece = SIZE_MAX) {
    while (Move(pool, client, server, budget, piece) | Move(pool, server, client, budget, piece)) {
    }
  }

  Options server_options;
  Options client_options;
  base::BlockPool pool;
  MemoryPool memory;
  ServerPeer server;
  ClientPeer client;
};

inline base::Slice MakeSlice(base::BlockPool& pool, std::string_view text);

// A codec against frames written by hand. `Peer` is ServerPeer or ClientPeer.
template <typename Peer>
struct RawSide {
  explicit RawSide(const Options& side_options = {}) : options(side_options), peer(pool, memory, options) {}

  // Gives `bytes` to the codec, in pieces of at most `piece`, and returns the frames that it answers.
  std::vector<SeenFrame> Exchange(std::string_view bytes, size_t piece = 60'000) {
    while (!bytes.empty()) {
      base::Block* block = pool.Take(base::BlockSize::kRead);
      const size_t size = std::min({bytes.size(), block->capacity(), piece});
      bytes.copy(block->data(), size);
      const base::Slice slice(block, block->data(), size);
      if (peer.connection.Receive(slice) != size) std::abort();
      bytes.remove_prefix(size);
    }
    return Output();
  }
  std::string Send(std::string_view bytes, size_t piece = 60'000) { return FramesText(Exchange(bytes, piece)); }

  std::vector<SeenFrame> Output(size_t budget = kNoBudget) {
    peer.link.clear_wanted();
    peer.connection.Produce(budget);
    const std::string bytes = peer.link.output().ToString();
    if (drain) peer.link.output().Clear();
    return ParseFrames(bytes);
  }

  Options options;
  base::BlockPool pool;
  MemoryPool memory;
  Peer peer;
  bool drain = true;  // false: like a peer that does not read
};

inline base::Slice MakeSlice(base::BlockPool& pool, std::string_view text) { return base::Slice::Copy(pool, text); }

}  // namespace pillion::codec::http2
