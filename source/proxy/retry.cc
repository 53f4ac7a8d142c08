#include "source/proxy/retry.h"

#include <algorithm>
#include <charconv>

#include "source/config/route.h"
#include "source/http/syntax.h"

namespace pillion::proxy {
namespace {

bool IsIdempotent(http::Method method) {
  switch (method) {
    case http::Method::kGet:
    case http::Method::kHead:
    case http::Method::kOptions:
    case http::Method::kTrace:
    case http::Method::kPut:
    case http::Method::kDelete:
      return true;
    default:
      return false;
  }
}

bool IsListed(int status, const RequestTerms& terms) {
  if (terms.policy != nullptr) {
    const std::vector<uint16_t>& codes = terms.policy->retriable_status_codes;
    if (std::find(codes.begin(), codes.end(), status) != codes.end()) return true;
  }
  char text[4];
  const std::string_view code(text, static_cast<size_t>(std::to_chars(text, text + sizeof text, status).ptr - text));
  return !http::ForEachListElement(terms.more_status_codes, [&](std::string_view listed) { return listed != code; });
}

bool HasRetriableHeader(const http::ResponseHead& head, const RequestTerms& terms) {
  if (terms.policy != nullptr) {
    for (const match::HeaderMatcher& matcher : terms.policy->retriable_headers) {
      if (matcher.Matches(head)) return true;
    }
  }
  return !http::ForEachListElement(terms.more_retriable_headers, [&](std::string_view name) {
    return !http::FieldName::IsFieldName(name) || !http::FieldName(name).First(head);
  });
}

// When the answer says that it may be asked for again; nothing where it does not, or too late.
std::optional<base::Duration> ToldDelay(const http::ResponseHead& head, base::WallTime now,
                                        const config::RateLimitedBackOff& back_off) {
  for (const config::RateLimitedBackOff::ResetHeader& header : back_off.headers) {
    const std::string_view text = http::TrimBlanks(header.name.First(head).value_or(""));
    uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) continue;
    if (header.is_time) {
      const int64_t since = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
      if (seconds <= static_cast<uint64_t>(since)) continue;
      seconds -= static_cast<uint64_t>(since);
    }
    if (seconds > static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(back_off.max).count())) continue;
    return std::chrono::seconds(seconds);
  }
  return std::nullopt;
}

// The conditions that an answer fulfils.
uint32_t ConditionsOf(const http::ResponseHead& head, const RequestTerms& terms) {
  // Who limits rates is asked again only by who said so.
  if (head.headers.Find("x-envoy-ratelimited") != nullptr) return config::kRetryOnEnvoyRatelimited;
  uint32_t conditions = 0;
  if (head.status >= 500) conditions |= config::kRetryOn5xx;
  if (head.status >= 502 && head.status <= 504) conditions |= config::kRetryOnGatewayError;
  if (head.status == 409) conditions |= config::kRetryOnRetriable4xx;
  if (IsListed(head.status, terms)) conditions |= config::kRetryOnRetriableStatusCodes;
  if ((terms.retry_on & config::kRetryOnRetriableHeaders) != 0 && HasRetriableHeader(head, terms)) {
    conditions |= config::kRetryOnRetriableHeaders;
  }
  const std::string_view grpc = head.headers.Get(http::HeaderId::kGrpcStatus);
  int status = 0;
  std::from_chars(grpc.data(), grpc.data() + grpc.size(), status);
  switch (status) {
    case 1:
      conditions |= config::kRetryOnGrpcCancelled;
      break;
    case 4:
      conditions |= config::kRetryOnGrpcDeadlineExceeded;
      break;
    case 8:
      conditions |= config::kRetryOnGrpcResourceExhausted;
      break;
    case 13:
      conditions |= config::kRetryOnGrpcInternal;
      break;
    case 14:
      conditions |= config::kRetryOnGrpcUnavailable;
      break;
  }
  return conditions;
}

uint32_t ConditionsOf(AttemptEnd end) {
  constexpr uint32_t kNoAnswer = config::kRetryOn5xx | config::kRetryOnGatewayError | config::kRetryOnReset;
  switch (end) {
    case AttemptEnd::kOverflow:
      return 0;
    case AttemptEnd::kConnectFailed:
      return kNoAnswer | config::kRetryOnConnectFailure | config::kRetryOnResetBeforeRequest;
    case AttemptEnd::kRefused:
      return kNoAnswer | config::kRetryOnRefusedStream | config::kRetryOnResetBeforeRequest;
    case AttemptEnd::kReset:
    case AttemptEnd::kTimeout:
      return kNoAnswer;
  }
  return 0;
}

}  // namespace

