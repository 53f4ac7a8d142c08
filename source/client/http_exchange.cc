#include "source/client/http_exchange.h"

#include <cstring>
#include <utility>

#include "source/upstream/connect_options.h"
#include "source/upstream/tls.h"

namespace pillion::client {
namespace {

constexpr size_t kPiece = 16 * 1024;  // of a body, in a block

std::unique_ptr<const net::ConnectOptions> OptionsOf(const config::Cluster& cluster) {
  std::optional<net::ConnectOptions> options = upstream::ConnectOptionsOf(cluster);
  return options ? std::make_unique<const net::ConnectOptions>(*std::move(options)) : nullptr;
}

}  // namespace

HttpExchange::HttpExchange(const ThreadParts& thread, const Target& target, HttpRequest request, HttpCaller::Done done)
    : thread_(thread),
      target_(target),
      request_(std::move(request)),
      done_(std::move(done)),
      http2_(target_.cluster->http.protocol == config::UpstreamHttp::Protocol::kHttp2),
      connect_options_(OptionsOf(*target_.cluster)),
      codecs_(*target_.cluster, thread.worker.blocks(), thread.http2_memory),
      arena_(thread.worker.blocks()),
      connection_(thread.worker,
                  upstream::WrapUncounted(target_.tls.get(), target_.proxy_version, target_.hostname,
                                          http2_ ? upstream::Protocol::kHttp2 : upstream::Protocol::kHttp1, thread.worker,
                                          net::ConnectToHost(thread.worker, thread.connector, target_.address,
                                                             target_.addresses, connect_options_.get())),
                  *this, {.output_limit = upstream::OutputLimit(*target_.cluster)}),
      codec_(codecs_.Make(http2_ ? upstream::Protocol::kHttp2 : upstream::Protocol::kHttp1, connection_, *this)),
      timer_(this, [](void* self) { static_cast<HttpExchange*>(self)->Fail("no end within the timeout"); }) {
  connection_.set_codec(*codec_);
}

void HttpExchange::Start() {
  thread_.worker.SetTimer(timer_, request_.timeout);
  connection_.Start(true);
}

void HttpExchange::OnConnected() {
  if (state_ == State::kOver) return;
  state_ = State::kOpen;
  SendHead();
  SendBody();
}

// Texts are the request's, the target's or the arena's, all of which stay.
void HttpExchange::SendHead() {
  http::RequestHead& head = *arena_.New<http::RequestHead>(arena_);
  head.scheme = target_.tls != nullptr ? "https" : "http";
  head.authority = target_.authority;
  head.version = http2_ ? http::Version::kHttp2 : http::Version::kHttp11;
  head.method = request_.method;
  head.method_id = http::FindMethod(head.method);
  head.path = request_.path;
  for (const auto& [name, value] : request_.headers) head.headers.Add(name, value);
  head.content_length = static_cast<int64_t>(request_.body.size());
  head.headers.Add(http::HeaderId::kContentLength, arena_.Copy(std::to_string(request_.body.size())));
  stream_ = &codec_->NewStream(*this);
  stream_->SendHead(head, request_.body.empty());
}

void HttpExchange::SendBody() {
  while (stream_ != nullptr && sent_ < request_.body.size()) {
    const std::string_view piece = std::string_view(request_.body).substr(sent_, kPiece);
    sent_ += piece.size();
    if (!stream_->SendData(base::Slice::Copy(thread_.worker.blocks(), piece), sent_ == request_.body.size())) return;
  }
}

void HttpExchange::OnSendReady() { SendBody(); }

void HttpExchange::OnResponseHead(http::ResponseHead& head, bool end) {
  answer_.status = head.status;
  answer_.encoding = head.headers.Get(http::HeaderId::kContentEncoding);
  if (end) End();
}

void HttpExchange::OnData(base::Slice data, bool end) {
  if (state_ != State::kOpen) return;
  if (data.size() > request_.max_answer - answer_.body.size()) {
    return Fail("an answer of more than " + std::to_string(request_.max_answer) + " bytes");
  }
  answer_.body += data.view();
  if (end) End();
}

void HttpExchange::OnReset(codec::ResetReason, std::string_view detail) {
  stream_ = nullptr;
  std::string why = "the answer was cut off";
  if (!connection_error_.empty()) why += ": " + connection_error_;
  if (!detail.empty()) why += ": " + std::string(detail);
  Fail(std::move(why));
}

void HttpExchange::Fail(std::string why) {
  Over(absl::UnavailableError(target_.address.text() + ": " + std::move(why)));
}

void HttpExchange::Over(std::optional<absl::StatusOr<HttpAnswer>> answer) {
  if (state_ == State::kOver) return;
  state_ = State::kOver;
  stream_ = nullptr;
  timer_.Cancel();
  connection_.Close();
  if (answer) done_(*std::move(answer));
}

void HttpExchange::OnClosed(net::CloseReason, int error) {
  const std::string_view failure = connection_.transport().failure();
  Fail(!failure.empty() ? std::string(failure) : error != 0 ? std::strerror(error) : "no connection");
  thread_.worker.Dispose(*this);
}

}  // namespace pillion::client
