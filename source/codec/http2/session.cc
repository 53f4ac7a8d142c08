#include "source/codec/http2/session.h"

#include <algorithm>
#include <array>

#include "source/base/check.h"
#include "source/codec/http2/session_callbacks.h"

namespace pillion::codec::http2 {
namespace {

constexpr uint32_t kDefaultTableSize = 4096;

}  // namespace

Session::Session(Role role, Link& link, base::BlockPool& pool, MemoryPool& memory, const Options& options)
    : link_(link),
      pool_(pool),
      memory_(memory),
      options_(options),
      decoder_(options),
      floods_(options.floods),
      role_(role) {
  const auto make = role == Role::kServer ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  PILLION_CHECK(make(&session_, SessionCallbacks(), this, SessionOptions(), memory.nghttp2()) == 0);

  std::array<nghttp2_settings_entry, 5> settings;
  size_t count = 0;
  if (role == Role::kServer) {
    settings[count++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams};
    if (options.extended_connect) settings[count++] = {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
  } else {
    settings[count++] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  }
  settings[count++] = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.initial_stream_window};
  settings[count++] = {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, options.max_header_list_bytes};
  if (options.hpack_table_size != kDefaultTableSize) {
    settings[count++] = {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, options.hpack_table_size};
  }
  PILLION_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), count) == 0);
  PILLION_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                      static_cast<int32_t>(options.initial_connection_window)) == 0);
}

// The side has destroyed its streams.
Session::~Session() { nghttp2_session_del(session_); }

void Session::DestroyStreams() {
  while (Stream* stream = streams_.PopFront()) DestroyStream(*stream);
}

void Session::Register(Stream& stream) {
  streams_.PushBack(stream);
  ++open_streams_;
}

// Input.

void Session::StartReceive(const base::Slice& data) {
  input_ = &data;
  floods_.OnRead();
}

void Session::Feed(size_t from, size_t to) {
  if (failed_ || from == to) return;
  const auto* bytes = reinterpret_cast<const uint8_t*>(input_->data());
  const ssize_t result = nghttp2_session_mem_recv(session_, bytes + from, to - from);
  if (result == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
    EndByFlood(Flood::kContinuation);
  } else if (result == NGHTTP2_ERR_FLOODED) {
    EndByFlood(Flood::kOutbound);
  } else if (result < 0) {
    FailConnection(NGHTTP2_PROTOCOL_ERROR, nghttp2_strerror(static_cast<int>(result)));
  }
}

void Session::FinishReceive() {
  DeliverStash();
  input_ = nullptr;
  if (nghttp2_session_want_write(session_)) WantOutput();
}

