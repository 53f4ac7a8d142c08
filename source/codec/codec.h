#pragma once

// What a codec is, whatever its protocol: bytes in, events out; calls in, bytes out. No sockets, no clock, no
// configuration. One codec object per connection; all on the connection's worker.
//
//            bytes              events                     calls               bytes
//   Link ----------> codec ----------------> receiver ----------------> stream --------> Link::output()
//
// Rules that every codec and every receiver keep:
// - A stream is over when both directions have ended, after OnReset(), or after Reset(). From then on neither side
//   uses the other. Whoever is called last may destroy the receiver only at the end of the loop turn.
// - Texts in a head that is sent live until the end of the loop turn, after Produce() has run. Trailers are copied.
// - A receiver may call its stream from inside an event. A codec never calls a receiver from inside a call to it.
// - Events of a stream come in order: head, data, trailers; the last one carries the end, or OnReset() comes instead.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/buffer.h"
#include "source/codec/byte_meter.h"
#include "source/http/message.h"

namespace pillion::codec {

// Why a stream ended before its end. Told by OnReset(), or given to Reset().
enum class ResetReason : uint8_t {
  kNoError,          // given only: the answer is complete, what is left of the request is not wanted
  kCancel,           // no longer wanted
  kRefused,          // told only: not processed by the peer (REFUSED_STREAM, GOAWAY); safe to send again
  kPeerReset,        // told only: RST_STREAM with any other code
  kConnectionEnd,    // told only: the connection ended in the middle of the message
  kProtocolError,    // the peer's bytes broke the protocol
  kInternalError,    // given only: the message that was being sent can't be completed
};

// Odd or hostile behaviour of a peer that a codec counts, and past a bound ends the connection for.
enum class Flood : uint8_t {
  kReset,          // streams reset, by the peer or made to be reset by us (CVE-2023-44487, CVE-2025-8671)
  kContinuation,   // CONTINUATION frames of one header block (CVE-2024-27316)
  kPing,
  kSettings,
  kPriority,
  kWindowUpdate,
  kEmptyFrame,     // DATA or HEADERS without payload and without END_STREAM
  kOutbound,       // frames in answer to the peer that it does not read
  kOutboundFrames,  // frames of any type that it does not read
  kInformational,  // 1xx heads of one response
  kCount,
};

// Takes one message: of a request its receiver is the proxy's stream, of a response its upstream request.
class MessageReceiver {
 public:
  // The arena that the codec puts heads, trailers and their texts into. Lives as long as the receiver.
  virtual base::Arena& arena() = 0;

  // `data` may be empty only when `end` is true.
  virtual void OnData(base::Slice data, bool end) = 0;

  // Ends the message. Fields that trailers must not carry (RFC 9110, 6.5.1) have been dropped.
  virtual void OnTrailers(http::HeaderMap& trailers) = 0;

  // The stream is over. `detail` is static text.
  virtual void OnReset(ResetReason reason, std::string_view detail) = 0;

  // After SendData() returned false: there is room again.
  virtual void OnSendReady() = 0;

  // What counts the bytes of both messages, asked for when the stream begins; null: nobody wants to know.
  virtual ByteMeter* meter() { return nullptr; }

 protected:
  ~MessageReceiver() = default;
};

// A request that breaks the protocol or a limit, in a way that still allows an answer.
struct RequestError {
  int status;               // of the answer: 400, 408, 413, 414, 417, 421, 426, 431, 501, 505
  std::string_view detail;  // static; Envoy's RESPONSE_CODE_DETAILS where it has a word for the case
  // Of a head that is refused: what was read of it, for logs and the answer, in arena(); any bytes may stand there.
  // Null where there is nothing that could be said, or OnRequestHead() has said it.
  http::RequestHead* head = nullptr;
};

class RequestReceiver : public MessageReceiver {
 public:
  // `head` lives in arena(). A 101-able request has head.upgrade; the body then is what follows the switch. The same
  // goes for CONNECT. When the answer is no switch, the request had no body and has ended: no event says so.
  virtual void OnRequestHead(http::RequestHead& head, bool end) = 0;

  // Nothing more of this request will come. The receiver sends an answer, if it has not begun one, or calls Reset();
  // the codec ends the connection (HTTP/1) or the stream (HTTP/2) behind that.
  virtual void OnRequestError(const RequestError& error) = 0;
};

class ResponseReceiver : public MessageReceiver {
 public:
  // A 1xx other than 101.
  virtual void OnInformational(http::ResponseHead& head) = 0;
  virtual void OnResponseHead(http::ResponseHead& head, bool end) = 0;
};

// What both sending halves have in common. Owned by the codec.
class StreamBase {
 public:
  // False: too much is waiting to be sent; the caller stops its source until OnSendReady(). The data was taken.
  [[nodiscard]] virtual bool SendData(base::Slice data, bool end) = 0;
  virtual void SendTrailers(const http::HeaderMap& trailers) = 0;

  // Ends the stream: RST_STREAM, or the end of an HTTP/1 connection. No event follows.
  virtual void Reset(ResetReason reason) = 0;

  // Stops and resumes OnData(). HTTP/1 stops reading the connection, HTTP/2 stops granting window. Data that was
  // received already may still come once after the first. Each of the two may be called twice in a row.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;

