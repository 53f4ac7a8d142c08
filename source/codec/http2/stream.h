#pragma once

// What both sides' streams have in common: data and trailers that wait to be sent, what was received and not granted
// again, and how far each direction is. Owned by its Session; ends in nghttp2's on_stream_close, which can be later
// than the stream is over for its receiver: an answer that is complete may still wait for window.
//
// | direction | open                     | ended for the receiver               | ended on the wire                |
// |-----------|--------------------------|--------------------------------------|----------------------------------|
// | out       |                          | end_queued_: the end was given to us | end_sent_: END_STREAM goes out   |
// | in        |                          | input_over_: it was told the end     | input_closed_: END_STREAM came   |
//
// Over, so that receiver_ is not used any more: both directions ended for the receiver, OnReset(), or Reset().

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <utility>

#include "source/base/buffer.h"
#include "source/base/intrusive_list.h"
#include "source/codec/codec.h"

namespace pillion::codec::http2 {

class Session;

struct OpenTag {};   // every stream of a session
struct ReadyTag {};  // those to be told OnSendReady()
struct ResetTag {};  // those to be reset once their END_STREAM is out

class Stream : public base::ListNode<OpenTag>, public base::ListNode<ReadyTag>, public base::ListNode<ResetTag> {
 public:
  Stream(Session& session, MessageReceiver* receiver);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool over() const { return over_; }

 protected:
  ~Stream();

  // What the calls of codec::StreamBase do.
  [[nodiscard]] bool QueueData(base::Slice data, bool end);
  void QueueTrailers(const http::HeaderMap& trailers);
  void ResetByReceiver(ResetReason reason);
  void Pause() { paused_ = true; }
  void Resume();

  // The head was given to nghttp2; `end`: nothing follows.
  void HeadQueued(bool end);

  // Becomes over when both directions have ended for the receiver.
  void CheckOver();
  // The receiver is told nothing more; what was given to be sent still is.
  void LetGo();
  // The receiver is told nothing more, and nothing more is sent.
  void Abandon();
  void WantToSend();

  Session& session_;
  MessageReceiver* receiver_;
  MeterLink meter_;  // of the receiver, also when the stream is over
  int32_t id_ = 0;
  base::Buffer pending_;
  void* trailers_ = nullptr;      // a copy of the fields, and behind them of their texts
  uint32_t trailer_fields_ = 0;
  uint32_t held_ = 0;             // received while paused
  uint64_t unconsumed_ = 0;       // received, not granted to the peer again
  int64_t expected_ = -1;         // content-length of what comes in; -1: not known
  int64_t received_ = 0;
  bool over_ = false;
  bool head_queued_ = false;
  bool head_received_ = false;    // a 1xx does not count
  bool end_queued_ = false;
  bool end_sent_ = false;
  bool input_over_ = false;
  bool input_closed_ = false;
  bool has_data_item_ = false;    // nghttp2 asks for data
  bool deferred_ = false;         // it was told that there is none
  bool send_blocked_ = false;     // OnSendReady() is due
  bool paused_ = false;
  bool reset_queued_ = false;
  bool stuck_ = false;            // sent nothing since ResetStuckStreams() looked
  bool body_allowed_ = false;     // what comes in may have data now

 private:
  friend class Session;
  friend class ServerConnection;
  friend class ClientConnection;
};

// One side's stream: `Side` is codec::ServerStream or codec::ClientStream.
template <typename Side>
class StreamOf : public Side, public Stream {
 public:
  using Stream::Stream;

  [[nodiscard]] bool SendData(base::Slice data, bool end) final { return QueueData(std::move(data), end); }
  void SendTrailers(const http::HeaderMap& trailers) final { QueueTrailers(trailers); }
  void Reset(ResetReason reason) final { ResetByReceiver(reason); }
  void PauseReading() final { Pause(); }
  void ResumeReading() final { Resume(); }
};

}  // namespace pillion::codec::http2