void Session::OnData(Stream& stream, uint8_t flags, const uint8_t* data, size_t size) {
  if (stream.over() || stream.input_over_) return ConsumeConnection(size);
  stream.received_ += static_cast<int64_t>(size);
  if (!stream.body_allowed_ || (stream.expected_ >= 0 && stream.received_ > stream.expected_)) {
    ConsumeConnection(size);
    return FailStream(stream, stream.body_allowed_ ? "http2.content_length_mismatch" : "http2.unexpected_data");
  }
  base::Slice slice = input_->Share(static_cast<size_t>(reinterpret_cast<const char*>(data) - input_->data()), size);
  DeliverStash();
  if ((flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    // Perhaps the last piece: it is told together with the end, which follows at once if so.
    stash_ = std::move(slice);
    stash_stream_ = &stream;
    return;
  }
  stream.receiver_->OnData(std::move(slice), false);
  Take(stream, size);
}

void Session::DeliverStash() {
  if (stash_stream_ == nullptr) return;
  Stream& stream = *std::exchange(stash_stream_, nullptr);
  base::Slice slice = std::move(stash_);
  const size_t size = slice.size();
  if (!stream.over()) stream.receiver_->OnData(std::move(slice), false);
  Take(stream, size);
}

void Session::OnDataEnd(const nghttp2_frame& frame) {
  Stream* stream = stash_stream_ != nullptr && stash_stream_->id_ == frame.hd.stream_id ? stash_stream_
                                                                                       : Find(frame.hd.stream_id);
  if (stream == nullptr) return;
  base::Slice last;
  if (stash_stream_ == stream) {
    last = std::move(stash_);
    stash_stream_ = nullptr;
    ConsumeConnection(last.size());
  }
  if (!EndInput(*stream)) return;
  stream->receiver_->OnData(std::move(last), true);
  stream->CheckOver();
}

bool Session::EndInput(Stream& stream) {
  stream.input_closed_ = true;
  if (stream.over() || stream.input_over_) return false;
  if (!stream.head_received_) {
    FailStream(stream, "http2.end_without_head");
    return false;
  }
  if (stream.expected_ >= 0 && stream.received_ != stream.expected_) {
    FailStream(stream, "http2.content_length_mismatch");
    return false;
  }
  stream.input_over_ = true;
  return true;
}

// nghttp2 tells of a header block as of one frame, as long as all of its frames.
void Session::CountReceived(const nghttp2_frame& frame) {
  const bool head = frame.hd.type == NGHTTP2_HEADERS;
  Stream* const stream = head ? decoding_ : Find(frame.hd.stream_id);
  if (stream == nullptr || !stream->meter_) return;
  ByteMeter& meter = *stream->meter_.operator->();
  const uint64_t bytes = frame.hd.length + kFrameHead * (head ? 1 + continued_ : 1);
  meter.wire_received += bytes;
  if (!head) return;
  meter.heads_received += bytes;
  meter.texts_received += decoder_.text_bytes();
}

void Session::OnFrameReceived(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      CountReceived(frame);
      if (frame.hd.length > 0) floods_.OnContentReceived();
      if (decoding_ != nullptr) {
        OnHeadersEnd(*std::exchange(decoding_, nullptr), (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
      }
      break;
    case NGHTTP2_DATA:
      CountReceived(frame);
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        floods_.OnContentReceived();
        OnDataEnd(frame);
      } else if (frame.hd.length == frame.data.padlen) {
        Charge(Flood::kEmptyFrame);
      } else {
        floods_.OnContentReceived();
      }
      break;
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) Charge(Flood::kPing);
      break;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) Charge(Flood::kSettings);
      OnFrame(frame);
      break;
    case NGHTTP2_PRIORITY:
      Charge(Flood::kPriority);
      break;
    case NGHTTP2_WINDOW_UPDATE:
      Charge(Flood::kWindowUpdate);
      break;
    case NGHTTP2_GOAWAY:
      goaway_received_ = true;
      OnFrame(frame);
      break;
    case NGHTTP2_RST_STREAM:
      CountReceived(frame);
      OnFrame(frame);
      break;
    default:
      break;
  }
}

void Session::CloseStream(Stream& stream, uint32_t error_code) {
  if (decoding_ == &stream) decoding_ = nullptr;
  latest_ = nullptr;
  if (stash_stream_ == &stream) {
    stash_stream_ = nullptr;
    stash_ = base::Slice();
  }
  const int32_t stream_id = stream.id_;
  const bool reset_by_us = stream.reset_queued_;
  if (!stream.over()) {
    MessageReceiver& receiver = *stream.receiver_;
    stream.Abandon();
    if (error_code == NGHTTP2_REFUSED_STREAM) {
      receiver.OnReset(ResetReason::kRefused, "http2.remote_refuse");
    } else {
      receiver.OnReset(ResetReason::kPeerReset, "http2.remote_reset");
    }
  } else if (stream.input_closed_ && stream.end_sent_) {
    floods_.OnStreamEndedWell();
  }
  static_cast<base::ListNode<OpenTag>&>(stream).Unlink();
  --open_streams_;
  DestroyStream(stream);
  OnStreamClosed(stream_id, reset_by_us);
}

// Windows.

void Session::Take(Stream& stream, size_t bytes) {
  if (stream.over()) return ConsumeConnection(bytes);
  stream.unconsumed_ += bytes;
  if (!stream.paused_) {
    ConsumeConnection(bytes);
    ConsumeStream(stream);
    return;
  }
  stream.held_ += static_cast<uint32_t>(bytes);
  held_ += bytes;
  if (held_ > options_.max_held_bytes) {
    connection_withheld_ += bytes;
  } else {
    ConsumeConnection(bytes);
  }
}

