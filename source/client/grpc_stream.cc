#include "source/client/grpc_stream.h"

#include <cstring>
#include <utility>

#include "source/http/grpc_timeout.h"
#include "source/upstream/connect_options.h"
#include "source/upstream/http2_options.h"
#include "source/upstream/tls.h"

namespace pillion::client {
namespace {

using codec::grpc::Code;
using codec::grpc::Status;

constexpr size_t kOutputLimit = 256 * 1024;
constexpr size_t kPiece = 16 * 1024;  // of a message, in a block
constexpr base::Duration kConnectTimeout = std::chrono::seconds(5);

// Of subscriptions, where the cluster says nothing else: a server that has vanished without a word is missed within a
// minute by the system, and one that hangs, or that something between hides, by PINGs. Of these gRPC's servers end
// connections that see more than one in five minutes without data.
constexpr net::TcpKeepaliveOptions kTcpKeepalive{.probes = 3, .time_s = 30, .interval_s = 10};
constexpr net::KeepaliveTimes kPings{.interval = std::chrono::seconds(310), .timeout = std::chrono::seconds(20)};

std::unique_ptr<const net::ConnectOptions> OptionsOf(const Target& target, bool subscription) {
  std::optional<net::ConnectOptions> options;
  if (target.cluster != nullptr) options = upstream::ConnectOptionsOf(*target.cluster);
  if (subscription) {
    if (!options) options.emplace();
    if (!options->keepalive) options->keepalive = kTcpKeepalive;
  }
  return options ? std::make_unique<const net::ConnectOptions>(*std::move(options)) : nullptr;
}

// Nothing: it is not asked.
std::optional<net::KeepaliveTimes> PingsOf(const Target& target, bool subscription) {
  if (target.cluster != nullptr && target.cluster->http.http2.keepalive) {
    const config::KeepaliveOptions& options = *target.cluster->http.http2.keepalive;
    return net::KeepaliveTimes{.interval = options.interval,
                               .timeout = options.timeout,
                               .jitter_percent = options.interval_jitter_percent,
                               .idle_interval = options.connection_idle_interval};
  }
  return subscription ? std::optional(kPings) : std::nullopt;
}

codec::http2::Options Http2OptionsOf(const Target& target) {
  if (target.cluster == nullptr) return {};
  const config::UpstreamHttp& http = target.cluster->http;
  return upstream::Http2Options(http.http2, http.options, kOutputLimit);
}

std::string_view ReasonText(codec::ResetReason reason) {
  switch (reason) {
    case codec::ResetReason::kRefused:
      return "the stream was refused";
    case codec::ResetReason::kConnectionEnd:
      return "the connection ended";
    case codec::ResetReason::kProtocolError:
      return "the answer broke the protocol";
    default:
      return "the stream was reset";
  }
}

}  // namespace

GrpcStream::GrpcStream(const ThreadParts& thread, const Target& target, GrpcRequest request, Callbacks callbacks)
    : thread_(thread),
      target_(target),
      request_(std::move(request)),
      callbacks_(std::move(callbacks)),
      connect_options_(OptionsOf(target_, request_.subscription)),
      http2_options_(Http2OptionsOf(target_)),
      arena_(thread.worker.blocks()),
      random_(static_cast<uint64_t>(thread.worker.now().time_since_epoch().count())),
      connection_(thread.worker,
                  upstream::WrapUncounted(target_.tls.get(), target_.proxy_version, target_.hostname,
                                          upstream::Protocol::kHttp2, thread.worker,
                                          net::ConnectToHost(thread.worker, thread.connector, target_.address,
                                                             target_.addresses, connect_options_.get())),
                  *this, {.output_limit = kOutputLimit}),
      codec_(connection_, *this, thread.worker.blocks(), thread.http2_memory, http2_options_),
      connect_timer_(this,
                     [](void* self) {
                       static_cast<GrpcStream*>(self)->Over(
                           Status{Code::kUnavailable, static_cast<GrpcStream*>(self)->target_.address.text() +
                                                          ": no connection within the connect timeout"});
                     }),
      timer_(this,
             [](void* self) {
               static_cast<GrpcStream*>(self)->Over(Status{Code::kDeadlineExceeded, "no end within the timeout"});
             }),
      reader_(request_.max_message) {
  connection_.set_codec(codec_);
}

void GrpcStream::Start() {
  thread_.worker.SetTimer(connect_timer_, target_.cluster == nullptr ? kConnectTimeout : target_.cluster->connect_timeout);
  if (request_.timeout > base::Duration::zero()) thread_.worker.SetTimer(timer_, request_.timeout);
  connection_.Start(true);
}

void GrpcStream::OnConnected() {
  if (state_ == State::kOver) return;
  state_ = State::kOpen;
  connect_timer_.Cancel();
  if (const std::optional<net::KeepaliveTimes> pings = PingsOf(target_, request_.subscription)) {
    keepalive_.emplace(thread_.worker, connection_, codec_, random_, *pings,
                       [this] { Over(Status{Code::kUnavailable, "no answer to a PING"}); });
  }
  SendHead();
  SendWaiting();
  if (state_ == State::kOpen) callbacks_.on_open();
}

// Texts are the request's, the target's or the arena's, all of which stay.
void GrpcStream::SendHead() {
  http::RequestHead& head = *arena_.New<http::RequestHead>(arena_);
  head.scheme = target_.tls != nullptr ? "https" : "http";
  head.authority = target_.authority;
  head.version = http::Version::kHttp2;
  head.method = "POST";
  head.method_id = http::Method::kPost;
  head.path = request_.path;
  head.headers.Add(http::HeaderId::kContentType, "application/grpc");
  head.headers.Add(http::HeaderId::kTe, "trailers");
  head.headers.Add(http::HeaderId::kUserAgent, "grpc-pillion");
  if (request_.timeout > base::Duration::zero()) {
    head.headers.Add(http::HeaderId::kGrpcTimeout, http::GrpcTimeoutText(request_.timeout, arena_));
  }
  for (const auto& [name, value] : request_.metadata) head.headers.Add(name, value);
  stream_ = &codec_.NewStream(*this);
  stream_->SendHead(head, false);
}

void GrpcStream::Send(std::string_view message, bool last) {
  waiting_.push_back({codec::grpc::Frame(message), last});
  waiting_bytes_ += waiting_.back().framed.size();
  SendWaiting();
  if (waiting_bytes_ > kMostWaiting) {
    Over(Status{Code::kResourceExhausted, "more than 64 MiB that the server does not read"});
  }
}

void GrpcStream::SendWaiting() {
  while (stream_ != nullptr && !send_blocked_ && !waiting_.empty()) {
    Outgoing& next = waiting_.front();
    const std::string_view piece = std::string_view(next.framed).substr(next.sent, kPiece);
    next.sent += piece.size();
    const bool whole = next.sent == next.framed.size();
    const bool last = whole && next.last;
    base::Slice slice = base::Slice::Copy(thread_.worker.blocks(), piece);
    waiting_bytes_ -= piece.size();
    if (whole) waiting_.pop_front();
    send_blocked_ = !stream_->SendData(std::move(slice), last);
  }
}

void GrpcStream::OnSendReady() {
  send_blocked_ = false;
  SendWaiting();
}

void GrpcStream::OnResponseHead(http::ResponseHead& head, bool end) {
  http_status_ = head.status;
  if (end || head.status != 200) {
    Finish(codec::grpc::StatusOf(head.headers, head.status));
  } else if (!http::IsGrpc(head.headers)) {
    Finish({Code::kUnknown, "content-type \"" + std::string(head.headers.Get(http::HeaderId::kContentType).substr(0, 64)) +
                                "\", expected application/grpc"});
  }
}

void GrpcStream::OnData(base::Slice data, bool end) {
  if (status_) return;
  reader_.Append(data.view());
  if (!end) return Deliver();
  Finish({Code::kInternal, "the answer ended without a grpc-status"});
}

void GrpcStream::OnTrailers(http::HeaderMap& trailers) { Finish(codec::grpc::StatusOf(trailers, http_status_)); }

void GrpcStream::OnReset(codec::ResetReason reason, std::string_view detail) {
  stream_ = nullptr;
  const bool may_go_elsewhere = reason == codec::ResetReason::kRefused || reason == codec::ResetReason::kConnectionEnd;
  std::string text(ReasonText(reason));
  if (!connection_error_.empty()) text += ": " + connection_error_;
  if (!detail.empty()) text += ": " + std::string(detail);
  Finish({may_go_elsewhere ? Code::kUnavailable : Code::kInternal, std::move(text)});
}

void GrpcStream::Finish(Status status) {
  if (status_ || state_ == State::kOver) return;
  status_ = std::move(status);
  Deliver();
}

void GrpcStream::Taken() {
  handed_on_ = false;
  Deliver();
  if (stream_ != nullptr && !handed_on_) stream_->ResumeReading();
}

void GrpcStream::Deliver() {
  if (handed_on_ || state_ == State::kOver) return;
  std::optional<std::string> message = reader_.Next();
  if (message) {
    handed_on_ = true;
    if (stream_ != nullptr) stream_->PauseReading();
    callbacks_.on_message(*std::move(message));
    return;
  }
  switch (reader_.error()) {
    case codec::grpc::MessageReader::Error::kNone:
      break;
    case codec::grpc::MessageReader::Error::kCompressed:
      return Over(Status{Code::kInternal, "a compressed message, but no compression was offered"});
    case codec::grpc::MessageReader::Error::kTooLong:
      return Over(Status{Code::kResourceExhausted,
                         "a message of " + std::to_string(reader_.too_long()) + " bytes, expected " +
                             std::to_string(request_.max_message) + " at most" +
                             (request_.limit_name.empty() ? "" : " (" + request_.limit_name + ")")});
  }
  if (!status_) return;
  if (status_->ok() && reader_.partial()) status_ = Status{Code::kInternal, "the last message was cut off"};
  Over(*status_);
}

void GrpcStream::Over(std::optional<Status> status) {
  if (state_ == State::kOver) return;
  state_ = State::kOver;
  stream_ = nullptr;
  connect_timer_.Cancel();
  timer_.Cancel();
  connection_.Close();  // the keepalive, which may have called, goes with the rest
  if (status) callbacks_.on_end(*status);
}

void GrpcStream::OnClosed(net::CloseReason, int error) {
  if (state_ == State::kConnecting) {
    std::string text = target_.address.text() + ": ";
    const std::string_view failure = connection_.transport().failure();
    text += !failure.empty() ? std::string(failure) : error != 0 ? std::strerror(error) : "no connection";
    Over(Status{Code::kUnavailable, std::move(text)});
  } else if (state_ == State::kOpen) {
    // The codec has told of the stream, unless it had none left; messages that wait for the last one are given up.
    Over(status_ ? *status_ : Status{Code::kUnavailable, "the connection ended"});
  }
  thread_.worker.Dispose(*this);
}

}  // namespace pillion::client
