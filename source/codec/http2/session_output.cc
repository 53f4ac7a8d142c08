// The sending half of Session.

#include <algorithm>
#include <utility>

#include "source/codec/http2/session.h"
#include "source/codec/http2/session_callbacks.h"

namespace pillion::codec::http2 {

void Session::CountTexts(Stream& stream, std::span<const nghttp2_nv> fields) {
  if (!stream.meter_) return;
  for (const nghttp2_nv& field : fields) stream.meter_->texts_sent += field.namelen + field.valuelen;
}

// nghttp2 tells of a header block when its last frame is out, as of one frame, and fills each before it begins another.
void Session::CountHeadSent(const nghttp2_frame& frame) {
  constexpr size_t kLargest = 16384;
  Stream* const stream = Find(frame.hd.stream_id);
  if (stream == nullptr || !stream->meter_) return;
  const size_t more = frame.hd.length == 0 ? 0 : (frame.hd.length - 1) / kLargest;
  const size_t bytes = frame.hd.length + kFrameHead * (1 + more);
  stream->meter_->wire_sent += bytes;
  stream->meter_->heads_sent += bytes;
}

void Session::SubmitData(Stream& stream) {
  const nghttp2_data_provider provider = DataProvider(stream);
  stream.has_data_item_ = nghttp2_submit_data(session_, NGHTTP2_FLAG_END_STREAM, stream.id_, &provider) == 0;
}

void Session::SubmitTrailers(Stream& stream) {
  const std::span<const http::HeaderField> fields(static_cast<const http::HeaderField*>(stream.trailers_),
                                                  stream.trailer_fields_);
  const auto list = EncodeTrailers(fields, memory_.nv_scratch());
  CountTexts(stream, list);
  stream.end_sent_ = true;  // as with a head
  nghttp2_submit_trailer(session_, stream.id_, list.data(), list.size());
  WantOutput();
}

void Session::SubmitPing() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  WantOutput();
}

void Session::SubmitReset(Stream& stream, uint32_t error_code) {
  if (stream.id_ == 0) {
    // Never begun: it only has to go, and not from within a call to it.
    stream.end_sent_ = true;
    resets_due_.PushBack(stream);
    WantOutput();
    return;
  }
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, error_code);
  WantOutput();
}

void Session::ProduceFrames(size_t budget) {
  floods_.BeginOutput(link_.output().size());
  budget_ = budget;
  output_wanted_ = true;  // what is added now goes out now
  do {
    over_budget_ = false;
    SendFrames();
  } while (ResetEnded() | TellReady());
  output_wanted_ = false;
  floods_.EndOutput(link_.output().size());
}

void Session::SendFrames() {
  const uint8_t* bytes = nullptr;
  ssize_t size = 0;
  while ((size = nghttp2_session_mem_send(session_, &bytes)) > 0) {
    link_.output().Append(std::string_view(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)));
  }
  if (size < 0) FailConnection(NGHTTP2_INTERNAL_ERROR, nghttp2_strerror(static_cast<int>(size)));
}

ssize_t Session::ReadData(Stream& stream, size_t limit, uint32_t* flags) {
  if (link_.output().size() >= budget_ || floods_.output_is_full()) {
    over_budget_ = true;
    return NGHTTP2_ERR_PAUSE;
  }
  const size_t size = std::min(stream.pending_.size(), limit);
  if (size == stream.pending_.size()) {
    if (stream.end_queued_) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (stream.trailers_ != nullptr) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        SubmitTrailers(stream);
      }
    } else if (size == 0) {
      stream.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  return static_cast<ssize_t>(size);
}

void Session::WriteData(Stream& stream, uint8_t flags, const uint8_t* frame_head, size_t size) {
  latest_ = &stream;
  stream.stuck_ = false;
  if (stream.meter_) {
    stream.meter_->wire_sent += kFrameHead + size;
    stream.meter_->waiting -= size;
  }
  base::Buffer& output = link_.output();
  output.Append(std::string_view(reinterpret_cast<const char*>(frame_head), kFrameHead));
  while (size > 0) {
    base::Slice slice = stream.pending_.TakeFront(size);
    size -= slice.size();
    output.Append(std::move(slice));
  }
  floods_.OnDataSent();
  if ((flags & NGHTTP2_FLAG_END_STREAM) != 0) stream.end_sent_ = true;
  if (stream.send_blocked_ && stream.pending_.size() < options_.send_low_watermark) {
    stream.send_blocked_ = false;
    ready_.PushBack(stream);
  }
}

void Session::OnFrameSent(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) --heads_unsent_;
      CountHeadSent(frame);
      break;
    case NGHTTP2_RST_STREAM: {
      Stream* stream = Find(frame.hd.stream_id);
      if (stream == nullptr || !stream->reset_queued_) {
        // By nghttp2, for what the peer sent: a window that overflows, a stream too many.
        if (stream != nullptr && !stream->over()) {
          MessageReceiver& receiver = *stream->receiver_;
          stream->Abandon();
          receiver.OnReset(ResetReason::kProtocolError, nghttp2_http2_strerror(frame.rst_stream.error_code));
        }
        Charge(Flood::kReset);
      }
      Charge(Flood::kOutbound);
      break;
    }
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) Charge(Flood::kOutbound);
      break;
    case NGHTTP2_GOAWAY:
      if (frame.goaway.error_code != NGHTTP2_NO_ERROR) {
        // By nghttp2; the streams have not been told yet.
        FailConnection(frame.goaway.error_code, nghttp2_http2_strerror(frame.goaway.error_code));
      }
      break;
    default:
      break;
  }
  if (frame.hd.type != NGHTTP2_DATA) Charge(Flood::kOutboundFrames);
}

void Session::OnHeadersNotSent(Stream& stream) {
  if (stream.reset_queued_ || failed_) return;
  SubmitReset(stream, NGHTTP2_INTERNAL_ERROR);
  if (stream.over()) return;
  MessageReceiver& receiver = *stream.receiver_;
  stream.Abandon();
  receiver.OnReset(ResetReason::kProtocolError, "http2.head_not_sent");
}

// Those whose receiver wants no more input, once their output is complete. True: there is more to send.
bool Session::ResetEnded() {
  bool any = false;
  resets_due_.ForEach([&](Stream& stream) {
    if (stream.id_ == 0) return CloseStream(stream, NGHTTP2_NO_ERROR);
    if (!stream.end_sent_) return;
    static_cast<base::ListNode<ResetTag>&>(stream).Unlink();
    stream.reset_queued_ = true;
    SubmitReset(stream, NGHTTP2_NO_ERROR);
    any = true;
  });
  return any;
}

size_t Session::ResetStuckStreams() {
  size_t count = 0;
  streams_.ForEach([&](Stream& stream) {
    if (!stream.over() || stream.reset_queued_ || stream.end_sent_) return;
    if (!std::exchange(stream.stuck_, true)) return;
    stream.Abandon();
    SubmitReset(stream, NGHTTP2_CANCEL);
    ++count;
  });
  return count;
}

// True: someone was told, and may have given more to send.
bool Session::TellReady() {
  bool any = false;
  while (Stream* stream = ready_.PopFront()) {
    if (stream->over()) continue;
    stream->receiver_->OnSendReady();
    any = true;
  }
  return any;
}

}  // namespace pillion::codec::http2