// nghttp2 grants window when half of it was taken; before that it need not know.
void Session::ConsumeStream(Stream& stream) {
  if (stream.unconsumed_ < options_.initial_stream_window / 2 || stream.input_closed_) return;
  nghttp2_session_consume_stream(session_, stream.id_, std::exchange(stream.unconsumed_, 0));
  WantOutput();
}

void Session::ConsumeConnection(size_t bytes) {
  connection_taken_ += bytes;
  if (connection_taken_ < options_.initial_connection_window / 2) return;
  nghttp2_session_consume_connection(session_, std::exchange(connection_taken_, 0));
  WantOutput();
}

void Session::ReleaseHeld(uint32_t bytes) {
  held_ -= bytes;
  if (connection_withheld_ > 0 && held_ <= options_.max_held_bytes) {
    ConsumeConnection(std::exchange(connection_withheld_, 0));
  }
}

// Ends.

void Session::FailStream(Stream& stream, std::string_view detail) {
  if (stream.over()) return;
  if (options_.invalid_message_ends_connection) return FailConnection(NGHTTP2_PROTOCOL_ERROR, detail);
  MessageReceiver& receiver = *stream.receiver_;
  stream.Abandon();
  SubmitReset(stream, NGHTTP2_PROTOCOL_ERROR);
  receiver.OnReset(ResetReason::kProtocolError, detail);
  Charge(Flood::kReset);
}

void Session::Charge(Flood flood) {
  if (failed_) return;
  if (floods_.Charge(flood)) {
    EndByFlood(flood);
  } else if (flood != Flood::kWindowUpdate && flood != Flood::kOutbound && flood != Flood::kOutboundFrames) {
    TellFlood(flood, false);
  }
}

void Session::EndByFlood(Flood flood) {
  if (failed_) return;
  TellFlood(flood, true);
  End(NGHTTP2_ENHANCE_YOUR_CALM, ResetReason::kConnectionEnd, "http2.flood");
}

void Session::FailConnection(uint32_t error_code, std::string_view detail) {
  if (failed_) return;
  TellConnectionError(detail);
  End(error_code, ResetReason::kProtocolError, detail);
}

void Session::End(uint32_t error_code, ResetReason reason, std::string_view detail) {
  failed_ = true;
  nghttp2_session_terminate_session(session_, error_code);
  TellAll(reason, detail);
  WantOutput();
}

void Session::TellAll(ResetReason reason, std::string_view detail) {
  streams_.ForEach([&](Stream& stream) {
    if (stream.over()) return;
    MessageReceiver& receiver = *stream.receiver_;
    stream.Abandon();
    receiver.OnReset(reason, detail);
  });
}

void Session::AbortAll(std::string_view detail) {
  failed_ = true;
  TellAll(ResetReason::kConnectionEnd, detail);
}

void Session::ReceiveFin() {
  peer_ended_ = true;
  streams_.ForEach([&](Stream& stream) {
    // An answer that nobody waits for would hold its upstream, at worst for ever.
    if ((stream.input_closed_ && role_ == Role::kClient) || stream.over()) return;
    MessageReceiver& receiver = *stream.receiver_;
    stream.Abandon();
    SubmitReset(stream, NGHTTP2_CANCEL);
    receiver.OnReset(ResetReason::kConnectionEnd, "http2.connection_end");
  });
}

Ending Session::EndingNow() const {
  if (failed_) return role_ == Role::kServer ? Ending::kLinger : Ending::kClose;
  if (open_streams_ > 0 || !(draining_ || goaway_received_ || peer_ended_)) return Ending::kOpen;
  // A client may send after its own GOAWAY, too (a PING): a reset would take from it what it has not read yet.
  return role_ == Role::kServer ? Ending::kLinger : Ending::kClose;
}

}  // namespace pillion::codec::http2
