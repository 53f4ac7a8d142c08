#pragma once

// The upstream side of HTTP/1.1: writes requests, one at a time, and reads their responses.
// Owned by its pool's connection; on that connection's worker; ends with it. Never pairs a byte that came before a
// request with that request.

#include <cstdint>

#include "source/codec/codec.h"
#include "source/codec/http1/message_parser.h"
#include "source/codec/http1/message_writer.h"
#include "source/codec/http1/options.h"

namespace pillion::codec::http1 {

class ClientConnection final : public codec::ClientConnection, private ClientStream, private MessageEvents {
 public:
  // `options` outlives this.
  ClientConnection(Link& link, ClientEvents& events, base::BlockPool& pool, const ClientOptions& options);

  // codec::Connection
  [[nodiscard]] size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override;
  void Abort(std::string_view detail) override;
  void Produce(size_t) override;
  void OutputDrained() override;
  bool wants_read() const override { return !paused_; }
  Ending ending() const override { return ending_; }
  size_t active_streams() const override { return active_ ? 1 : 0; }

  // codec::ClientConnection
  ClientStream& NewStream(ResponseReceiver& receiver) override;
  size_t capacity() const override { return reusable_ && !active_ ? 1 : 0; }
  bool reusable() const override { return reusable_; }
  void StartDrain() override;

 private:
  enum class Response : uint8_t { kNone, kHead, kBody, kTunnel, kDone };

  // ClientStream
  [[nodiscard]] bool SendData(base::Slice data, bool end) override;
  void SendTrailers(const http::HeaderMap& trailers) override;
  void Reset(ResetReason reason) override;
  void PauseReading() override;
  void ResumeReading() override;
  void SendHead(const http::RequestHead& head, bool end) override;

  // MessageEvents
  Body OnHeadComplete() override;
  void OnBody(base::Slice data) override;
  void OnMessageComplete() override;

  Body OnFinalHead();
  bool ReadFraming(http::ResponseHead& head, bool no_body);
  void BeginResponse();
  void FinishTunnelHead();
  void EndStream();
  void FailStream(ResetReason reason, std::string_view detail);
  void AfterWrite(BodyWriter::State state);
  void StopReuse();
  void Close(Ending ending);

  Link& link_;
  ClientEvents& events_;
  const ClientOptions& options_;
  MessageParser parser_;
  BodyWriter body_;
  base::Buffer held_;                     // sent before the switch of protocols was accepted
  ResponseReceiver* receiver_ = nullptr;  // while a stream is open for it
  http::ResponseHead* head_ = nullptr;    // in the receiver's arena
  std::string_view upgrade_;              // asked for; in the receiver's arena
  uint64_t body_left_ = 0;
  size_t informational_ = 0;
  Response response_ = Response::kNone;
  Ending ending_ = Ending::kOpen;
  http::Method method_ = http::Method::kOther;
  bool active_ = false;           // a stream was opened and OnStreamEnd() was not told
  bool receiving_ = false;        // inside Receive()
  bool request_ended_ = false;
  bool response_ended_ = false;
  bool switching_ = false;        // the request asked for a tunnel, and there is no answer yet
  bool held_end_ = false;
  bool until_close_ = false;      // the body ends with the connection
  bool reusable_ = true;
  bool draining_ = false;
  bool paused_ = false;
  bool send_blocked_ = false;
};

}  // namespace pillion::codec::http1
