#pragma once

// The downstream side of HTTP/1.0 and 1.1: reads requests, one at a time, and writes their answers. Owned by its
// downstream connection, on that connection's worker, and ends with it. Never reads a request before the answer to
// the one before is complete: pipelined bytes stay with the link.
//
// | input     | what comes in is                                | left by                                        |
// |-----------|-------------------------------------------------|------------------------------------------------|
// | idle      | empty lines, then the first byte of a request   | that byte: message                             |
// | message   | head and body of the request                    | its end: complete, switching; error: discard   |
// | switching | left with the link until the switch is answered | 101 or 2xx: tunnel; another status: complete   |
// | complete  | left with the link until the answer is complete | the end of the answer: idle, or discard        |
// | tunnel    | handed on as it is                              | the peer's end: complete                       |
// | draining  | the rest of a request whose answer is complete  | its end: idle; too much of it: discard         |
// | discard   | dropped: the connection is about to end         | -                                              |

#include <cstdint>

#include "source/codec/codec.h"
#include "source/codec/http1/message_parser.h"
#include "source/codec/http1/message_writer.h"
#include "source/codec/http1/options.h"

namespace pillion::codec::http1 {

class ServerConnection final : public codec::ServerConnection, private ServerStream, private MessageEvents {
 public:
  // `options` outlives this.
  ServerConnection(Link& link, ServerEvents& events, base::BlockPool& pool, const ServerOptions& options);

  // codec::Connection
  [[nodiscard]] size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override;
  void Abort(std::string_view detail) override;
  void Produce(size_t) override {}
  void OutputDrained() override;
  bool wants_read() const override { return !paused_ && !blocked_; }
  Ending ending() const override { return ending_; }
  size_t active_streams() const override { return receiver_ != nullptr ? 1 : 0; }

  // codec::ServerConnection
  void StartDrain() override;
  void FinishDrain() override;
  size_t ResetStuck() override { return 0; }

 private:
  enum class Input : uint8_t { kIdle, kMessage, kSwitching, kComplete, kTunnel, kDraining, kDiscard };
  enum class Answer : uint8_t { kNone, kBody, kDone };

  // ServerStream
  [[nodiscard]] bool SendData(base::Slice data, bool end) override;
  void SendTrailers(const http::HeaderMap& trailers) override;
  void Reset(ResetReason reason) override;
  void PauseReading() override;
  void ResumeReading() override;
  void SendInformational(const http::ResponseHead& head) override;
  void SendHead(const http::ResponseHead& head, bool end) override;

  // MessageEvents
  Body OnHeadComplete() override;
  void OnBody(base::Slice data) override;
  void OnMessageComplete() override;

  size_t SkipEmptyLines(std::string_view data);
  void BeginRequest();
  size_t ReceiveMessage(const base::Slice& data, size_t offset);
  void EndMessage();
  void FailRequest(const ParseError& error);
  bool ClosesBehind(int status, bool end) const;
  bool RestIsShort() const;
  void AfterWrite(BodyWriter::State state);
  void EndAnswer();
  void EndStream();
  void BeginIdle();
  void CountSent(size_t output_before);
  void CountHeadSent(size_t output_before, size_t fields);
  void Close(Ending ending);

  Link& link_;
  ServerEvents& events_;
  const ServerOptions& options_;
  MessageParser parser_;
  BodyWriter body_;
  RequestReceiver* receiver_ = nullptr;  // until the stream is over
  MeterLink meter_;                      // of the receiver, also when its stream is over
  http::RequestHead* head_ = nullptr;    // in the receiver's arena; valid as long as receiver_ is
  uint64_t body_left_ = 0;               // of the request's content-length
  uint64_t drained_ = 0;
  Input input_ = Input::kIdle;
  Answer answer_ = Answer::kNone;
  Ending ending_ = Ending::kOpen;
  http::Method method_ = http::Method::kOther;
  http::Version version_ = http::Version::kHttp11;
  uint8_t empty_lines_ = 0;  // bytes of the empty lines before a request
  bool receiving_ = false;   // inside Receive()
  bool head_complete_ = false;
  bool request_ended_ = false;    // and its receiver has been told
  bool asks_switch_ = false;      // CONNECT or Upgrade
  bool awaits_continue_ = false;  // the peer holds its body back until a 100
  bool keep_alive_ = true;        // as the request has it
  bool close_ = false;            // the connection ends behind the current answer
  bool paused_ = false;           // by the receiver
  bool blocked_ = false;          // bytes were left with the link
  bool send_blocked_ = false;     // OnSendReady() is due
  bool draining_ = false;    // heads say that the connection closes
  bool drain_over_ = false;  // it does, also behind a head that did not say so
  bool peer_ended_ = false;
};

}  // namespace pillion::codec::http1
