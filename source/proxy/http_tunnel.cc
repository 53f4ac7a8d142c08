#include "source/proxy/http_tunnel.h"

#include <utility>

#include "source/base/escape.h"
#include "source/config/priority.h"
#include "source/http/syntax.h"
#include "source/route/header_edits.h"
#include "source/upstream/pooled_connection.h"
#include "source/upstream/transport_choice.h"

namespace pillion::proxy {
namespace {

using telemetry::ResponseFlag;

void AppendNote(std::string& to, std::string_view name, std::string_view value) {
  to += to.empty() ? "{\"headers\":[{\"key\":" : ",{\"key\":";
  base::AppendJsonString(to, name);
  to += ",\"value\":";
  base::AppendJsonString(to, value);
  to += "}";
}

void AppendNotes(std::string& to, const http::HeaderMap& fields) {
  for (const http::HeaderField& field : fields) AppendNote(to, field.name(), field.value());
  to += to.empty() ? "{}" : "]}";
}

}  // namespace

HttpTunnel::HttpTunnel(const config::Tunneling& config, Owner& owner, codec::Link& downstream, size_t output_limit,
                       event::Worker& worker)
    : PoolWaiter(config::Priority::kDefault),
      config_(config),
      owner_(owner),
      downstream_(downstream),
      output_limit_(output_limit),
      arena_(worker.blocks()) {}

HttpTunnel::~HttpTunnel() { LetGo(); }

void HttpTunnel::MakeHead(bool secure, const telemetry::RequestRecord& record) {
  std::string scratch;
  head_ = arena_.New<http::RequestHead>(arena_);
  head_->method = config_.post ? "POST" : "CONNECT";
  head_->method_id = config_.post ? http::Method::kPost : http::Method::kConnect;
  head_->scheme = secure ? "https" : "http";
  head_->authority = arena_.Copy(config_.hostname.Evaluate(record, "", arena_, scratch));
  if (config_.post) head_->path = config_.post_path;
  route::ApplyHeaderEdits(config_.headers, record, head_->headers);
}

void HttpTunnel::Ask(upstream::Pool& pool, const telemetry::RequestRecord& record) {
  MakeHead(pool.host()->transport()->tls != nullptr, record);
  // What it is made of may be the client's.
  if (!http::IsAuthority(head_->authority)) return owner_.OnTunnelFailed(ResponseFlag::kUpstreamConnectionFailure);
  pool_ = &pool;
  state_ = State::kAsking;
  const upstream::Pool::Result result = pool.Request(*this);
  switch (result.kind) {
    case upstream::Pool::Result::kReady:
      return Open(*result.stream, *result.connection);
    case upstream::Pool::Result::kQueued:
      return;
    case upstream::Pool::Result::kOverflow:
      state_ = State::kIdle;
      return owner_.OnTunnelFailed(ResponseFlag::kUpstreamOverflow);
  }
}

void HttpTunnel::Open(codec::ClientStream& stream, upstream::PooledConnection& connection) {
  stream_ = &stream;
  http2_ = connection.protocol() == upstream::Protocol::kHttp2;
  stream.SendHead(*head_, false);
}

void HttpTunnel::OnPoolReady(codec::ClientStream& stream, upstream::PooledConnection& connection) {
  Open(stream, connection);
}

void HttpTunnel::OnPoolFailure(upstream::PoolFailure failure, int) {
  state_ = State::kIdle;
  owner_.OnTunnelFailed(failure == upstream::PoolFailure::kOverflow ? ResponseFlag::kUpstreamOverflow
                                                                    : ResponseFlag::kUpstreamConnectionFailure);
}

void HttpTunnel::OnResponseHead(http::ResponseHead& head, bool end) {
  if (config_.notes_headers) {
    headers_note_.clear();
    AppendNote(headers_note_, ":status", std::to_string(head.status));
    AppendNotes(headers_note_, head.headers);
  }
  // HTTP/1 knows any 2xx (RFC 9110, 9.3.6); Envoy takes only 200 of HTTP/2.
  const bool taken = http2_ ? head.status == 200 : head.status / 100 == 2;
  if (!taken || end) {
    LetGo();
    state_ = State::kIdle;
    return owner_.OnTunnelFailed(ResponseFlag::kUpstreamConnectionFailure);
  }
  state_ = State::kOpen;
  downstream_.ReadingResumed();
  owner_.OnTunnelOpen();
}

void HttpTunnel::OnData(base::Slice data, bool end) {
  base::Buffer& output = downstream_.output();
  output.Append(std::move(data));
  downstream_.OutputAdded();
  if (!end && output.size() >= output_limit_ && !std::exchange(upstream_paused_, true)) stream_->PauseReading();
  owner_.OnTunnelActivity();
  if (end) EndWrite();
}

void HttpTunnel::OnTrailers(http::HeaderMap& trailers) {
  if (config_.notes_trailers) {
    trailers_note_.clear();
    AppendNotes(trailers_note_, trailers);
  }
  EndWrite();
}

void HttpTunnel::EndWrite() {
  write_ended_ = true;
  downstream_.EndOutput();
  EndIfBothEnded();
}

void HttpTunnel::EndIfBothEnded() {
  if (!read_ended_ || !write_ended_) return;
  state_ = State::kOver;
  stream_ = nullptr;
  ReleaseStream();
  downstream_.OutputAdded();
}

void HttpTunnel::OnReset(codec::ResetReason, std::string_view) {
  stream_ = nullptr;
  ReleaseStream();
  if (state_ == State::kAsking) {
    state_ = State::kIdle;
    return owner_.OnTunnelFailed(ResponseFlag::kUpstreamConnectionFailure);
  }
  state_ = State::kOver;
  broken_ = !write_ended_;  // else the client has all, and only what it still sends is not wanted
  downstream_.OutputAdded();
}

void HttpTunnel::OnSendReady() {
  paused_ = false;
  downstream_.ReadingResumed();
}

size_t HttpTunnel::Receive(const base::Slice& data) {
  paused_ = !stream_->SendData(data.Share(), false);
  return data.size();
}

void HttpTunnel::ReceiveEnd() {
  read_ended_ = true;
  if (stream_ == nullptr) return;
  (void)stream_->SendData({}, true);
  EndIfBothEnded();
}

void HttpTunnel::OutputDrained() {
  if (stream_ != nullptr && std::exchange(upstream_paused_, false)) stream_->ResumeReading();
}

codec::Ending HttpTunnel::ending() const {
  if (broken_) return codec::Ending::kAbort;
  return state_ == State::kOver ? codec::Ending::kClose : codec::Ending::kOpen;
}

void HttpTunnel::Abort(std::string_view) {
  LetGo();
  state_ = State::kOver;
}

void HttpTunnel::LetGo() {
  if (state_ == State::kAsking && stream_ == nullptr) pool_->Cancel(*this);
  if (stream_ == nullptr) return;
  std::exchange(stream_, nullptr)->Reset(codec::ResetReason::kCancel);
  ReleaseStream();
}

void HttpTunnel::CopyNotes(base::Arena& arena, metadata::FilterState& to) const {
  const auto note = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) to.Set(arena, name, text, true, text);
  };
  note("envoy.tcp_proxy.propagate_response_headers", headers_note_);
  note("envoy.tcp_proxy.propagate_response_trailers", trailers_note_);
}

}  // namespace pillion::proxy
