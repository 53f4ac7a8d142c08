#pragma once

// The upstream side of HTTP/1.1: writes requests, one at a time, and reads their responses. Owned by its pool's
// connection, on that connection's worker, and ends with it. Never pairs bytes that came before a request, or
// behind a complete response, with another request: such a connection is not used again.
//
// | response | what comes in is                              | left by                                          |
// |----------|-----------------------------------------------|--------------------------------------------------|
// | none     | unexpected: the connection ends               | NewStream(): head                                |
// | head     | any number of 1xx heads, then the head        | the head: body, tunnel, or done; an error: done  |
// | body     | handed on                                     | its end, or the connection's: done               |
// | tunnel   | handed on as it is                            | the peer's end: done                             |
// | done     | dropped; the connection is not used again     | the end of the request: none                     |

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
  void Produce(size_t) override { TellStreamEnd(); }
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

  size_t ReceiveMessage(const base::Slice& data, size_t offset);
  void ReceiveUnexpected();
  bool ReadHead();
  Body OnInformationalHead();
  Body OnSwitchHead();
  void BeginTunnel();
  void EndResponse();
  void EndStream();
  void FailStream(ResetReason reason, std::string_view detail);
  void TellStreamEnd();
  void CountSent(size_t output_before);
  void CountHeadSent(size_t output_before, size_t fields);
  void AfterWrite(BodyWriter::State state);
  void Close(Ending ending);

  Link& link_;
  ClientEvents& events_;
  const ClientOptions& options_;
  MessageParser parser_;
  BodyWriter body_;
  base::Buffer held_;                     // sent before a switch of protocols was accepted
  ResponseReceiver* receiver_ = nullptr;  // until its stream is over
  MeterLink meter_;                       // of the receiver, also when its stream is over
  http::ResponseHead* head_ = nullptr;    // in the receiver's arena, while one is read
  std::string_view upgrade_;              // what was asked for; in the receiver's arena
  uint64_t body_left_ = 0;                // of the response's content-length
  size_t informational_ = 0;
  Response response_ = Response::kNone;
  Ending ending_ = Ending::kOpen;
  http::Method method_ = http::Method::kOther;
  bool active_ = false;  // a stream was opened, and OnStreamEnd() was not told
  bool stream_end_due_ = false;
  bool receiving_ = false;  // inside Receive()
  bool request_ended_ = false;
  bool end_told_ = false;   // of the response, to the receiver
  bool switching_ = false;  // a tunnel was asked for, and there is no answer yet
  bool held_end_ = false;
  bool until_close_ = false;  // the body ends with the connection
  bool reusable_ = true;
  bool paused_ = false;
  bool send_blocked_ = false;  // OnSendReady() is due
};

}  // namespace pillion::codec::http1
