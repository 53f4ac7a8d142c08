#include "source/codec/http1/client_connection.h"

#include <algorithm>
#include <utility>

#include "source/http/syntax.h"

namespace pillion::codec::http1 {
namespace {

constexpr std::string_view kCodecError = "http1.codec_error";
constexpr std::string_view kUnexpectedData = "http1.unexpected_data";

// Methods whose requests say so when they have no body (RFC 9110, 8.6).
bool AnnouncesEmptyBody(http::Method method) {
  switch (method) {
    case http::Method::kPost:
    case http::Method::kPut:
    case http::Method::kPatch:
    case http::Method::kOther:
      return true;
    default:
      return false;
  }
}

}  // namespace

ClientConnection::ClientConnection(Link& link, ClientEvents& events, base::BlockPool& pool,
                                   const ClientOptions& options)
    : link_(link),
      events_(events),
      options_(options),
      parser_(MessageParser::Kind::kResponse, options.limits, *this),
      held_(pool) {}

ClientStream& ClientConnection::NewStream(ResponseReceiver& receiver) {
  receiver_ = &receiver;
  meter_.Set(receiver.meter());
  response_ = Response::kHead;
  active_ = true;
  head_ = nullptr;
  informational_ = 0;
  request_ended_ = end_told_ = switching_ = held_end_ = until_close_ = send_blocked_ = false;
  return *this;
}

void ClientConnection::SendHead(const http::RequestHead& head, bool end) {
  if (receiver_ == nullptr) return;
  method_ = head.method_id;
  switching_ = !head.upgrade.empty() || method_ == http::Method::kConnect;
  Framing framing = Framing::kNone;
  int64_t length = http::kNoContentLength;
  if (switching_) {
    framing = Framing::kTunnel;
    upgrade_ = receiver_->arena().Copy(head.upgrade);
  } else if (head.content_length != http::kNoContentLength) {
    framing = Framing::kLength;
    length = head.content_length;
  } else if (!end) {
    framing = Framing::kChunked;
  } else if (AnnouncesEmptyBody(method_)) {
    length = 0;
  }
  const size_t before = link_.output().size();
  CountHeadSent(before, WriteRequestHead(link_.output(), head, framing, length, options_.names));
  body_.Begin(framing, length);
  if (switching_) {
    held_end_ = end;
    link_.OutputAdded();
  } else {
    AfterWrite(end ? body_.End(link_.output(), nullptr) : BodyWriter::State::kOpen);
  }
}

void ClientConnection::CountSent(size_t output_before) {
  if (meter_) meter_->wire_sent += link_.output().size() - output_before;
}

void ClientConnection::CountHeadSent(size_t output_before, size_t fields) {
  CountSent(output_before);
  if (!meter_) return;
  meter_->heads_sent += fields;
  meter_->texts_sent += fields;
}

bool ClientConnection::SendData(base::Slice data, bool end) {
  if (receiver_ == nullptr || request_ended_ || ending_ != Ending::kOpen) return true;
  if (switching_) {
    // Not before the peer has left HTTP (RFC 9110, 7.8): it would read this as a request.
    held_.Append(std::move(data));
    held_end_ = held_end_ || end;
    if (held_.size() <= options_.output_high_watermark) return true;
  } else {
    const size_t before = link_.output().size();
    const BodyWriter::State state = body_.Write(link_.output(), std::move(data), end);
    CountSent(before);
    AfterWrite(state);
    if (request_ended_ || link_.output().size() <= options_.output_high_watermark) return true;
  }
  send_blocked_ = true;
  return false;
}

void ClientConnection::SendTrailers(const http::HeaderMap& trailers) {
  if (receiver_ == nullptr || request_ended_ || ending_ != Ending::kOpen) return;
  if (switching_) {
    held_end_ = true;
    return;
  }
  const size_t before = link_.output().size();
  const BodyWriter::State state = body_.End(link_.output(), options_.limits.enable_trailers ? &trailers : nullptr);
  CountHeadSent(before, body_.TrailersIn(link_.output().size() - before));
  AfterWrite(state);
}

void ClientConnection::AfterWrite(BodyWriter::State state) {
  link_.OutputAdded();
  switch (state) {
    case BodyWriter::State::kOpen:
      break;
    case BodyWriter::State::kComplete:
      request_ended_ = true;
      if (body_.framing() == Framing::kTunnel) link_.EndOutput();
      if (response_ == Response::kDone) EndStream();
      break;
    case BodyWriter::State::kBroken:
      // The receiver is told by Abort().
      Close(Ending::kAbort);
      break;
  }
}

size_t ClientConnection::Receive(const base::Slice& data) {
  receiving_ = true;
  size_t taken = 0;
  while (taken < data.size() && !paused_) {
    switch (response_) {
      case Response::kNone:
        ReceiveUnexpected();
        [[fallthrough]];
      case Response::kDone:
        taken = data.size();
        break;
      case Response::kHead:
      case Response::kBody:
        taken += ReceiveMessage(data, taken);
        break;
      case Response::kTunnel: {
        base::Slice rest = data.Share(taken, data.size() - taken);
        taken = data.size();
        if (meter_) meter_->wire_received += rest.size();
        receiver_->OnData(std::move(rest), false);
        break;
      }
    }
  }
  receiving_ = false;
  TellStreamEnd();
  return taken;
}

void ClientConnection::ReceiveUnexpected() {
  if (ending_ != Ending::kOpen) return;
  Close(Ending::kClose);
  events_.OnConnectionError(kUnexpectedData);
  events_.OnCapacityChanged();
}

size_t ClientConnection::ReceiveMessage(const base::Slice& data, size_t offset) {
  if (head_ == nullptr) {
    base::Arena& arena = receiver_->arena();
    head_ = arena.New<http::ResponseHead>(arena);
    parser_.Begin(arena, head_->headers);
  }
  size_t taken = 0;
  const MessageParser::Result result = parser_.Parse(data, offset, taken);
  if (meter_) meter_->wire_received += taken;
  if (receiver_ == nullptr) return data.size() - offset;  // Reset() from within an event
  if (result == MessageParser::Result::kError) {
    FailStream(ResetReason::kProtocolError, parser_.error().detail);
    return data.size() - offset;
  }
  if (result != MessageParser::Result::kComplete) return taken;
  if (response_ == Response::kHead) {  // it was a 1xx
    head_ = nullptr;
  } else if (response_ == Response::kTunnel) {
    BeginTunnel();
  } else {
    // Bytes behind the response belong to nobody (RFC 9112, 9.2).
    if (offset + taken < data.size()) {
      reusable_ = false;
      events_.OnConnectionError(kUnexpectedData);
    }
    EndResponse();
  }
  return taken;
}

MessageEvents::Body ClientConnection::OnHeadComplete() {
  if (const uint64_t fields = parser_.TakeFieldBytes(); meter_) {
    meter_->heads_received += fields;
    meter_->texts_received += fields;
  }
  if (!ReadHead()) return Body::kError;
  http::ResponseHead& head = *head_;
  const ConnectionFields& fields = parser_.fields();
  if (head.status == 101) return OnSwitchHead();
  if (head.status < 200) return OnInformationalHead();
  if (method_ == http::Method::kConnect && head.status < 300) {
    head.headers.Remove(http::HeaderId::kContentLength);  // RFC 9110, 9.3.6
    response_ = Response::kTunnel;
    receiver_->OnResponseHead(head, false);
    return Body::kNone;
  }
  if (switching_) {
    // Refused: it was a request without a body.
    switching_ = false;
    request_ended_ = true;
    held_.Clear();
  }
  const bool no_body = http::HasNoBody(method_, head.status);
  const bool chunked = fields.transfer_encoding_fields > 0;
  if (head.status == 204) {
    head.headers.Remove(http::HeaderId::kContentLength);
  } else {
    head.content_length = fields.content_length;
  }
  body_left_ = no_body || chunked ? 0 : static_cast<uint64_t>(std::max<int64_t>(head.content_length, 0));
  until_close_ = !no_body && !chunked && head.content_length == http::kNoContentLength;
  const bool ends = !fields.KeepsAlive(head.version);
  if (ends) events_.OnCloseNotified();
  if (until_close_ || ends) reusable_ = false;
  end_told_ = no_body || (!chunked && !until_close_ && body_left_ == 0);
  response_ = Response::kBody;
  receiver_->OnResponseHead(head, end_told_);
  return no_body ? Body::kNone : Body::kAsFramed;
}

// What holds for every head of a response.
bool ClientConnection::ReadHead() {
  http::ResponseHead& head = *head_;
  ConnectionFields& fields = parser_.fields();
  const ConnectionFields::Coding coding = fields.TransferCoding();
  head.status = parser_.status();
  head.version = parser_.version();
  head.spelling = parser_.spelling();
  std::string_view detail;
  if (parser_.major_version() != 1 || head.status < 100 || head.status > 599) {
    detail = kCodecError;
  } else if (coding == ConnectionFields::Coding::kUnsupported || coding == ConnectionFields::Coding::kInvalid ||
             (coding == ConnectionFields::Coding::kChunked && head.version == http::Version::kHttp10)) {
    detail = "http1.invalid_transfer_encoding";
  } else if (coding == ConnectionFields::Coding::kChunked && fields.content_length != http::kNoContentLength) {
    detail = "http1.content_length_and_chunked_not_allowed";
  } else if (!fields.Finish(head.headers)) {
    detail = kCodecError;
  }
  if (detail.empty()) return true;
  parser_.Fail(502, detail);
  return false;
}

MessageEvents::Body ClientConnection::OnInformationalHead() {
  if (++informational_ > options_.max_informational) {
    events_.OnFlood(Flood::kInformational, true);
    parser_.Fail(502, "http1.too_many_informational");
    return Body::kError;
  }
  head_->headers.Remove(http::HeaderId::kContentLength);
  receiver_->OnInformational(*head_);
  return Body::kNone;
}

MessageEvents::Body ClientConnection::OnSwitchHead() {
  const ConnectionFields& fields = parser_.fields();
  // Only to what was asked for (RFC 9110, 15.2.2 and 7.8).
  if (!switching_ || upgrade_.empty() || !fields.connection_upgrade ||
      !http::EqualsIgnoreCase(fields.upgrade, upgrade_)) {
    parser_.Fail(502, "http1.unexpected_upgrade");
    return Body::kError;
  }
  head_->headers.Remove(http::HeaderId::kContentLength);
  head_->upgrade = fields.upgrade;
  response_ = Response::kTunnel;
  receiver_->OnResponseHead(*head_, false);
  return Body::kNone;
}

void ClientConnection::BeginTunnel() {
  reusable_ = false;
  switching_ = false;
  if (meter_) meter_->wire_sent += held_.size();
  link_.output().Append(held_);
  AfterWrite(held_end_ ? body_.End(link_.output(), nullptr) : BodyWriter::State::kOpen);
  if (std::exchange(send_blocked_, false) && !request_ended_) receiver_->OnSendReady();
}

void ClientConnection::OnBody(base::Slice data) {
  if (receiver_ == nullptr) return;
  if (body_left_ > 0) {
    body_left_ -= data.size();
    end_told_ = body_left_ == 0;
  }
  receiver_->OnData(std::move(data), end_told_);
}

void ClientConnection::OnMessageComplete() {
  if (receiver_ == nullptr || response_ != Response::kBody || end_told_) return;
  end_told_ = true;
  if (meter_) meter_->heads_received += parser_.TakeFieldBytes();
  if (http::HeaderMap* trailers = parser_.trailers(); trailers != nullptr) {
    receiver_->OnTrailers(*trailers);
  } else {
    receiver_->OnData({}, true);
  }
}

void ClientConnection::EndResponse() {
  response_ = Response::kDone;
  if (receiver_ == nullptr) return;
  if (request_ended_) {
    EndStream();
  } else {
    // An early answer: the rest of the request may still go out, but nobody is to wait for it again.
    reusable_ = false;
  }
}

void ClientConnection::EndStream() {
  receiver_ = nullptr;
  head_ = nullptr;
  response_ = Response::kNone;
  stream_end_due_ = true;
  if (paused_) ResumeReading();
  // Told at the end of the event or before the next write, never in a call from a receiver.
  if (!reusable_) {
    Close(Ending::kClose);
  } else if (!receiving_) {
    link_.OutputAdded();
  }
}

void ClientConnection::TellStreamEnd() {
  if (!stream_end_due_) return;
  stream_end_due_ = false;
  active_ = false;
  events_.OnStreamEnd();
}

void ClientConnection::FailStream(ResetReason reason, std::string_view detail) {
  ResponseReceiver* receiver = std::exchange(receiver_, nullptr);
  head_ = nullptr;
  response_ = Response::kDone;
  stream_end_due_ = true;
  Close(Ending::kAbort);
  receiver->OnReset(reason, detail);
}

void ClientConnection::ReceiveEnd() {
  reusable_ = false;
  if (receiver_ == nullptr) {
    if (ending_ == Ending::kOpen) {
      Close(Ending::kClose);
      if (!active_) events_.OnCapacityChanged();
    }
  } else if (response_ == Response::kTunnel || (response_ == Response::kBody && until_close_)) {
    end_told_ = true;
    receiver_->OnData({}, true);
    EndResponse();
  } else if (response_ != Response::kDone) {
    FailStream(ResetReason::kConnectionEnd, response_ == Response::kBody
                                                ? "connection ended within the response body"
                                            : head_ != nullptr ? "connection ended within the response head"
                                                               : "connection ended before the response");
  }
  TellStreamEnd();
}

void ClientConnection::Abort(std::string_view detail) {
  reusable_ = false;
  response_ = Response::kDone;
  ResponseReceiver* receiver = std::exchange(receiver_, nullptr);
  stream_end_due_ = active_;
  if (receiver != nullptr) receiver->OnReset(ResetReason::kConnectionEnd, detail);
  TellStreamEnd();
}

void ClientConnection::Reset(ResetReason) {
  if (receiver_ == nullptr) return;
  receiver_ = nullptr;
  head_ = nullptr;
  response_ = Response::kDone;
  stream_end_due_ = true;
  parser_.Pause();
  held_.Clear();
  link_.output().Clear();
  Close(Ending::kAbort);
}

void ClientConnection::OutputDrained() {
  if (!send_blocked_ || switching_) return;
  send_blocked_ = false;
  if (receiver_ != nullptr && !request_ended_) receiver_->OnSendReady();
}

void ClientConnection::PauseReading() {
  paused_ = true;
  parser_.Pause();
}

void ClientConnection::ResumeReading() {
  if (!paused_) return;
  paused_ = false;
  link_.ReadingResumed();
}

void ClientConnection::StartDrain() {
  reusable_ = false;
  if (!active_) Close(Ending::kClose);
}

void ClientConnection::Close(Ending ending) {
  if (ending_ == Ending::kOpen) ending_ = ending;
  reusable_ = false;
  paused_ = false;
  link_.OutputAdded();
}

}  // namespace pillion::codec::http1
