#include "source/codec/http2/stream.h"

#include "source/codec/http2/session.h"

namespace pillion::codec::http2 {
namespace {

uint32_t ErrorCode(ResetReason reason) {
  switch (reason) {
    case ResetReason::kNoError:
      return NGHTTP2_NO_ERROR;
    case ResetReason::kRefused:
      return NGHTTP2_REFUSED_STREAM;
    case ResetReason::kProtocolError:
      return NGHTTP2_PROTOCOL_ERROR;
    case ResetReason::kInternalError:
      return NGHTTP2_INTERNAL_ERROR;
    case ResetReason::kCancel:
    case ResetReason::kPeerReset:
    case ResetReason::kConnectionEnd:
      break;
  }
  return NGHTTP2_CANCEL;
}

}  // namespace

Stream::Stream(Session& session, MessageReceiver* receiver)
    : session_(session), receiver_(receiver), pending_(session.pool_) {
  if (receiver != nullptr) meter_.Set(receiver->meter());
}

Stream::~Stream() {
  if (held_ > 0) session_.ReleaseHeld(held_);
  if (trailers_ != nullptr) session_.memory_.Free(trailers_);
}

bool Stream::QueueData(base::Slice data, bool end) {
  if (over() || end_queued_) return true;
  if (meter_) meter_->waiting += data.size();
  if (!data.empty()) pending_.Append(std::move(data));
  end_queued_ = end;
  WantToSend();
  // Once blocked it stays so until OnSendReady() was told, wherever between the two watermarks it is.
  send_blocked_ = !end && (send_blocked_ || pending_.size() > session_.options_.send_high_watermark);
  const bool room = !send_blocked_;
  CheckOver();
  return room;
}

// The texts may be gone before the data in front of the trailers is sent.
void Stream::QueueTrailers(const http::HeaderMap& trailers) {
  if (over() || end_queued_) return;
  size_t bytes = trailers.size() * sizeof(http::HeaderField);
  for (const http::HeaderField& field : trailers) bytes += field.name_size + field.value_size;
  trailers_ = session_.memory_.Allocate(bytes);
  trailer_fields_ = static_cast<uint32_t>(trailers.size());
  auto* fields = static_cast<http::HeaderField*>(trailers_);
  char* text = reinterpret_cast<char*>(fields + trailers.size());
  for (const http::HeaderField& field : trailers) {
    field.name().copy(text, field.name_size);
    field.value().copy(text + field.name_size, field.value_size);
    *fields = field;
    fields->name_data = text;
    fields->value_data = text + field.name_size;
    text += field.name_size + field.value_size;
    ++fields;
  }
  end_queued_ = true;
  if (has_data_item_) {
    WantToSend();
  } else {
    session_.SubmitTrailers(*this);
  }
  CheckOver();
}

void Stream::WantToSend() {
  if (!has_data_item_) {
    session_.SubmitData(*this);
  } else if (deferred_) {
    deferred_ = false;
    nghttp2_session_resume_data(session_.session_, id_);
  }
  session_.WantOutput();
}

void Stream::HeadQueued(bool end) {
  head_queued_ = true;
  end_queued_ = end;
  end_sent_ = end;  // nothing holds a head back: it goes out in the next Produce(), before whatever follows it
  session_.WantOutput();
  CheckOver();
}

void Stream::ResetByReceiver(ResetReason reason) {
  if (over()) return;
  // NO_ERROR is a server's word (RFC 9113, 8.1).
  if (session_.role_ == Session::Role::kClient && reason == ResetReason::kNoError) reason = ResetReason::kCancel;
  if (reason == ResetReason::kNoError && end_queued_) {
    LetGo();
    return;
  }
  Abandon();
  session_.SubmitReset(*this, ErrorCode(reason));
}

void Stream::Resume() {
  if (!paused_) return;
  paused_ = false;
  if (over()) return;
  if (held_ > 0) session_.ReleaseHeld(std::exchange(held_, 0));
  session_.ConsumeStream(*this);
}

void Stream::CheckOver() {
  if (end_queued_ && input_over_ && !over()) LetGo();
}

void Stream::LetGo() {
  over_ = true;
  if (held_ > 0) session_.ReleaseHeld(std::exchange(held_, 0));
  // What is left of the request is not wanted (RFC 9113, 8.1); the answer goes out first.
  if (!input_closed_) session_.resets_due_.PushBack(*this);
}

void Stream::Abandon() {
  over_ = true;
  reset_queued_ = true;
  pending_.Clear();
  if (meter_) meter_->waiting = 0;
  if (held_ > 0) session_.ReleaseHeld(std::exchange(held_, 0));
}

}  // namespace pillion::codec::http2
