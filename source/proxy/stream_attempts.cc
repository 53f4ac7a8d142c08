#include "source/proxy/stream.h"

// The stream's attempts to have its request answered: one after the other, or, where it hedges, a late one beside the next.
//
// Hedging: all attempts but the newest are late, open or over; only the newest, or the back-off before the next, can lead to
// another one. The first answer that is not to be tried again is taken, and what else there is ends. A bad one, or none, is
// passed over as long as something better may come.

namespace pillion::proxy {

using telemetry::ResponseFlag;

void Stream::StartAttempt() {
  upstream_ = newest_ = new (arena_.Allocate(sizeof(UpstreamRequest), alignof(UpstreamRequest))) UpstreamRequest(
      *this, *destination_.cluster, route_->priority, attempts() + 1, newest_);
  const uint32_t number = newest_->number();
  if (const std::optional<UpstreamFailure> failure = upstream_->Start(!has_body_)) {
    OnUpstreamFailure(*upstream_, *failure);
  } else if (upstream_->is_open()) {
    StartTryTimeouts();
    if (number > 1) OnUpstreamOpen();
  }
}

void Stream::OnUpstreamOpen() {
  bool room = true;
  StartTryTimeouts();
  while (!waiting_body_.empty()) {
    base::Slice data = waiting_body_.TakeFront();
    const bool last = request_passed_ && waiting_body_.empty() && request_trailers_ == nullptr;
    room = upstream_->SendData(std::move(data), last);
  }
  if (!has_body_) {
    // The head was all.
  } else if (request_passed_ && request_trailers_ != nullptr) {
    upstream_->SendTrailers(*request_trailers_);
  } else if (request_passed_ && !upstream_->request_ended()) {
    room = upstream_->SendData(base::Slice(), true);
  }
  if (room) ResumeRequest(kOtherSide);
  ArmTimer();
}

bool Stream::RetryAfter(UpstreamRequest& attempt, const UpstreamFailure& failure) {
  if (response_begun_ || tunnel_ || attempt.hedged()) return false;
  upstream::ClusterShard& cluster = attempt.cluster();
  if ((failure.stale_connection && retry_->AfterStaleConnection(*request_, has_body_)) ||
      (failure.end == AttemptEnd::kRefused && retry_->AfterRefusal(has_body_))) {
    attempt.Excuse();
    context().worker.SetTimer(retry_timer_, base::Duration::zero());
    return true;
  }
  if (!retry_->AfterEnd(failure.end, cluster.breakers(route_->priority).retries, cluster.stats())) {
    SetRetryFlags();
    return false;
  }
  context().worker.SetTimer(retry_timer_, retry_->Delay(context().random));
  return true;
}

bool Stream::RetryAfter(UpstreamRequest& attempt, const http::ResponseHead& head) {
  if (tunnel_) return false;
  upstream::ClusterShard& cluster = attempt.cluster();
  if (!attempt.hedged() && retry_->AfterResponse(head, context().worker.wall_now(),
                                                 cluster.breakers(route_->priority).retries, cluster.stats())) {
    attempt.CountError();
    EndTryTimeouts();
    context().worker.SetTimer(retry_timer_, retry_->Delay(context().random));
    return true;
  }
  if (route_->Has(route::Entry::kFollowsRedirects)) {
    UpstreamRequest* const last = std::exchange(upstream_, &attempt);
    if (FollowRedirect(head)) {
      if (hedged_) CancelAttempts(&attempt);
      return true;
    }
    upstream_ = last;
  }
  SetRetryFlags();
  if (hedged_ && retry_->Wants(head) && MayBeAnsweredBeside(attempt)) {
    attempt.CountError();
    if (&attempt == upstream_) EndTryTimeouts();
    return true;
  }
  retry_->OnAnswer(cluster.stats(), !attempt.hedged());
  return false;
}

void Stream::SetRetryFlags() {
  if (retry_->exhausted()) flags_.Set(ResponseFlag::kUpstreamRetryLimitExceeded);
  if (retry_->overflowed()) flags_.Set(ResponseFlag::kUpstreamOverflow);
}

void Stream::OnUpstreamFailure(UpstreamRequest& attempt, const UpstreamFailure& failure) {
  if (&attempt == upstream_) EndTryTimeouts();
  if (RetryAfter(attempt, failure)) return;
  if (response_state_ == ResponseState::kNone) {
    attempt.cluster().stats().CountStatus(failure.status);
    if (hedged_ && MayBeAnsweredBeside(attempt)) return;
    upstream_ = &attempt;
    lane_outcome_ = attempt.lane_outcome();
    overloaded_ = failure.overloaded;
    if (failure.end == AttemptEnd::kTimeout) attempt.TrackWhole();
    const bool late = failure.end == AttemptEnd::kReset && GrpcDeadlineHasPassed();
    SendLocalReply(failure.status, failure.body, failure.flag, failure.details, late ? kGrpcDeadlineExceeded : -1);
  } else {
    flags_.Set(failure.flag);
    BreakResponse(failure.details);
  }
}

void Stream::TryAgain() {
  if (finished_) return;
  if (redirecting_) [[unlikely]] return StartAnew();
  waiting_body_.Clear();
  waiting_body_.Append(replay_body_.ToString());
  StartAttempt();
  ArmTimer();
}

// Keeps what another attempt would have to send again, and all of it for one that is about to be made. Otherwise too
// much is no more than the end of further attempts.
void Stream::HoldForRetry(const base::Slice& data) {
  if (response_begun_) return;
  if (!retry_timer_.armed()) {
    const bool keeps = retry_->possible() || keeps_for_redirect_;
    if (keeps && replay_body_.size() + data.size() > MostHeld()) {
      if (retry_->possible()) retry_->Abandon();
      keeps_for_redirect_ = false;
    }
    if (!retry_->possible() && !keeps_for_redirect_) {
      replay_body_.Clear();
      return;
    }
  }
  replay_body_.Append(data.Share());
}

// --- hedging -----------------------------------------------------------------------------------------------------

// Whether there is another attempt or not, this one goes on.
void Stream::Hedge() {
  try_deadline_ = try_idle_deadline_ = {};
  upstream_->TellLate();
  upstream::ClusterShard& cluster = upstream_->cluster();
  if (!retry_->AfterLateness(cluster.breakers(route_->priority).retries, cluster.stats())) return SetRetryFlags();
  upstream_->SetHedged(std::exchange(try_duration_deadline_, {}));
  hedged_ = true;
  context().worker.SetTimer(retry_timer_, retry_->Delay(context().random));
}

// The request came to its end behind the head of the attempt.
void Stream::StartLateTry() {
  if (response_begun_ || !upstream_->is_open()) return;
  StartTryTimeout();
  ArmTimer();
}

bool Stream::MayBeAnsweredBeside(const UpstreamRequest& attempt) const {
  if (retry_timer_.armed()) return true;
  for (const UpstreamRequest* other = newest_; other != nullptr; other = other->earlier()) {
    if (other != &attempt && !other->is_over()) return true;
  }
  return false;
}

void Stream::TakeAnswerOf(UpstreamRequest& attempt) {
  retry_timer_.Cancel();
  CancelAttempts(&attempt);
  if (&attempt != upstream_) {
    upstream_ = &attempt;
    lane_outcome_ = attempt.lane_outcome();
    try_deadline_ = {};
    try_duration_deadline_ = attempt.duration_deadline();
  }
  // Of a late one it was over.
  const base::Duration idle = terms_.per_try_idle_timeout;
  try_idle_deadline_ = idle > base::Duration::zero() ? context().worker.now() + idle : base::MonotonicTime{};
  ArmTimer();  // which may be set for later only
}

void Stream::CancelAttempts(const UpstreamRequest* but) {
  for (UpstreamRequest* attempt = newest_; attempt != nullptr; attempt = attempt->earlier()) {
    if (attempt != but) attempt->Cancel();
  }
}

void Stream::CancelForRouteTimeout(int status) {
  if (upstream_ != nullptr) upstream_->TrackWhole();
  for (UpstreamRequest* attempt = newest_; attempt != nullptr; attempt = attempt->earlier()) {
    if (attempt->is_over() && (hedged_ || attempt != upstream_)) continue;
    attempt->CancelForTimeout(UpstreamRequest::Timeout::kRequest);
    if (response_state_ == ResponseState::kNone) attempt->cluster().stats().CountStatus(status);
  }
}

UpstreamRequest* Stream::HedgedUntil(base::MonotonicTime now) const {
  if (!hedged_) [[likely]] return nullptr;
  for (UpstreamRequest* attempt = newest_; attempt != nullptr; attempt = attempt->earlier()) {
    const base::MonotonicTime deadline = attempt->duration_deadline();
    if (!attempt->is_over() && deadline != base::MonotonicTime{} && deadline <= now) return attempt;
  }
  return nullptr;
}

void Stream::OnTryTimeout(UpstreamRequest& attempt, UpstreamRequest::Timeout timeout, const UpstreamFailure& failure) {
  const bool hedges = terms_.hedges && timeout != UpstreamRequest::Timeout::kDuration;
  if (hedges && request_passed_ && !response_begun_ && !tunnel_) {
    Hedge();
  } else {
    attempt.CancelForTimeout(timeout);
    OnUpstreamFailure(attempt, failure);
  }
  ArmTimer();
}

}  // namespace pillion::proxy
