#include <algorithm>

#include "source/http/grpc_timeout.h"
#include "source/overload/state.h"
#include "source/proxy/stream.h"

// The stream's timeouts. Which of several that have passed is told: the first in OnTimer().

namespace pillion::proxy {

using telemetry::ResponseFlag;

namespace {

bool IsSet(base::MonotonicTime time) { return time != base::MonotonicTime{}; }

// grpc-timeout as a filter writes it is in whole milliseconds, and upstream's clock begins later.
constexpr base::Duration kRounding = std::chrono::milliseconds(2);

constexpr UpstreamFailure TryTimeout(std::string_view details) {
  return {.status = 504,
          .body = "upstream request timeout",
          .flag = ResponseFlag::kUpstreamRequestTimeout,
          .details = details,
          .end = AttemptEnd::kTimeout};
}

constexpr UpstreamFailure kTryTimeout = TryTimeout("upstream_per_try_timeout");
constexpr UpstreamFailure kTryIdleTimeout = TryTimeout("upstream_per_try_idle_timeout");

}  // namespace

void Stream::StartRouteTimeout() {
  if (tunnel_ || response_state_ == ResponseState::kComplete) return;
  if (IsSet(route_deadline_) || terms_.timeout <= base::Duration::zero()) return;
  const base::MonotonicTime at = context().worker.now() + terms_.timeout;
  if (!(terms_.tells_grpc_timeout && IsKept(at))) route_deadline_ = at;
}

base::Duration Stream::TimeLeft() {
  if (terms_.timeout <= base::Duration::zero() || !IsSet(route_deadline_)) return terms_.timeout;
  return std::max<base::Duration>(route_deadline_ - context().worker.now(), std::chrono::milliseconds(1));
}

base::Duration Stream::AttemptTimeLeft(const UpstreamRequest& attempt) {
  const base::MonotonicTime now = context().worker.now();
  base::Duration left{0};
  const auto take = [&left](base::Duration time) {
    if (left <= base::Duration::zero() || time < left) left = time;
  };
  for (const base::MonotonicTime deadline : {route_deadline_, duration_deadline_}) {
    if (IsSet(deadline)) take(std::max<base::Duration>(deadline - now, std::chrono::milliseconds(1)));
  }
  const base::Duration per_try = terms_.hedges ? base::Duration::zero() : terms_.per_try_timeout;
  for (const base::Duration time : {per_try, attempt.cluster().config().http.options.max_stream_duration}) {
    if (time > base::Duration::zero()) take(time);
  }
  return left;
}

void Stream::StartTryTimeouts() {
  const base::MonotonicTime now = context().worker.now();
  const base::Duration longest = upstream_->cluster().config().http.options.max_stream_duration;
  if (longest > base::Duration::zero()) try_duration_deadline_ = now + longest;
  StartTryTimeout();
  if (terms_.per_try_idle_timeout > base::Duration::zero()) try_idle_deadline_ = now + terms_.per_try_idle_timeout;
}

// Where it hedges, as soon as there is a whole request that another attempt could be sent beside this one.
void Stream::StartTryTimeout() {
  if (terms_.per_try_timeout <= base::Duration::zero() || (terms_.hedges && !request_passed_)) return;
  try_deadline_ = context().worker.now() + terms_.per_try_timeout;
}

// A server of gRPC ends a call with a reset when the deadline has passed: the client, whose own timer may be late, hears
// what it would have heard from it.
bool Stream::GrpcDeadlineHasPassed() {
  if (!is_grpc_) return false;
  if (IsSet(kept_deadline_)) return IsKept(context().worker.now());
  const std::optional<base::Duration> timeout =
      http::ParseGrpcTimeout(request_->headers.Get(http::HeaderId::kGrpcTimeout));
  return timeout && started_ + *timeout <= context().worker.now();
}

bool Stream::IsKept(base::MonotonicTime at) const { return IsSet(kept_deadline_) && at + kRounding >= kept_deadline_; }

void Stream::EndTryTimeouts() { try_deadline_ = try_idle_deadline_ = try_duration_deadline_ = {}; }

void Stream::TouchTry() {
  if (IsSet(try_idle_deadline_)) try_idle_deadline_ = context().worker.now() + terms_.per_try_idle_timeout;
}

void Stream::SetIdleTimeout(base::Duration timeout) {
  idle_timeout_ = timeout;
  const overload::State* const overload = manager().overload;
  if (overload == nullptr || !overload->Scales(config::ScaledTimeout::kStreamIdle)) [[likely]] return;
  full_idle_timeout_ = timeout;
  idle_timeout_ = overload->Scaled(config::ScaledTimeout::kStreamIdle, timeout);
  if (!base::ListNode<ScaledTag>::linked()) context().scaled_streams.PushBack(*this);
}

void Stream::Rescale() {
  if (finished_) return;
  const base::Duration before = idle_timeout_;
  idle_timeout_ = manager().overload->Scaled(config::ScaledTimeout::kStreamIdle, full_idle_timeout_);
  if (!IsSet(idle_deadline_)) return;
  idle_deadline_ += idle_timeout_ - before;
  ArmTimer();
}

void Stream::TouchIdle() {
  if (idle_timeout_ > base::Duration::zero()) {
    idle_deadline_ = context().worker.now() + idle_timeout_;
  } else {
    idle_deadline_ = {};
  }
}

void Stream::ArmTimer() {
  if (finished_) return;
  base::MonotonicTime earliest{};
  for (const base::MonotonicTime deadline : {idle_deadline_, head_deadline_, request_deadline_, route_deadline_,
                                             try_deadline_, try_idle_deadline_, try_duration_deadline_,
                                             duration_deadline_}) {
    if (IsSet(deadline) && (!IsSet(earliest) || deadline < earliest)) earliest = deadline;
  }
  for (UpstreamRequest* attempt = hedged_ ? newest_ : nullptr; attempt != nullptr; attempt = attempt->earlier()) {
    const base::MonotonicTime deadline = attempt->is_over() ? base::MonotonicTime{} : attempt->duration_deadline();
    if (IsSet(deadline) && (!IsSet(earliest) || deadline < earliest)) earliest = deadline;
  }
  if (IsSet(earliest)) context().worker.timers().Set(timer_, earliest);
}

void Stream::OnTimer() {
  const base::MonotonicTime now = context().worker.now();
  const auto passed = [now](base::MonotonicTime deadline) { return IsSet(deadline) && deadline <= now; };
  const bool complete = request_state_ == RequestState::kComplete;
  HttpStats& stats = manager().stats;
  if (passed(head_deadline_)) {
    stats.downstream_rq_header_timeout.Increment();
    SendLocalReply(408, "request header timeout", ResponseFlag::kCount, "request_header_timeout");
  } else if (passed(request_deadline_)) {
    stats.downstream_rq_timeout.Increment();
    SendLocalReply(408, "request timeout", ResponseFlag::kCount, "request_overall_timeout");
  } else if (passed(duration_deadline_)) {
    stats.downstream_rq_max_duration_reached.Increment();
    SendLocalReply(complete ? 504 : 408, "downstream duration timeout", ResponseFlag::kCount, "max_duration_timeout",
                   kGrpcDeadlineExceeded);
  } else if (passed(route_deadline_)) {
    const bool no_content = terms_.no_content_for_timeout;
    CancelForRouteTimeout(no_content ? 204 : 504);
    SendLocalReply(no_content ? 204 : 504, no_content ? "" : "upstream request timeout",
                   ResponseFlag::kUpstreamRequestTimeout, "response_timeout");
  } else if (passed(try_deadline_)) {
    OnTryTimeout(*upstream_, UpstreamRequest::Timeout::kTry, kTryTimeout);
  } else if (passed(try_idle_deadline_)) {
    OnTryTimeout(*upstream_, UpstreamRequest::Timeout::kTryIdle, kTryIdleTimeout);
  } else if (UpstreamRequest* const hedged = HedgedUntil(now); hedged != nullptr || passed(try_duration_deadline_)) {
    OnTryTimeout(hedged != nullptr ? *hedged : *upstream_, UpstreamRequest::Timeout::kDuration,
                 {.status = complete ? 504 : 408,
                  .body = "upstream max stream duration reached",
                  .flag = ResponseFlag::kUpstreamMaxStreamDurationReached,
                  .details = "upstream_max_stream_duration_reached",
                  .end = AttemptEnd::kReset});
  } else if (passed(idle_deadline_)) {
    stats.downstream_rq_idle_timeout.Increment();
    SendLocalReply(complete ? 504 : 408, "stream timeout", ResponseFlag::kStreamIdleTimeout, "stream_idle_timeout");
  } else {
    ArmTimer();
  }
}

}  // namespace pillion::proxy
