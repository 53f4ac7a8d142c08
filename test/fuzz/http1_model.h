#pragma once

// What the HTTP/1 fuzz targets compare: messages as those who receive them see them.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/codec/http1/client_connection.h"
#include "source/codec/http1/server_connection.h"
#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {

using Fields = std::vector<std::pair<std::string, std::string>>;

// Without the length: it is said in another way or another place when a message is written again.
inline Fields FieldsOf(const http::HeaderMap& headers) {
  Fields fields;
  for (const http::HeaderField& field : headers) {
    if (field.id != http::HeaderId::kContentLength) fields.emplace_back(field.name(), field.value());
  }
  return fields;
}

struct Message {
  std::string start;  // what the head says beside its fields
  Fields fields;
  std::string body;
  Fields trailers;
  bool ended = false;
  bool failed = false;

  bool operator==(const Message&) const = default;
};

// The same for both directions: gathers what follows a head.
template <typename Receiver>
class Gathering : public Receiver {
 public:
  explicit Gathering(base::BlockPool& pool) : arena_(pool) {}
  base::Arena& arena() override { return arena_; }
  void OnData(base::Slice data, bool end) override {
    PILLION_CHECK(!message.ended && !message.failed && (end || !data.empty()));
    message.body += data.view();
    message.ended = end;
    if (end) OnEnd();
  }
  void OnTrailers(http::HeaderMap& trailers) override {
    PILLION_CHECK(!message.ended && !message.failed);
    message.trailers = FieldsOf(trailers);
    message.ended = true;
    OnEnd();
  }
  void OnReset(ResetReason, std::string_view) override {
    PILLION_CHECK(!message.failed);
    message.failed = true;
  }
  void OnSendReady() override {}
  virtual void OnEnd() {}

  Message message;

 private:
  base::Arena arena_;
};

class GatheredRequest final : public Gathering<RequestReceiver> {
 public:
  GatheredRequest(base::BlockPool& pool, ServerStream& stream, bool accept_switch)
      : Gathering(pool), stream_(stream), accept_switch_(accept_switch) {}

  void OnRequestHead(http::RequestHead& h, bool end) override {
    head = &h;
    switches = !h.upgrade.empty() || h.method_id == http::Method::kConnect;
    message.start = std::string(h.method) + "|" + std::string(h.scheme) + "|" + std::string(h.authority) + "|" +
                    std::string(h.path) + "|" + std::string(h.upgrade) + "|" +
                    (h.expect_continue ? "expects" : "");
    message.fields = FieldsOf(h.headers);
    message.ended = end;
    if (end) OnEnd();
  }
  void OnRequestError(const RequestError& error) override {
    PILLION_CHECK(!message.ended && error.status >= 400 && error.status < 600 && !error.detail.empty());
    message.failed = true;
    Answer(error.status);
  }
  void OnEnd() override { Answer(200); }
  // Behind the event: for a switch there is no end to wait for.
  void AnswerSwitch() {
    if (!switches || answered || message.failed) return;
    answered = true;
    http::ResponseHead answer(arena());
    answer.status = accept_switch_ ? (head->method_id == http::Method::kConnect ? 200 : 101) : 403;
    answer.upgrade = head->upgrade;
    stream_.SendHead(answer, !accept_switch_);
  }

  http::RequestHead* head = nullptr;
  bool switches = false;
  bool answered = false;

 private:
  void Answer(int status) {
    if (std::exchange(answered, true)) return;
    http::ResponseHead answer(arena());
    answer.status = status;
    stream_.SendHead(answer, true);
  }

  ServerStream& stream_;
  bool accept_switch_;
};

class GatheringServer final : public ServerEvents {
 public:
  GatheringServer(const ServerOptions& options, bool accept_switch)
      : accept_switch_(accept_switch), options_(options), link(pool_), codec(link, *this, pool_, options_) {}

  RequestReceiver* OnRequestBegin(ServerStream& stream) override {
    PILLION_CHECK(requests.empty() || requests.back()->message.ended || requests.back()->message.failed ||
                  requests.back()->answered);
    return requests.emplace_back(std::make_unique<GatheredRequest>(pool_, stream, accept_switch_)).get();
  }
  void OnFlood(Flood, bool) override {}
  void OnConnectionError(std::string_view) override {}

  // In pieces of `size` bytes; 0: in one.
  void Feed(std::string_view bytes, size_t size) {
    if (size == 0) size = bytes.size() + 1;
    for (size_t at = 0; at < bytes.size(); at += size) FeedPiece(bytes.substr(at, size));
  }

 private:
  void FeedPiece(std::string_view bytes) {
    base::Slice slice = base::Slice::Copy(pool_, bytes);
    while (!slice.empty()) {
      const size_t taken = codec.Receive(slice);
      slice.RemovePrefix(taken);
      if (!requests.empty()) requests.back()->AnswerSwitch();
      if (codec.ending() != Ending::kOpen) {
        PILLION_CHECK(slice.empty() || taken > 0 || codec.wants_read());
        link.Take();
        return;
      }
      PILLION_CHECK(taken > 0 || codec.wants_read());
    }
    link.Take();
  }

  base::BlockPool pool_;
  bool accept_switch_;
  const ServerOptions options_;

 public:
  FakeLink link;
  std::vector<std::unique_ptr<GatheredRequest>> requests;
  ServerConnection codec;
};

class GatheredResponse final : public Gathering<ResponseReceiver> {
 public:
  using Gathering::Gathering;
  void OnInformational(http::ResponseHead& h) override {
    informational.emplace_back(h.status, FieldsOf(h.headers));
  }
  void OnResponseHead(http::ResponseHead& h, bool end) override {
    PILLION_CHECK(head == nullptr && (h.status >= 200 || h.status == 101));
    head = &h;
    message.start = std::to_string(h.status) + "|" + std::string(h.upgrade);
    message.fields = FieldsOf(h.headers);
    message.ended = end;
  }

  std::vector<std::pair<int, Fields>> informational;
  http::ResponseHead* head = nullptr;
};

class GatheringClient final : public ClientEvents {
 public:
  GatheringClient(const ClientOptions& options, std::string_view method, std::string_view upgrade)
      : options_(options), link(pool_), response(pool_), codec(link, *this, pool_, options_) {
    request = new (response.arena().Allocate(sizeof(http::RequestHead))) http::RequestHead(response.arena());
    request->method = method;
    request->method_id = http::FindMethod(method);
    request->authority = "h.test:80";
    request->path = request->method_id == http::Method::kConnect ? "" : "/";
    request->upgrade = upgrade;
    stream = &codec.NewStream(response);
    stream->SendHead(*request, upgrade.empty() && !request->path.empty());
  }

  void OnStreamEnd() override { ++ended_streams; }
  void OnCapacityChanged() override {}
  void OnFlood(Flood, bool) override {}
  void OnConnectionError(std::string_view) override {}

  void Feed(std::string_view bytes, size_t size) {
    if (size == 0) size = bytes.size() + 1;
    for (size_t at = 0; at < bytes.size(); at += size) {
      const base::Slice slice = base::Slice::Copy(pool_, bytes.substr(at, size));
      PILLION_CHECK(codec.Receive(slice) == slice.size());
    }
  }

 private:
  base::BlockPool pool_;
  const ClientOptions options_;

 public:
  FakeLink link;
  GatheredResponse response;
  ClientConnection codec;
  http::RequestHead* request;
  ClientStream* stream;
  int ended_streams = 0;
};

}  // namespace pillion::codec::http1
