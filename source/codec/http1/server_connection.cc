#include "source/codec/http1/server_connection.h"

#include <algorithm>
#include <utility>

#include "source/codec/http1/request_head.h"

namespace pillion::codec::http1 {
namespace {

// Bytes of empty lines that are forgiven before a request line (RFC 9112, 2.2).
constexpr uint8_t kMaxEmptyLines = 8;

}  // namespace

ServerConnection::ServerConnection(Link& link, ServerEvents& events, base::BlockPool&,
                                   const ServerOptions& options)
    : link_(link),
      events_(events),
      options_(options),
      parser_(MessageParser::Kind::kRequest, options.limits, *this) {}

size_t ServerConnection::Receive(const base::Slice& data) {
  receiving_ = true;
  size_t taken = 0;
  while (taken < data.size() && !paused_ && !blocked_) {
    switch (input_) {
      case Input::kIdle:
        // Whoever does not read its answers gets no further ones.
        if (link_.output().size() > options_.output_high_watermark) {
          blocked_ = true;
          break;
        }
        taken += SkipEmptyLines(data.view().substr(taken));
        if (taken < data.size()) BeginRequest();
        break;
      case Input::kMessage:
      case Input::kDraining:
        taken += ReceiveMessage(data, taken);
        break;
      case Input::kSwitching:
      case Input::kComplete:
        blocked_ = true;
        break;
      case Input::kTunnel: {
        base::Slice rest = data.Share(taken, data.size() - taken);
        taken = data.size();
        if (meter_) meter_->wire_received += rest.size();
        receiver_->OnData(std::move(rest), false);
        break;
      }
      case Input::kDiscard:
        taken = data.size();
        break;
    }
  }
  receiving_ = false;
  return taken;
}

size_t ServerConnection::SkipEmptyLines(std::string_view data) {
  size_t skipped = 0;
  while (skipped < data.size() && empty_lines_ < kMaxEmptyLines &&
         data[skipped] == (empty_lines_ % 2 == 0 ? '\r' : '\n')) {
    ++empty_lines_;
    ++skipped;
  }
  return skipped;
}

// The next byte is the first of a request; if it can't be one, llhttp or its caller will say so.
void ServerConnection::BeginRequest() {
  input_ = Input::kMessage;  // for StartDrain() from inside
  receiver_ = events_.OnRequestBegin(*this);
  meter_.Set(receiver_->meter());
  base::Arena& arena = receiver_->arena();
  head_ = arena.New<http::RequestHead>(arena);
  parser_.Begin(arena, head_->headers);
  answer_ = Answer::kNone;
  method_ = http::Method::kOther;
  version_ = http::Version::kHttp11;
  head_complete_ = request_ended_ = asks_switch_ = awaits_continue_ = close_ = send_blocked_ = false;
  keep_alive_ = true;
  body_left_ = 0;
  if (empty_lines_ % 2 != 0) FailRequest({400, "http1.codec_error"});  // a CR alone
}

size_t ServerConnection::ReceiveMessage(const base::Slice& data, size_t offset) {
  size_t taken = 0;
  const bool counted = input_ == Input::kMessage;
  const MessageParser::Result result = parser_.Parse(data, offset, taken);
  if (counted && meter_) meter_->wire_received += taken;
  if (result == MessageParser::Result::kError && input_ == Input::kMessage) {
    FailRequest(parser_.error());
  } else if (input_ == Input::kMessage) {
    if (result == MessageParser::Result::kComplete) EndMessage();
    return taken;
  } else if (input_ == Input::kDraining) {
    if (result == MessageParser::Result::kComplete) {
      BeginIdle();
      return taken;
    }
    if (result == MessageParser::Result::kError || drained_ > options_.max_drain_bytes)
      Close(Ending::kLinger);
    else
      return taken;
  }
  return data.size() - offset;
}

void ServerConnection::EndMessage() {
  if (asks_switch_ && answer_ == Answer::kNone) {
    input_ = Input::kSwitching;
  } else if (asks_switch_ && body_.framing() == Framing::kTunnel) {
    input_ = Input::kTunnel;
  } else {
    input_ = Input::kComplete;
    if (answer_ == Answer::kDone) EndStream();
  }
}

MessageEvents::Body ServerConnection::OnHeadComplete() {
  if (const uint64_t fields = parser_.TakeFieldBytes(); meter_) {
    meter_->heads_received += fields;
    meter_->texts_received += fields;
  }
  const bool valid = ReadRequestHead(parser_, options_, *head_);
  // For the answer, also to a request that is refused.
  method_ = head_->method_id;
  version_ = head_->version;
  if (!valid) return Body::kError;
  const ConnectionFields& fields = parser_.fields();
  keep_alive_ = fields.KeepsAlive(version_);
  awaits_continue_ = head_->expect_continue;
  head_complete_ = true;
  asks_switch_ = !head_->upgrade.empty() || method_ == http::Method::kConnect;
  const bool chunked = fields.transfer_encoding_fields > 0;
  if (head_->content_length > 0) body_left_ = static_cast<uint64_t>(head_->content_length);
  request_ended_ = !asks_switch_ && !chunked && body_left_ == 0;
  receiver_->OnRequestHead(*head_, request_ended_);
  return asks_switch_ ? Body::kNone : Body::kAsFramed;
}

void ServerConnection::OnBody(base::Slice data) {
  awaits_continue_ = false;
  if (input_ == Input::kDraining) drained_ += data.size();
  if (input_ != Input::kMessage) return;
  if (body_left_ > 0) {
    body_left_ -= data.size();
    request_ended_ = body_left_ == 0;
  }
  receiver_->OnData(std::move(data), request_ended_);
}

void ServerConnection::OnMessageComplete() {
  if (input_ != Input::kMessage || request_ended_ || asks_switch_) return;
  request_ended_ = true;
  if (meter_) meter_->heads_received += parser_.TakeFieldBytes();
  if (http::HeaderMap* trailers = parser_.trailers(); trailers != nullptr) {
    receiver_->OnTrailers(*trailers);
  } else {
    receiver_->OnData({}, true);
  }
}

void ServerConnection::FailRequest(const ParseError& error) {
  input_ = Input::kDiscard;
  request_ended_ = true;
  const bool refused = !head_complete_ && !head_->method.empty();  // it had come to its end
  receiver_->OnRequestError({error.status, error.detail, refused ? head_ : nullptr});
  // The answer may have ended before, or in there.
  if (receiver_ != nullptr && answer_ == Answer::kDone) EndStream();
}

void ServerConnection::ReceiveEnd() {
  peer_ended_ = true;
  switch (input_) {
    case Input::kIdle:
    case Input::kDraining:
      Close(Ending::kClose);
      break;
    case Input::kMessage:
    case Input::kSwitching: {
      RequestReceiver* receiver = std::exchange(receiver_, nullptr);
      Close(answer_ == Answer::kBody ? Ending::kAbort : Ending::kClose);
      receiver->OnReset(ResetReason::kConnectionEnd, "downstream_remote_disconnect");
      break;
    }
    case Input::kTunnel:
      input_ = Input::kComplete;
      request_ended_ = true;
      receiver_->OnData({}, true);
      if (receiver_ != nullptr && answer_ == Answer::kDone) EndStream();
      break;
    case Input::kComplete:  // the answer is still wanted (RFC 9112, 9.6)
    case Input::kDiscard:
      break;
  }
}

void ServerConnection::Abort(std::string_view detail) {
  RequestReceiver* receiver = std::exchange(receiver_, nullptr);
  input_ = Input::kDiscard;
  if (receiver != nullptr) receiver->OnReset(ResetReason::kConnectionEnd, detail);
}

void ServerConnection::OutputDrained() {
  if (send_blocked_) {
    send_blocked_ = false;
    if (receiver_ != nullptr && answer_ == Answer::kBody) receiver_->OnSendReady();
  }
  if (blocked_ && input_ == Input::kIdle) {
    blocked_ = false;
    link_.ReadingResumed();
  }
}

void ServerConnection::StartDrain() { draining_ = true; }

void ServerConnection::FinishDrain() {
  draining_ = drain_over_ = true;
  if (input_ == Input::kIdle) Close(Ending::kClose);
  // The rest of a request that was answered is not waited for; what of it still comes must not reset the answer.
  if (input_ == Input::kDraining) Close(Ending::kLinger);
}

void ServerConnection::SendInformational(const http::ResponseHead& head) {
  // HTTP/1.0 knows none (RFC 9110, 15.2).
  if (answer_ != Answer::kNone || version_ == http::Version::kHttp10) return;
  if (head.status == 100) awaits_continue_ = false;
  const size_t before = link_.output().size();
  CountHeadSent(before, WriteResponseHead(link_.output(), head, Framing::kNone, http::kNoContentLength,
                                          Persistence::kDefault, options_.names));
  link_.OutputAdded();
}

// Whether the rest of a request, which nobody wants any more, is worth reading to keep the connection.
bool ServerConnection::RestIsShort() const {
  return !awaits_continue_ && body_left_ <= options_.max_drain_bytes;
}

bool ServerConnection::ClosesBehind(int status, bool end) const {
  if (!keep_alive_ || draining_ || peer_ended_ || input_ == Input::kDiscard) return true;
  // What follows a CONNECT is no request, whatever it looks like (RFC 9110, 9.3.6).
  if (method_ == http::Method::kConnect) return true;
  if (input_ != Input::kMessage || request_ended_ || asks_switch_) return false;
  // Behind a 408 nobody waits for the rest (RFC 9110, 15.5.9).
  return !head_complete_ || awaits_continue_ || status == 408 || (end && !RestIsShort());
}

void ServerConnection::SendHead(const http::ResponseHead& head, bool end) {
  if (answer_ != Answer::kNone) return;
  const bool switched =
      asks_switch_ && (method_ == http::Method::kConnect ? head.status / 100 == 2 : head.status == 101);
  answer_ = Answer::kBody;
  if (head.status < 200 && !switched) {
    // A switch that was not asked for (RFC 9110, 15.2.2) can't be told; the peer sees no answer.
    Close(Ending::kAbort);
    return;
  }
  Framing framing = Framing::kNone;
  int64_t length = http::kNoContentLength;
  if (switched) {
    framing = Framing::kTunnel;
  } else if (http::HasNoBody(method_, head.status)) {
    // What a GET would have got (RFC 9110, 8.6); never in a 204.
    if (head.status != 204) length = head.content_length;
  } else if (head.content_length != http::kNoContentLength || end) {
    framing = Framing::kLength;
    length = std::max<int64_t>(head.content_length, 0);
  } else {
    framing = version_ == http::Version::kHttp10 ? Framing::kUntilClose : Framing::kChunked;
  }
  close_ = ClosesBehind(head.status, end) || framing == Framing::kUntilClose;
  Persistence persistence = Persistence::kDefault;
  if (!switched && close_) persistence = Persistence::kClose;
  if (!close_ && version_ == http::Version::kHttp10) persistence = Persistence::kKeepAlive;
  const size_t before = link_.output().size();
  CountHeadSent(before, WriteResponseHead(link_.output(), head, framing, length, persistence, options_.names));
  body_.Begin(framing, length);
  if (switched) close_ = true;
  if (input_ == Input::kSwitching) {
    // Without the switch that was a request without a body, and what follows is the next one.
    input_ = switched ? Input::kTunnel : Input::kComplete;
    if (switched && blocked_) {
      blocked_ = false;
      link_.ReadingResumed();
    }
  }
  AfterWrite(end ? body_.End(link_.output(), nullptr) : BodyWriter::State::kOpen);
}

void ServerConnection::CountSent(size_t output_before) {
  if (meter_) meter_->wire_sent += link_.output().size() - output_before;
}

void ServerConnection::CountHeadSent(size_t output_before, size_t fields) {
  CountSent(output_before);
  if (!meter_) return;
  meter_->heads_sent += fields;
  meter_->texts_sent += fields;
}

bool ServerConnection::SendData(base::Slice data, bool end) {
  if (answer_ != Answer::kBody || ending_ != Ending::kOpen) return true;
  const size_t before = link_.output().size();
  const BodyWriter::State state = body_.Write(link_.output(), std::move(data), end);
  CountSent(before);
  AfterWrite(state);
  if (answer_ != Answer::kBody || link_.output().size() <= options_.output_high_watermark) return true;
  send_blocked_ = true;
  return false;
}

void ServerConnection::SendTrailers(const http::HeaderMap& trailers) {
  if (answer_ != Answer::kBody || ending_ != Ending::kOpen) return;
  const size_t before = link_.output().size();
  const BodyWriter::State state = body_.End(link_.output(), options_.limits.enable_trailers ? &trailers : nullptr);
  CountHeadSent(before, body_.TrailersIn(link_.output().size() - before));
  AfterWrite(state);
}

void ServerConnection::AfterWrite(BodyWriter::State state) {
  link_.OutputAdded();
  switch (state) {
    case BodyWriter::State::kOpen:
      break;
    case BodyWriter::State::kComplete:
      EndAnswer();
      break;
    case BodyWriter::State::kBroken:
      // The receiver is told by Abort().
      Close(Ending::kAbort);
      break;
  }
}

void ServerConnection::EndAnswer() {
  answer_ = Answer::kDone;
  if (body_.framing() == Framing::kTunnel) link_.EndOutput();
  // A request that is not complete goes on until its end, or until Reset() says that it is not wanted. Inside
  // Receive() its end is seen when the parser returns.
  if (input_ == Input::kComplete || (input_ == Input::kDiscard && !receiving_)) EndStream();
}

void ServerConnection::EndStream() {
  receiver_ = nullptr;
  head_ = nullptr;
  if (input_ == Input::kDiscard) {
    Close(peer_ended_ ? Ending::kClose : Ending::kLinger);
  } else if (close_ || drain_over_ || peer_ended_) {
    // A peer that did not know may have sent its next request already, or what it would send into a tunnel.
    const bool may_send = (draining_ || method_ == http::Method::kConnect) && keep_alive_ && !peer_ended_;
    Close(may_send ? Ending::kLinger : Ending::kClose);
  } else {
    BeginIdle();
  }
}

void ServerConnection::BeginIdle() {
  input_ = Input::kIdle;
  empty_lines_ = 0;
  if (drain_over_) {
    Close(Ending::kClose);
    return;
  }
  const bool resume = (paused_ || blocked_) && !receiving_;
  paused_ = blocked_ = false;
  if (resume) link_.ReadingResumed();
}

void ServerConnection::Reset(ResetReason) {
  if (receiver_ == nullptr) return;
  receiver_ = nullptr;
  head_ = nullptr;
  parser_.Pause();
  if (ending_ != Ending::kOpen) return;
  if (answer_ == Answer::kBody) {
    Close(Ending::kAbort);
  } else if (answer_ == Answer::kDone && input_ == Input::kMessage && !close_ && RestIsShort()) {
    // The parser goes on, but the arena that it filled is not there any more.
    parser_.DiscardTexts();
    input_ = Input::kDraining;
    drained_ = 0;
    ResumeReading();
  } else {
    Close(input_ == Input::kComplete || peer_ended_ ? Ending::kClose : Ending::kLinger);
  }
}

void ServerConnection::PauseReading() {
  paused_ = true;
  parser_.Pause();
}

void ServerConnection::ResumeReading() {
  if (!paused_) return;
  paused_ = false;
  link_.ReadingResumed();
}

void ServerConnection::Close(Ending ending) {
  if (ending_ == Ending::kOpen) ending_ = ending;
  input_ = Input::kDiscard;
  paused_ = blocked_ = false;
  link_.OutputAdded();
}

}  // namespace pillion::codec::http1
