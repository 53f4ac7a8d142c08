#pragma once

// What both sides have in common: one nghttp2 session, its callbacks, its streams, its flow control and its floods.
//
//   Receive() -> nghttp2_session_mem_recv -> callbacks -> events of receivers
//   Produce() -> nghttp2_session_mem_send -> frames into Link::output(); data moves there without being copied
//
// Windows. What a stream's receiver took is granted again at once, to the stream and to the connection; while the
// receiver is paused, to the connection only, so that one slow stream does not stop the others. Once paused streams
// hold max_held_bytes together, the connection gets nothing either: memory stays below max_held_bytes and one
// connection window.
//
// A session is owned by its connection object (it is its base), on one worker.

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "source/base/buffer.h"
#include "source/base/intrusive_list.h"
#include "source/codec/codec.h"
#include "source/codec/http2/flood_guard.h"
#include "source/codec/http2/head_decoder.h"
#include "source/codec/http2/head_encoder.h"
#include "source/codec/http2/memory_pool.h"
#include "source/codec/http2/options.h"
#include "source/codec/http2/stream.h"

namespace pillion::codec::http2 {

// In front of each frame (RFC 9113, 4.1).
inline constexpr size_t kFrameHead = 9;

class Session {
 public:
  enum class Role : uint8_t { kServer, kClient };

  Session(Role role, Link& link, base::BlockPool& pool, MemoryPool& memory, const Options& options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 protected:
  virtual ~Session();

  // What the calls of codec::Connection do.
  void StartReceive(const base::Slice& data);
  // Has nghttp2 take bytes [from, to) of it.
  void Feed(size_t from, size_t to);
  void FinishReceive();
  void ReceiveFin();
  void AbortAll(std::string_view detail);
  void ProduceFrames(size_t budget);
  void ResumeOutput() {
    if (over_budget_) WantOutput();
  }
  Ending EndingNow() const;
  size_t ResetStuckStreams();
  size_t open_streams() const { return open_streams_; }

  // What a side does.
  // A header block begins. Returns its stream, for which the decoder was started; null: the block is ignored.
  virtual Stream* OnHeadersBegin(const nghttp2_frame& frame) = 0;
  virtual void OnHeadersEnd(Stream& stream, bool end) = 0;
  virtual void OnFrame(const nghttp2_frame& frame) = 0;  // SETTINGS, GOAWAY and RST_STREAM
  // It is over, and no longer registered.
  virtual void DestroyStream(Stream& stream) = 0;
  // One stream less. `reset_by_us`: the peer may not know that yet.
  virtual void OnStreamClosed(int32_t stream_id, bool reset_by_us) = 0;
  virtual void TellFlood(Flood flood, bool fatal) = 0;
  virtual void TellConnectionError(std::string_view detail) = 0;

  // The stream's input broke the protocol: it is reset, its receiver is told, and it counts; or, by its option, it ends
  // the connection.
  void FailStream(Stream& stream, std::string_view detail);
  // Ends the connection with GOAWAY(error_code); every receiver is told.
  void FailConnection(uint32_t error_code, std::string_view detail);
  void EndByFlood(Flood flood);
  // Counts odd behaviour.
  void Charge(Flood flood);

  void SubmitReset(Stream& stream, uint32_t error_code);
  void SubmitPing();
  void Register(Stream& stream);
  // For the side's destructor: its streams must go before the session.
  void DestroyStreams();
  Stream* Find(int32_t stream_id) {
    if (latest_ == nullptr || latest_->id_ != stream_id) {
      latest_ = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, stream_id));
    }
    return latest_;
  }
  // Names and values of a head or of trailers that go out.
  static void CountTexts(Stream& stream, std::span<const nghttp2_nv> fields);
  // The peer has ended the stream, by data that waits in stash_ or by other means. False: it was not complete.
  [[nodiscard]] bool EndInput(Stream& stream);
  void WantOutput() {
    if (output_wanted_) return;
    output_wanted_ = true;
    link_.OutputAdded();
  }

  Link& link_;
  base::BlockPool& pool_;
  MemoryPool& memory_;
  const Options& options_;
  nghttp2_session* session_ = nullptr;
  HeadDecoder decoder_;
  FloodGuard floods_;
  bool failed_ = false;  // by FailConnection(), EndByFlood() or AbortAll()
  bool peer_ended_ = false;
  bool draining_ = false;  // no further streams
  bool goaway_received_ = false;
  size_t heads_unsent_ = 0;  // requests that nghttp2 holds back
  base::IntrusiveList<Stream, OpenTag> streams_;

 private:
  friend class Stream;
  friend struct Callbacks;

  void OnData(Stream& stream, uint8_t flags, const uint8_t* data, size_t size);
  void DeliverStash();
  void Take(Stream& stream, size_t bytes);
  void SubmitData(Stream& stream);
  void SubmitTrailers(Stream& stream);
  void ConsumeStream(Stream& stream);
  void ConsumeConnection(size_t bytes);
  void ReleaseHeld(uint32_t bytes);
  void OnFrameReceived(const nghttp2_frame& frame);
  void CountReceived(const nghttp2_frame& frame);
  void CountHeadSent(const nghttp2_frame& frame);
  void OnDataEnd(const nghttp2_frame& frame);
  void OnFrameSent(const nghttp2_frame& frame);
  void OnHeadersNotSent(Stream& stream);
  ssize_t ReadData(Stream& stream, size_t limit, uint32_t* flags);
  void WriteData(Stream& stream, uint8_t flags, const uint8_t* frame_head, size_t size);
  void CloseStream(Stream& stream, uint32_t error_code);
  void End(uint32_t error_code, ResetReason reason, std::string_view detail);
  void TellAll(ResetReason reason, std::string_view detail);
  void SendFrames();
  bool ResetEnded();
  bool TellReady();

  const Role role_;
  base::IntrusiveList<Stream, ReadyTag> ready_;
  base::IntrusiveList<Stream, ResetTag> resets_due_;
  size_t open_streams_ = 0;
  const base::Slice* input_ = nullptr;  // in Receive(): what nghttp2's pointers point into
  Stream* decoding_ = nullptr;          // whose header block comes in
  uint32_t continued_ = 0;          // frames of it behind the first
  Stream* latest_ = nullptr;            // that was looked for, or wrote: most often the next one too
  Stream* stash_stream_ = nullptr;      // of the data that waits to be seen whether it is the last
  base::Slice stash_;
  size_t budget_ = 0;
  size_t held_ = 0;                 // received by paused streams
  size_t connection_taken_ = 0;     // to be granted to the connection
  size_t connection_withheld_ = 0;  // to be granted once less is held
  bool output_wanted_ = false;      // OutputAdded() was called since Produce()
  bool over_budget_ = false;
};

}  // namespace pillion::codec::http2