 protected:
  ~StreamBase() = default;
};

class ServerStream : public StreamBase {
 public:
  virtual void SendInformational(const http::ResponseHead& head) = 0;
  // `end`: no body follows. A body is framed by head.content_length, or chunked, or by the end of the connection.
  virtual void SendHead(const http::ResponseHead& head, bool end) = 0;
};

class ClientStream : public StreamBase {
 public:
  virtual void SendHead(const http::RequestHead& head, bool end) = 0;
};

// How a codec wants its connection to end.
enum class Ending : uint8_t {
  kOpen,    // not at all, there is more to do
  kClose,   // close: everything was said, and all that the peer sent was read
  kLinger,  // half-close, discard what still comes for a moment, then close: the peer may still be sending, and a
            // reset would take the last answer from it (RFC 9112, 9.6)
  kAbort,   // reset: the peer must see that what it got is not complete
};

// The connection below a codec.
class Link {
 public:
  // What is appended here goes out in this loop turn, once OutputAdded() was called.
  virtual base::Buffer& output() = 0;
  virtual void OutputAdded() = 0;

  // The codec wants Receive() again: with what it left, then with new bytes. Never calls the codec at once.
  virtual void ReadingResumed() = 0;

  // No output follows what is in output(): half-close behind it.
  virtual void EndOutput() = 0;

 protected:
  ~Link() = default;
};

// One connection's codec, either side.
class Connection {
 public:
  virtual ~Connection() = default;

  // Takes bytes, returns how many: fewer than all only when reading is paused; the rest comes again later.
  [[nodiscard]] virtual size_t Receive(const base::Slice& data) = 0;

  // The peer will send no more; all that it sent has been taken. Streams in the middle of a message are reset;
  // tunnels end their direction. An HTTP/2 client that ends is gone: no client closes half of a connection.
  virtual void ReceiveEnd() = 0;

  // The connection is gone in both directions: every open stream gets OnReset(kConnectionEnd).
  virtual void Abort(std::string_view detail) = 0;

  // Called before each write of the link: moves what is due into output(), while that holds less than `budget`
  // bytes. Control frames and heads always go.
  virtual void Produce(size_t budget) = 0;

  // Output fell below the link's low watermark.
  virtual void OutputDrained() = 0;

  // Asks the peer for a sign of life: bytes. HTTP/1 can't.
  virtual void Ping() {}

  // False: Receive() would take nothing now.
  virtual bool wants_read() const = 0;

  // What the link shall do with the connection once output() is written.
  virtual Ending ending() const = 0;

  // Streams that are not over.
  virtual size_t active_streams() const = 0;
};

// What a server codec tells its connection.
class ServerEvents {
 public:
  // The first byte of a request (HTTP/1) or its HEADERS (HTTP/2). Never null.
  virtual RequestReceiver* OnRequestBegin(ServerStream& stream) = 0;
  // Counted each time; `fatal`: the bound was passed and the connection ends.
  virtual void OnFlood(Flood flood, bool fatal) = 0;
  // The peer's bytes broke the protocol of the connection, not of one stream. `detail` is static.
  virtual void OnConnectionError(std::string_view detail) = 0;

 protected:
  ~ServerEvents() = default;
};

class ServerConnection : public Connection {
 public:
  // No new requests after those in flight. HTTP/1: heads of answers say `connection: close` from now on.
  // HTTP/2: GOAWAY with the highest id (RFC 9113, 6.8). Requests that are on their way are still served.
  virtual void StartDrain() = 0;
  // HTTP/1: a connection without a request ends, one with a request behind it. HTTP/2: the GOAWAY that names the last
  // stream.
  virtual void FinishDrain() = 0;
  // HTTP/2: ends the streams that are over, but of whose rest nothing could be sent since the last call, because the
  // peer grants no window. Returns how many.
  virtual size_t ResetStuck() = 0;
  // HTTP/2: a stream that the peer has reset had lived for a while, so it counts toward no flood.
  virtual void ForgiveReset() {}
};

// What a client codec tells its pool.
class ClientEvents {
 public:
  // A stream is over. The connection may be able to take another one.
  virtual void OnStreamEnd() = 0;
  // The peer changed how many streams it takes (SETTINGS, GOAWAY), or the connection can't be used any more.
  virtual void OnCapacityChanged() = 0;
  virtual void OnFlood(Flood flood, bool fatal) = 0;
  virtual void OnConnectionError(std::string_view detail) = 0;
  // The peer has said that it will end the connection (`connection: close`, GOAWAY). May come again.
  virtual void OnCloseNotified() {}

 protected:
  ~ClientEvents() = default;
};

class ClientConnection : public Connection {
 public:
  // capacity() > 0. The stream's SendHead() is called in the same turn.
  virtual ClientStream& NewStream(ResponseReceiver& receiver) = 0;

  // Streams that can be opened now: 0 or 1 for HTTP/1.
  virtual size_t capacity() const = 0;

  // False: it never takes another stream (GOAWAY, `connection: close`, broken framing).
  virtual bool reusable() const = 0;

  // No further streams: reusable() is false from now on; ends when the last stream is over.
  virtual void StartDrain() = 0;
};

}  // namespace pillion::codec