bool Retry::AfterEnd(AttemptEnd end, upstream::RetryBreaker& breaker, upstream::ClusterStats& stats) {
  told_delay_.reset();
  if ((ConditionsOf(end) & terms_.retry_on) == 0) return false;
  return Take(breaker, stats);
}

bool Retry::AfterResponse(const http::ResponseHead& head, base::WallTime now, upstream::RetryBreaker& breaker,
                          upstream::ClusterStats& stats) {
  told_delay_.reset();
  if (!Wants(head)) return false;
  if (terms_.policy != nullptr && terms_.policy->rate_limited) {
    told_delay_ = ToldDelay(head, now, *terms_.policy->rate_limited);
  }
  return Take(breaker, stats);
}

bool Retry::AfterLateness(upstream::RetryBreaker& breaker, upstream::ClusterStats& stats) {
  told_delay_.reset();
  return terms_.retry_on != 0 && Take(breaker, stats);
}

bool Retry::Wants(const http::ResponseHead& head) const {
  if (terms_.retry_on == 0) return false;
  const uint32_t fulfilled = ConditionsOf(head, terms_);
  if ((fulfilled & terms_.retry_on) == 0) return false;
  // Who says that it is asked too often is only asked again where just that is wanted.
  return (fulfilled & config::kRetryOnEnvoyRatelimited & ~terms_.retry_on) == 0;
}

bool Retry::AfterStaleConnection(const http::RequestHead& request, bool has_body) {
  if (free_try_used_ || has_body || !IsIdempotent(request.method_id)) return false;
  free_try_used_ = true;
  return true;
}

bool Retry::AfterRefusal(bool has_body) {
  if (terms_.retry_on != 0 || free_try_used_ || has_body) return false;
  free_try_used_ = true;
  return true;
}

bool Retry::Take(upstream::RetryBreaker& breaker, upstream::ClusterStats& stats) {
  if (abandoned_) {
    stats.retry_or_shadow_abandoned.Increment();
    return false;
  }
  if (used_ == terms_.num_retries) {
    stats.upstream_rq_retry_limit_exceeded.Increment();
    exhausted_ = true;
    return false;
  }
  if (breaker_ == nullptr) {
    if (!breaker.Take()) {
      stats.upstream_rq_retry_overflow.Increment();
      overflowed_ = true;
      return false;
    }
    breaker_ = &breaker;
  }
  ++used_;
  stats.upstream_rq_retry.Increment();
  (told_delay_ ? stats.upstream_rq_retry_backoff_ratelimited : stats.upstream_rq_retry_backoff_exponential).Increment();
  return true;
}

base::Duration Retry::Delay(base::Random& random) const {
  if (used_ == 0) return base::Duration::zero();
  if (told_delay_) {
    const uint64_t half = static_cast<uint64_t>(told_delay_->count()) / 2;
    return *told_delay_ + base::Duration(static_cast<int64_t>(random.Below(half + 1)));
  }
  // Full jitter in [0, (2^n - 1) * base), bounded.
  const uint64_t factor = (uint64_t{1} << std::min<uint32_t>(used_, 20)) - 1;
  static const config::RetryPolicy kDefault;
  const config::RetryPolicy& policy = terms_.policy != nullptr ? *terms_.policy : kDefault;
  const uint64_t most = std::min<uint64_t>(factor * static_cast<uint64_t>(policy.back_off_base.count()),
                                           static_cast<uint64_t>(policy.back_off_max.count()));
  return base::Duration(static_cast<int64_t>(random.Below(most + 1)));
}

void Retry::OnAnswer(upstream::ClusterStats& stats, bool by_retry) {
  if (by_retry && used_ > 0 && !exhausted_) stats.upstream_rq_retry_success.Increment();
  GiveBack();
}

void Retry::GiveBack() {
  if (breaker_ == nullptr) return;
  breaker_->Give();
  breaker_ = nullptr;
}

}  // namespace pillion::proxy
