#include "source/proxy/request_terms.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "source/config/route.h"
#include "source/config/route_overrides.h"
#include "source/http/grpc_timeout.h"
#include "source/http/syntax.h"

namespace pillion::proxy {
namespace {

using http::HeaderId;

constexpr http::HeaderIdSet kForUs = {
    HeaderId::kXEnvoyUpstreamRqTimeoutMs,          HeaderId::kXEnvoyUpstreamRqPerTryTimeoutMs,
    HeaderId::kXEnvoyUpstreamRqTimeoutAltResponse, HeaderId::kXEnvoyRetryOn,
    HeaderId::kXEnvoyRetryGrpcOn,                  HeaderId::kXEnvoyMaxRetries,
    HeaderId::kXEnvoyRetriableStatusCodes,         HeaderId::kXEnvoyRetriableHeaderNames,
    HeaderId::kXEnvoyHedgeOnPerTryTimeout,         HeaderId::kXEnvoyUpstreamAltStatName,
};

std::optional<uint64_t> Number(const http::HeaderField* field) {
  if (field == nullptr) return std::nullopt;
  const std::string_view text = field->value();
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<base::Duration> Milliseconds(const http::HeaderField* field) {
  constexpr uint64_t kMost = 1000ull * 3600 * 24 * 365;
  const std::optional<uint64_t> number = Number(field);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds(std::min(*number, kMost));
}

// The conditions that `words` names, as far as they are among `known`; others are none of ours.
uint32_t Conditions(std::string_view words, uint32_t known) {
  uint32_t bits = 0;
  http::ForEachListElement(words, [&](std::string_view word) {
    bits |= config::FindRetryOn(word).value_or(config::RetryOn{}) & known;
    return true;
  });
  return bits;
}

// What a gRPC request says of its time, where its route lets it; zero: it has no end.
base::Duration GrpcTimeout(const config::RouteAction& action, const http::HeaderMap& headers) {
  base::Duration timeout = http::ParseGrpcTimeout(headers.Get(HeaderId::kGrpcTimeout)).value_or(base::Duration::zero());
  if (action.grpc_timeout_offset < timeout) timeout -= action.grpc_timeout_offset;
  const base::Duration most = *action.max_grpc_timeout;
  if (most > base::Duration::zero() && (timeout == base::Duration::zero() || timeout > most)) timeout = most;
  return timeout;
}

bool AllowsRetries(const config::RetryPolicy& policy, const http::RequestHead& head) {
  const auto& matchers = policy.retriable_request_headers;
  return matchers.empty() ||
         std::any_of(matchers.begin(), matchers.end(), [&](const auto& matcher) { return matcher.Matches(head); });
}

}  // namespace

RequestTerms TermsOf(const route::Entry& entry, const config::Cluster* cluster, http::RequestHead& head) {
  RequestTerms terms{.timeout = entry.timeout, .num_retries = 1, .policy = entry.retry_policy};
  const config::RouteOverrides* const overrides = cluster == nullptr ? nullptr : cluster->http.route_overrides.get();
  if (overrides != nullptr && overrides->retry_policy) [[unlikely]] terms.policy = &*overrides->retry_policy;
  if (entry.Has(route::Entry::kGrpcTimeout) && http::IsGrpc(head.headers)) [[unlikely]] {
    terms.timeout = GrpcTimeout(*entry.forward, head.headers);
    terms.tells_grpc_timeout = true;
  }
  terms.hedges = entry.Has(route::Entry::kHedges);
  if (terms.policy != nullptr) {
    terms.retry_on = terms.policy->retry_on;
    terms.num_retries = terms.policy->num_retries;
    terms.per_try_timeout = terms.policy->per_try_timeout;
    terms.per_try_idle_timeout = terms.policy->per_try_idle_timeout;
  }
  http::HeaderMap& headers = head.headers;
  if (const auto timeout = Milliseconds(headers.Find(HeaderId::kXEnvoyUpstreamRqTimeoutMs))) terms.timeout = *timeout;
  if (const auto timeout = Milliseconds(headers.Find(HeaderId::kXEnvoyUpstreamRqPerTryTimeoutMs))) {
    terms.per_try_timeout = *timeout;
  }
  if (terms.timeout > base::Duration::zero() && terms.per_try_timeout >= terms.timeout) terms.per_try_timeout = {};
  const std::string_view hedge = headers.Get(HeaderId::kXEnvoyHedgeOnPerTryTimeout);
  if (hedge == "true" || hedge == "false") terms.hedges = hedge == "true";
  terms.no_content_for_timeout = headers.Has(HeaderId::kXEnvoyUpstreamRqTimeoutAltResponse);

  terms.retry_on |= Conditions(headers.Get(HeaderId::kXEnvoyRetryOn), ~config::kRetryOnGrpc);
  terms.retry_on |= Conditions(headers.Get(HeaderId::kXEnvoyRetryGrpcOn), config::kRetryOnGrpc);
  if (const auto retries = Number(headers.Find(HeaderId::kXEnvoyMaxRetries))) {
    terms.num_retries = static_cast<uint32_t>(std::min<uint64_t>(*retries, UINT32_MAX));
  }
  terms.more_status_codes = headers.Get(HeaderId::kXEnvoyRetriableStatusCodes);
  terms.more_retriable_headers = headers.Get(HeaderId::kXEnvoyRetriableHeaderNames);
  if (terms.policy != nullptr && !AllowsRetries(*terms.policy, head)) terms.retry_on = 0;
  headers.Remove(kForUs);
  return terms;
}

}  // namespace pillion::proxy
