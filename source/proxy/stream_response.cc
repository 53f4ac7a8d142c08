#include "source/http/status.h"
#include "source/overload/state.h"
#include "source/proxy/forwarding.h"
#include "source/proxy/local_reply.h"
#include "source/proxy/stream.h"
#include "source/route/header_edits.h"

// The response's half of the stream: from upstream, or made here, to downstream.

namespace pillion::proxy {

using telemetry::ResponseFlag;

namespace {

// RFC 9110, 7.8 and 9.3.6.
bool OpensTunnel(const http::RequestHead& request, const http::ResponseHead& response) {
  if (request.method_id == http::Method::kConnect) return response.status >= 200 && response.status < 300;
  return response.status == 101;
}

}  // namespace

// --- from upstream -----------------------------------------------------------------------------------------------

void Stream::OnUpstreamSendReady() {
  if ((request_paused_ & kOtherSide) == 0) return;
  manager().stats.downstream_flow_control_resumed_reading_total.Increment();
  ResumeRequest(kOtherSide);
}

void Stream::OnUpstreamInformational(http::ResponseHead& head) {
  TouchIdle();
  if (hedged_) [[unlikely]] return;  // who knows whose answer follows
  // A 100 that nobody waits for is not passed on (RFC 9110, 15.2): ours was sent already.
  const bool wanted = head.status != 100 || manager().manager.config().proxy_100_continue;
  if (wanted && response_state_ == ResponseState::kNone) downstream_->SendInformational(head);
}

void Stream::OnUpstreamHead(UpstreamRequest& attempt, http::ResponseHead& head, bool end) {
  TouchIdle();
  if (hedged_) [[unlikely]] TakeAnswerOf(attempt);
  try_deadline_ = {};
  TouchTry();
  if (tunnel_ && !OpensTunnel(*request_, head)) {
    // Refused: an ordinary answer, and what follows the request's head is not ours to pass on.
    tunnel_ = false;
    request_state_ = RequestState::kComplete;
    if (request_->version == http::Version::kHttp2 && head.status < 300) {
      // To a client of HTTP/2 this would be the switch (RFC 8441, 5).
      SendLocalReply(502, "", ResponseFlag::kUpstreamProtocolError, "upgrade_not_switched");
      return;
    }
  }
  if (tunnel_) {
    route_deadline_ = try_idle_deadline_ = {};
    manager().stats.downstream_cx_upgrades_total.Increment();
    manager().stats.downstream_cx_upgrades_active.Increment();
    counted_upgrade_ = true;
  }
  AddServiceTime(head, manager().manager.config(), context().worker.now() - upstream_->head_sent());
  details_ = "via_upstream";
  EditResponseHead(head);
  response_begun_ = true;
  replay_body_.Clear();
  if (chain_ != nullptr) {
    chain_->response().TakeHead(head, end);
  } else {
    OnResponseHeadPassed(head, end);
  }
}

void Stream::OnResponseHeadPassed(http::ResponseHead& head, bool end) {
  PrepareResponse(head, manager().manager.config(), context());
  // Who forces a trace wants to find it.
  if (request_ != nullptr && (manager().manager.config().request_id_in_response ||
                              request_->headers.Has(http::HeaderId::kXEnvoyForceTrace))) {
    const std::string_view id = request_->headers.Get(http::HeaderId::kXRequestId);
    if (!id.empty()) head.headers.Set(http::HeaderId::kXRequestId, id);
  }
  SendHead(head, end);
  if (end) CompleteResponse();
}

void Stream::OnUpstreamData(base::Slice data, bool end) {
  TouchIdle();
  TouchTry();
  if (chain_ != nullptr) {
    chain_->response().TakeData(std::move(data), end);
  } else {
    OnResponseDataPassed(std::move(data), end);
  }
}

void Stream::OnResponseDataPassed(base::Slice data, bool end) {
  response_bytes_ += data.size();
  if (!downstream_->SendData(std::move(data), end) && !end) PauseResponse(kOtherSide);
  if (end) CompleteResponse();
}

void Stream::OnUpstreamTrailers(http::HeaderMap& trailers) {
  response_trailers_ = &trailers;
  if (chain_ != nullptr) {
    chain_->response().TakeTrailers(trailers);
  } else {
    OnResponseTrailersPassed(trailers);
  }
}

void Stream::OnResponseTrailersPassed(http::HeaderMap& trailers) {
  downstream_->SendTrailers(trailers);
  CompleteResponse();
}

void Stream::PauseResponse(Reason reason) {
  if (response_paused_ == 0 && upstream_ != nullptr) upstream_->PauseReading();
  response_paused_ |= reason;
}

void Stream::ResumeResponse(Reason reason) {
  if (finished_ || (response_paused_ & reason) == 0) return;
  response_paused_ &= ~reason;
  if (response_paused_ == 0 && upstream_ != nullptr && upstream_->is_open()) upstream_->ResumeReading();
}

// --- to downstream -----------------------------------------------------------------------------------------------

void Stream::SendLocalReply(int status, std::string_view body, ResponseFlag flag, std::string_view details,
                            int grpc_status) {
  SendReply({.status = status, .body = body, .flag = flag, .details = details, .grpc_status = grpc_status});
}

void Stream::SendReply(const filter::Reply& reply) {
  if (reply.flag != ResponseFlag::kCount) flags_.Set(reply.flag);
  if (response_state_ != ResponseState::kNone) {
    // An answer of a known length that ends early would be taken for a whole one, as would one whose trailers are dropped.
    const bool trailers = request_->version == http::Version::kHttp2 || manager().manager.config().http1.enable_trailers;
    const bool open = response_state_ == ResponseState::kHead && response_->content_length < 0;
    if (reply.grpc_trailers && is_grpc_ && trailers && open) {
      EndGrpcCall(reply);
    } else {
      BreakResponse(reply.details);
    }
    return;
  }
  details_ = reply.details;
  tunnel_ = false;  // there will be none
  CancelAttempts();
  // Nothing else is waited for any more. A filter that holds the reply has the idle timeout.
  retry_timer_.Cancel();
  head_deadline_ = request_deadline_ = route_deadline_ = try_deadline_ = try_idle_deadline_ = duration_deadline_ = {};
  TouchIdle();
  ReplyDraft draft{.status = reply.status, .body = reply.body};
  if (!reply_type_.empty()) draft.content_type = reply_type_;
  telemetry::RequestRecord record;
  const config::LocalReplies& replies = manager().manager.config().local_replies;
  if (!replies.empty()) [[unlikely]] {
    Describe(record);
    MapReply(replies, record, arena_, draft);
  }
  // What is added first, as Envoy has it; then the answer's own fields, as far as nobody gave it others.
  auto* const head = arena_.New<http::ResponseHead>(arena_);
  head->status = is_grpc_ ? 200 : draft.status;
  for (const auto& [name, value] : reply.headers) head->headers.Add(name, value);
  if (overloaded_ && !manager().manager.config().router.suppress_envoy_headers) {
    head->headers.Add(http::HeaderId::kXEnvoyOverloaded, "true");
  }
  if (routed_) EditResponseHead(*head);
  if (draft.headers != nullptr) route::ApplyHeaderEdits(*draft.headers, record, head->headers);
  const LocalReply local =
      FinishLocalReply(*head, draft.status, draft.body, draft.content_type, is_grpc_, reply.grpc_status);
  const bool no_body = local.body.empty() || (request_ != nullptr && request_->method_id == http::Method::kHead);
  // A response that the filters have seen the head of is dropped: they do not see another.
  if (chain_ != nullptr) chain_->request().Close();
  if (chain_ != nullptr && response_begun_) chain_->response().Close();
  const bool filtered = chain_ != nullptr && !response_begun_;
  response_begun_ = true;
  if (filtered) {
    chain_->response().TakeHead(*local.head, no_body);
  } else {
    OnResponseHeadPassed(*local.head, no_body);
  }
  constexpr size_t kPiece = 16000;
  for (std::string_view left = no_body ? "" : local.body; !left.empty() && !finished_;) {
    const std::string_view piece = left.substr(0, kPiece);
    left.remove_prefix(piece.size());
    base::Slice data = base::Slice::Copy(context().worker.blocks(), piece);
    // Bounded by the configuration, so it need not wait for room.
    if (filtered) {
      chain_->response().TakeData(std::move(data), left.empty());
    } else {
      OnResponseDataPassed(std::move(data), left.empty());
    }
  }
  ArmTimer();
}

// Past the filters, which are done with the answer: theirs are the trailers that upstream would have sent.
void Stream::EndGrpcCall(const filter::Reply& reply) {
  details_ = reply.details;
  CancelAttempts();
  if (chain_ != nullptr) {
    chain_->request().Close();
    chain_->response().Close();
  }
  auto* const trailers = arena_.New<http::HeaderMap>(arena_);
  AddGrpcStatus(*trailers, reply.grpc_status < 0 ? http::GrpcStatusOf(reply.status) : reply.grpc_status, reply.body);
  response_trailers_ = trailers;
  OnResponseTrailersPassed(*trailers);
}

void Stream::SendHead(http::ResponseHead& head, bool end) {
  response_ = &head;
  response_state_ = ResponseState::kHead;
  if (const overload::State* const overload = manager().overload; overload != nullptr) [[unlikely]] {
    if (overload->Acts(config::OverloadEffect::kDisableKeepalive, random())) connection_.DisableKeepalive();
  }
  response_started_ = context().worker.now();
  if (!health_check_) manager().stats.CountStatus(head.status);
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

// --- what became of it -------------------------------------------------------------------------------------------

void Stream::CountTraffic(stats::Traffic& traffic) const {
  if (health_check_) return;
  traffic.requests.Increment();
  if (FailedForServer()) traffic.errors.Increment();
  if (flags_.Has(ResponseFlag::kUpstreamOverflow)) traffic.overflows.Increment();
  if (tunnel_) return;  // how long one lasts says nothing of who answers
  const base::Duration took = manager_->context.worker.now() - started_;
  traffic.milliseconds.Record(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

bool Stream::FailedForServer() const {
  const bool client_ended = flags_.Has(ResponseFlag::kDownstreamConnectionTermination) ||
                            flags_.Has(ResponseFlag::kDownstreamRemoteReset) ||
                            flags_.Has(ResponseFlag::kDownstreamProtocolError);
  if (response_ == nullptr) return !client_ended;
  if (response_->status >= 500 || flags_.Has(ResponseFlag::kNoRouteFound)) return true;
  if (response_state_ != ResponseState::kComplete && !client_ended) return true;
  if (!is_grpc_) return false;
  const std::string_view status = GrpcStatus();
  // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the others are the caller's fault.
  return status == "2" || status == "4" || status == "12" || status == "13" || status == "14" || status == "15";
}

std::string_view Stream::GrpcStatus() const {
  const std::string_view status = response_->headers.Get(http::HeaderId::kGrpcStatus);
  if (!status.empty() || response_trailers_ == nullptr) return status;
  return response_trailers_->Get(http::HeaderId::kGrpcStatus);
}

Mirror::OwnAnswer Stream::OwnAnswer() const {
  if (response_state_ != ResponseState::kComplete) return {};
  return {response_->status, is_grpc_ ? GrpcStatusNumber(GrpcStatus()) : -1, response_started_};
}

}  // namespace pillion::proxy
