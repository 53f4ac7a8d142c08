#pragma once

// What the HTTP/1 codecs are tested between: a link that only holds output, and receivers that write down what
// they are told. A log line is one event; body bytes of one message are joined into one line, so that the log does
// not depend on how the bytes were split.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/codec/codec.h"
#include "source/codec/http1/client_connection.h"
#include "source/codec/http1/server_connection.h"

namespace pillion::codec::http1 {

class FakeLink final : public Link {
 public:
  explicit FakeLink(base::BlockPool& pool) : output_(pool) {}
  base::Buffer& output() override { return output_; }
  void OutputAdded() override { output_added = true; }
  void ReadingResumed() override { resumed = true; }
  void EndOutput() override { output_ended = true; }

  std::string Take() {
    std::string text = output_.ToString();
    output_.Clear();
    return text;
  }

  bool output_added = false;
  bool resumed = false;
  bool output_ended = false;

 private:
  base::Buffer output_;
};

inline std::string FieldsText(const http::HeaderMap& headers) {
  std::string text;
  for (const http::HeaderField& field : headers) {
    text += " " + std::string(field.name()) + "=" + std::string(field.value()) + ";";
  }
  return text;
}

inline base::Slice SliceOf(base::BlockPool& pool, std::string_view text) {
  base::Buffer buffer(pool);
  buffer.Append(text);
  return buffer.empty() ? base::Slice() : buffer.TakeFront();
}

inline std::string_view EndingName(Ending ending) {
  constexpr std::string_view kNames[] = {"open", "close", "linger", "abort"};
  return kNames[static_cast<size_t>(ending)];
}

class Log {
 public:
  void Add(std::string line) {
    FinishBody();
    lines_.push_back(std::move(line));
  }
  void AddBody(std::string_view data, bool end) {
    body_ += data;
    in_body_ = true;
    if (end) Add("end");
  }
  void FinishBody() {
    if (!in_body_) return;
    in_body_ = false;
    if (!body_.empty()) lines_.push_back("data " + body_);
    body_.clear();
  }
  std::string Take() {
    FinishBody();
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    lines_.clear();
    return text;
  }

 private:
  std::vector<std::string> lines_;
  std::string body_;
  bool in_body_ = false;
};

class RecordedRequest final : public RequestReceiver {
 public:
  RecordedRequest(base::BlockPool& pool, Log& log, ServerStream& stream)
      : stream(stream), arena_(pool), log_(log) {}

  base::Arena& arena() override { return arena_; }
  void OnRequestHead(http::RequestHead& h, bool end) override {
    head = &h;
    std::string line = "request " + std::string(h.method) + " " + std::string(h.scheme) + " '" +
                       std::string(h.authority) + "' '" + std::string(h.path) + "' " +
                       std::string(http::VersionName(h.version));
    if (!h.upgrade.empty()) line += " upgrade(" + std::string(h.upgrade) + ")";
    if (h.expect_continue) line += " expects";
    log_.Add(line + FieldsText(h.headers));
    if (end) log_.Add("end");
    ended = end;
    if (on_head) on_head(*this);
  }
  void OnData(base::Slice data, bool end) override {
    ended = end;
    log_.AddBody(data.view(), end);
    if (on_data) on_data(*this);
  }
  void OnTrailers(http::HeaderMap& trailers) override {
    ended = true;
    log_.Add("trailers" + FieldsText(trailers));
    log_.Add("end");
  }
  void OnReset(ResetReason, std::string_view detail) override {
    over = true;
    log_.Add("reset " + std::string(detail));
  }
  void OnSendReady() override { log_.Add("ready"); }
  ByteMeter* meter() override { return &bytes; }
  void OnRequestError(const RequestError& error) override {
    ended = true;
    status = error.status;
    refused_head = error.head;
    log_.Add("error " + std::to_string(error.status) + " " + std::string(error.detail));
    if (on_error) on_error(*this);
  }

  void Answer(int code, std::string_view body, std::string_view name = {}, std::string_view value = {}) {
    http::ResponseHead answer(arena_);
    answer.status = code;
    answer.content_length = static_cast<int64_t>(body.size());
    if (!name.empty()) answer.headers.Add(name, value);
    stream.SendHead(answer, body.empty());
    if (!body.empty()) (void)stream.SendData(SliceOf(arena_.pool(), body), true);
  }

  ServerStream& stream;
  ByteMeter bytes;
  http::RequestHead* head = nullptr;
  http::RequestHead* refused_head = nullptr;  // of an error
  bool ended = false;
  bool over = false;
  int status = 0;
  std::function<void(RecordedRequest&)> on_head;
  std::function<void(RecordedRequest&)> on_data;
  std::function<void(RecordedRequest&)> on_error;

