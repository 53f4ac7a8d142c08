#include "source/proxy/forwarding.h"
#include "source/proxy/local_reply.h"
#include "source/proxy/stream.h"

// The response's half of the stream: from upstream, or made here, to downstream.

namespace pillion::proxy {

using telemetry::ResponseFlag;

// --- from upstream -----------------------------------------------------------------------------------------------

void Stream::OnUpstreamOpen() {
  bool room = true;
  StartTryTimeouts();
  const bool complete = request_state_ == RequestState::kComplete;
  while (!waiting_body_.empty()) {
    base::Slice data = waiting_body_.TakeFront();
    const bool last = complete && waiting_body_.empty() && request_trailers_ == nullptr;
    room = upstream_->SendData(std::move(data), last);
  }
  if (!has_body_) {
    // The head was all.
  } else if (complete && request_trailers_ != nullptr) {
    upstream_->SendTrailers(*request_trailers_);
  } else if (complete && !upstream_->request_ended()) {
    room = upstream_->SendData(base::Slice(), true);
  }
  if (reading_paused_ && room) OnUpstreamSendReady();
  ArmTimer();
}

void Stream::OnUpstreamSendReady() {
  if (finished_ || !reading_paused_) return;
  reading_paused_ = false;
  manager().stats.downstream_flow_control_resumed_reading_total.Increment();
  if (downstream_ != nullptr && request_state_ != RequestState::kComplete) downstream_->ResumeReading();
}

void Stream::OnUpstreamInformational(http::ResponseHead& head) {
  TouchIdle();
  // A 100 that nobody waits for is not passed on (RFC 9110, 15.2): ours was sent already.
  const bool wanted = head.status != 100 || manager().manager.config().proxy_100_continue;
  if (wanted && response_state_ == ResponseState::kNone) downstream_->SendInformational(head);
}

void Stream::OnUpstreamHead(http::ResponseHead& head, bool end) {
  TouchIdle();
  try_deadline_ = {};
  TouchTry();
  if (tunnel_ && head.status != 101) {
    // Refused: an ordinary answer, and what follows the request's head is not ours to pass on.
    tunnel_ = false;
    request_state_ = RequestState::kComplete;
  }
  if (tunnel_) {
    route_deadline_ = try_idle_deadline_ = {};
    manager().stats.downstream_cx_upgrades_total.Increment();
    manager().stats.downstream_cx_upgrades_active.Increment();
    counted_upgrade_ = true;
  }
  AddServiceTime(head, manager().manager.config(), context().worker.now() - upstream_->head_sent());
  PrepareResponse(head, manager().manager.config(), context());
  details_ = "via_upstream";
  SendHead(head, end);
  if (end) CompleteResponse();
}

void Stream::OnUpstreamData(base::Slice data, bool end) {
  TouchIdle();
  TouchTry();
  response_bytes_ += data.size();
  if (!downstream_->SendData(std::move(data), end) && !end) {
    upstream_paused_ = true;
    upstream_->PauseReading();
  }
  if (end) CompleteResponse();
}

void Stream::OnUpstreamTrailers(http::HeaderMap& trailers) {
  response_trailers_ = &trailers;
  downstream_->SendTrailers(trailers);
  CompleteResponse();
}

void Stream::OnUpstreamFailure(const UpstreamFailure& failure) {
  try_deadline_ = try_idle_deadline_ = {};
  if (RetryAfter(failure)) return;
  if (response_state_ == ResponseState::kNone) {
    overloaded_ = failure.overloaded;
    SendLocalReply(failure.status, failure.body, failure.flag, failure.details);
  } else {
    flags_.Set(failure.flag);
    BreakResponse(failure.details);
  }
}

// --- to downstream -----------------------------------------------------------------------------------------------

void Stream::SendLocalReply(int status, std::string_view body, ResponseFlag flag, std::string_view details,
                            int grpc_status) {
  if (flag != ResponseFlag::kCount) flags_.Set(flag);
  if (response_state_ != ResponseState::kNone) {
    BreakResponse(details);
    return;
  }
  details_ = details;
  tunnel_ = false;  // there will be none
  if (upstream_ != nullptr) upstream_->Cancel();
  LocalReply reply = MakeLocalReply(arena_, status, body, is_grpc_, grpc_status);
  if (overloaded_) reply.head->headers.Add(http::HeaderId::kXEnvoyOverloaded, "true");
  PrepareResponse(*reply.head, manager().manager.config(), context());
  const bool no_body = reply.body.empty() || (request_ != nullptr && request_->method_id == http::Method::kHead);
  SendHead(*reply.head, no_body);
  if (!no_body) {
    constexpr size_t kPiece = 16000;
    for (std::string_view left = reply.body; !left.empty();) {
      const std::string_view piece = left.substr(0, kPiece);
      left.remove_prefix(piece.size());
      response_bytes_ += piece.size();
      // Bounded by the configuration, so it need not wait for room.
      [[maybe_unused]] const bool room =
          downstream_->SendData(base::Slice::Copy(context().worker.blocks(), piece), left.empty());
    }
  }
  CompleteResponse();
}

void Stream::SendHead(http::ResponseHead& head, bool end) {
  response_ = &head;
  response_state_ = ResponseState::kHead;
  response_started_ = context().worker.now();
  manager().stats.CountStatus(head.status);
  downstream_->SendHead(head, end);
}

void Stream::CompleteResponse() {
  response_state_ = ResponseState::kComplete;
  if (request_state_ == RequestState::kComplete) {
    Finish();
    return;
  }
  if (tunnel_) return;  // the other direction goes on
  manager().stats.downstream_rq_response_before_rq_complete.Increment();
  downstream_->Reset(codec::ResetReason::kNoError);
  Finish();
}

void Stream::BreakResponse(std::string_view details) {
  details_ = details;
  manager().stats.rq_reset_after_downstream_response_started.Increment();
  manager().stats.downstream_rq_tx_reset.Increment();
  downstream_->Reset(codec::ResetReason::kInternalError);
  Finish();
}

}  // namespace pillion::proxy
