#pragma once

// A client codec without bytes: the test says how many streams it takes, when they end, and when the peer wants no
// more. And the requests that use it.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "source/codec/codec.h"
#include "source/upstream/client_codecs.h"
#include "source/upstream/pool.h"
#include "source/upstream/pooled_connection.h"

namespace pillion::upstream {

class FakeCodec;

struct FakeStream final : codec::ClientStream {
  FakeStream(FakeCodec& codec, codec::ResponseReceiver& receiver) : codec(codec), receiver(receiver) {}

  void SendHead(const http::RequestHead&, bool) override {}
  bool SendData(base::Slice, bool) override { return true; }
  void SendTrailers(const http::HeaderMap&) override {}
  void Reset(codec::ResetReason) override;
  void PauseReading() override {}
  void ResumeReading() override {}

  FakeCodec& codec;
  codec::ResponseReceiver& receiver;
  bool over = false;
};

class FakeCodec final : public codec::ClientConnection {
 public:
  FakeCodec(codec::Link& link, codec::ClientEvents& events, size_t most_streams, std::vector<FakeCodec*>& all)
      : link(link), events(events), most_streams(most_streams), all_(all) {
    all_.push_back(this);
  }
  ~FakeCodec() override { std::erase(all_, this); }

  void End(FakeStream& stream) {
    stream.over = true;
    --active;
    events.OnStreamEnd();
    link.OutputAdded();
  }
  void GoAway() {
    goaway = true;
    events.OnCapacityChanged();
    link.OutputAdded();
  }
  void SetMostStreams(size_t streams) {
    most_streams = streams;
    events.OnCapacityChanged();
  }

  size_t Receive(const base::Slice& data) override { return data.size(); }
  void ReceiveEnd() override { GoAway(); }
  void Abort(std::string_view detail) override {
    goaway = true;
    for (const auto& stream : streams) {
      if (stream->over) continue;
      stream->over = true;
      --active;
      stream->receiver.OnReset(codec::ResetReason::kConnectionEnd, detail);
      events.OnStreamEnd();
    }
  }
  void Produce(size_t) override {}
  void OutputDrained() override {}
  bool wants_read() const override { return true; }
  codec::Ending ending() const override {
    return goaway && active == 0 ? codec::Ending::kClose : codec::Ending::kOpen;
  }
  size_t active_streams() const override { return active; }
  codec::ClientStream& NewStream(codec::ResponseReceiver& receiver) override {
    EXPECT_GT(capacity(), 0u);
    streams.push_back(std::make_unique<FakeStream>(*this, receiver));
    ++active;
    return *streams.back();
  }
  size_t capacity() const override { return goaway || active >= most_streams ? 0 : most_streams - active; }
  bool reusable() const override { return !goaway; }
  void StartDrain() override { goaway = true; }

  codec::Link& link;
  codec::ClientEvents& events;
  size_t most_streams;
  size_t active = 0;
  bool goaway = false;
  std::vector<std::unique_ptr<FakeStream>> streams;

 private:
  std::vector<FakeCodec*>& all_;
};

inline void FakeStream::Reset(codec::ResetReason) { codec.End(*this); }

class FakeCodecs final : public ClientCodecs {
 public:
  explicit FakeCodecs(std::vector<FakeCodec*>& all, const size_t& http2_streams)
      : all_(all), http2_streams_(http2_streams) {}
  std::unique_ptr<codec::ClientConnection> Make(Protocol protocol, codec::Link& link,
                                                codec::ClientEvents& events) override {
    return std::make_unique<FakeCodec>(link, events, protocol == Protocol::kHttp1 ? 1 : http2_streams_, all_);
  }

 private:
  std::vector<FakeCodec*>& all_;  // alive, in the order in which they were made
  const size_t& http2_streams_;
};

// A request, and what it was told.
class TestRequest : public PoolWaiter, public codec::ResponseReceiver {
 public:
  TestRequest(base::BlockPool& blocks, config::Priority priority = config::Priority::kDefault)
      : PoolWaiter(priority), arena_(blocks) {}

  // Asks `pool`, and keeps what comes at once.
  Pool::Result::Kind Ask(Pool& pool) {
    const Pool::Result result = pool.Request(*this);
    if (result.kind == Pool::Result::kReady) OnPoolReady(*result.stream, *result.connection);
    return result.kind;
  }
  // The stream is over, well.
  void End() {
    auto& fake = static_cast<FakeStream&>(*stream);
    stream = nullptr;
    fake.codec.End(fake);
    ReleaseStream();
  }

  codec::ResponseReceiver& receiver() override { return *this; }
  void OnPoolReady(codec::ClientStream& ready, PooledConnection& on) override {
    stream = &ready;
    connection = &on;
    id = on.id();
    served_before = on.requests_served();
    if (then) then();
  }
  void OnPoolFailure(PoolFailure why, int with) override {
    failure = why;
    error = with;
    if (then) then();
  }

  base::Arena& arena() override { return arena_; }
  void OnInformational(http::ResponseHead&) override {}
  void OnResponseHead(http::ResponseHead& head, bool end) override {
    status = head.status;
    if (end) OnEnd();
  }
  void OnData(base::Slice, bool end) override {
    if (end) OnEnd();
  }
  void OnTrailers(http::HeaderMap&) override { OnEnd(); }
  void OnReset(codec::ResetReason why, std::string_view) override {
    reset = why;
    stream = nullptr;
    ReleaseStream();
    if (then) then();
  }
  void OnSendReady() override {}

  codec::ClientStream* stream = nullptr;
  PooledConnection* connection = nullptr;
  uint64_t id = 0;
  uint64_t served_before = 0;
  int status = 0;
  bool complete = false;
  std::optional<PoolFailure> failure;
  int error = 0;
  std::optional<codec::ResetReason> reset;
  std::function<void()> then;  // called when something was told

 private:
  void OnEnd() {
    complete = true;
    stream = nullptr;
    ReleaseStream();
    if (then) then();
  }

  base::Arena arena_;
};

}  // namespace pillion::upstream