 private:
  base::Arena arena_;
  Log& log_;
};

inline http::ResponseHead Head(RecordedRequest& request, int status, int64_t length = http::kNoContentLength) {
  http::ResponseHead head(request.arena());
  head.status = status;
  head.content_length = length;
  return head;
}

// What a side is fed with: as the link does it, so that what its codec leaves comes again before anything else. A Side has
// `pool`, `link`, `codec`, and `rest`, which is what was left.
template <typename Side>
class Fed {
 public:
  void Feed(std::string_view bytes) {
    side().rest += bytes;
    Pump();
  }
  void Pump() {
    side().link.resumed = true;
    while (side().link.resumed && !side().rest.empty() && side().codec.wants_read()) {
      side().link.resumed = false;
      const base::Slice slice = SliceOf(side().pool, std::string_view(side().rest).substr(0, 16000));
      const size_t taken = side().codec.Receive(slice);
      side().rest.erase(0, taken);
      if (taken > 0) side().link.resumed = true;
    }
  }
  // Everything in pieces of `size` bytes; 0: in one piece.
  void FeedIn(std::string_view bytes, size_t size) {
    if (size == 0) size = bytes.size();
    for (size_t at = 0; at < bytes.size(); at += size) Feed(bytes.substr(at, size));
  }

 private:
  Side& side() { return static_cast<Side&>(*this); }
};

// A server connection, its peer being the test.
class Server final : public ServerEvents, public Fed<Server> {
 public:
  explicit Server(const ServerOptions& options = {})
      : options(options), link(pool), codec(link, *this, pool, this->options) {}

  RequestReceiver* OnRequestBegin(ServerStream& stream) override {
    requests.push_back(std::make_unique<RecordedRequest>(pool, log, stream));
    if (on_begin) on_begin(*requests.back());
    return requests.back().get();
  }
  void OnFlood(Flood, bool fatal) override { log.Add(fatal ? "flood, fatal" : "flood"); }
  void OnConnectionError(std::string_view detail) override { log.Add("connection error " + std::string(detail)); }

  RecordedRequest& last() { return *requests.back(); }

  ServerOptions options;
  base::BlockPool pool;
  FakeLink link;
  Log log;
  std::string rest;
  std::deque<std::unique_ptr<RecordedRequest>> requests;
  std::function<void(RecordedRequest&)> on_begin;
  ServerConnection codec;
};

class RecordedResponse final : public ResponseReceiver {
 public:
  RecordedResponse(base::BlockPool& pool, Log& log) : arena_(pool), log_(log) {}

  base::Arena& arena() override { return arena_; }
  void OnInformational(http::ResponseHead& head) override {
    log_.Add("informational " + std::to_string(head.status) + FieldsText(head.headers));
  }
  void OnResponseHead(http::ResponseHead& head, bool end) override {
    std::string line =
        "response " + std::to_string(head.status) + " " + std::string(http::VersionName(head.version));
    if (!head.upgrade.empty()) line += " upgrade(" + std::string(head.upgrade) + ")";
    log_.Add(line + FieldsText(head.headers));
    if (end) log_.Add("end");
    if (on_head) on_head();
    if (on_response) on_response(head);
  }
  void OnData(base::Slice data, bool end) override {
    log_.AddBody(data.view(), end);
    if (on_data) on_data();
  }
  void OnTrailers(http::HeaderMap& trailers) override {
    log_.Add("trailers" + FieldsText(trailers));
    log_.Add("end");
  }
  void OnReset(ResetReason reason, std::string_view detail) override {
    log_.Add(std::string(reason == ResetReason::kProtocolError ? "protocol error " : "connection end ") +
             std::string(detail));
  }
  void OnSendReady() override { log_.Add("ready"); }
  ByteMeter* meter() override { return &bytes; }

  ByteMeter bytes;
  std::function<void()> on_head;
  std::function<void(http::ResponseHead&)> on_response;
  std::function<void()> on_data;

 private:
  base::Arena arena_;
  Log& log_;
};

// A client connection, its peer being the test.
class Client final : public ClientEvents, public Fed<Client> {
 public:
  explicit Client(const ClientOptions& options = {})
      : options(options), link(pool), codec(link, *this, pool, this->options) {}

  void OnStreamEnd() override {
    log.Add(codec.reusable() ? "stream end" : "stream end, not reusable");
    if (on_stream_end) on_stream_end();
  }
  void OnCapacityChanged() override { log.Add("capacity " + std::to_string(codec.capacity())); }
  void OnFlood(Flood, bool fatal) override { log.Add(fatal ? "flood, fatal" : "flood"); }
  void OnConnectionError(std::string_view detail) override { log.Add("connection error " + std::string(detail)); }

  // Opens a stream and sends a request without a body (end) or with one that follows.
  RecordedResponse& Request(std::string_view method, std::string_view path, bool end = true,
                            std::string_view upgrade = {}) {
    responses.push_back(std::make_unique<RecordedResponse>(pool, log));
    RecordedResponse& response = *responses.back();
    stream = &codec.NewStream(response);
    http::RequestHead head(response.arena());
    head.method = method;
    head.method_id = http::FindMethod(method);
    head.scheme = "http";
    head.authority = "h.test";
    head.path = path;
    head.upgrade = upgrade;
    stream->SendHead(head, end);
    return response;
  }
  ClientOptions options;
  base::BlockPool pool;
  FakeLink link;
  Log log;
  std::string rest;
  std::deque<std::unique_ptr<RecordedResponse>> responses;
  ClientStream* stream = nullptr;
  std::function<void()> on_stream_end;
  ClientConnection codec;
};

}  // namespace pillion::codec::http1
