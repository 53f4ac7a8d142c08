// When requests are tried again.

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "envoy/extensions/retry/host/omit_canary_hosts/v3/omit_canary_hosts.pb.h"
#include "envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config.pb.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h"
#include "envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.pb.h"
#include "source/config/build.h"
#include "source/config/nearest.h"
#include "source/config/route.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::route::v3;
namespace retry = envoy::extensions::retry;

uint32_t ParseRetryOn(BuildContext& context, const std::string& text, const std::string& path) {
  uint32_t bits = 0;
  const std::vector<std::string> words = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (const std::string& unstripped : words) {
    const std::string word(absl::StripAsciiWhitespace(unstripped));
    const std::optional<RetryOn> condition = FindRetryOn(word);
    bits |= condition.value_or(RetryOn{});
    if (condition) continue;
    std::vector<std::string_view> names;
    for (const auto& known : kRetryOnWords) names.push_back(known.word);
    context.errors.Add(path, Concat("unknown condition ", Quote(word), DidYouMean(word, names)));
  }
  return bits;
}

std::vector<match::HeaderMatcher> BuildMatchers(BuildContext& context,
                                                const google::protobuf::RepeatedPtrField<v3::HeaderMatcher>& from,
                                                const std::string& path) {
  std::vector<match::HeaderMatcher> matchers;
  for (int i = 0; i < from.size(); ++i) matchers.push_back(BuildHeaderMatcher(context, from[i], ElementPath(path, i)));
  return matchers;
}

void BuildPredicate(BuildContext& context, const google::protobuf::Any& any, const std::string& path,
                    RetryPolicy& policy) {
  retry::host::omit_host_metadata::v3::OmitHostMetadataConfig omit;
  if (any.Is<retry::host::previous_hosts::v3::PreviousHostsPredicate>()) {
    policy.avoid_previous_hosts = true;
  } else if (any.Is<retry::host::omit_canary_hosts::v3::OmitCanaryHostsPredicate>()) {
    policy.avoid_canaries = true;
  } else if (any.UnpackTo(&omit)) {
    const auto& spaces = omit.metadata_match().filter_metadata();
    const auto values = spaces.find(std::string(kLbNamespace));
    // Without values there is no host that it means.
    if (values != spaces.end() && !values->second.fields().empty()) {
      policy.avoid_metadata.push_back(BuildMetadataFields(values->second));
    }
  } else {
    context.errors.AddMissing(path, FieldPath(path, "typed_config"),
                              WrongType(any, "PreviousHostsPredicate, OmitCanaryHostsPredicate or OmitHostMetadataConfig"));
  }
}

}  // namespace

RetryPolicy BuildRetryPolicy(BuildContext& context, const v3::RetryPolicy& from, const std::string& path) {
  RetryPolicy policy;
  policy.retry_on = ParseRetryOn(context, from.retry_on(), FieldPath(path, "retry_on"));
  if (from.has_num_retries()) policy.num_retries = from.num_retries().value();
  policy.per_try_timeout = ToDuration(from.per_try_timeout());
  policy.per_try_idle_timeout = ToDuration(from.per_try_idle_timeout());
  policy.retriable_status_codes.assign(from.retriable_status_codes().begin(), from.retriable_status_codes().end());
  for (int i = 0; i < from.retry_host_predicate_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "retry_host_predicate"), i);
    BuildPredicate(context, from.retry_host_predicate(i).typed_config(), place, policy);
  }
  if (from.has_retry_priority()) {
    const std::string place = FieldPath(path, "retry_priority");
    const google::protobuf::Any& any = from.retry_priority().typed_config();
    retry::priority::previous_priorities::v3::PreviousPrioritiesConfig previous;
    if (!any.UnpackTo(&previous)) {
      context.errors.AddMissing(place, FieldPath(place, "typed_config"), WrongType(any, "PreviousPrioritiesConfig"));
    }
    policy.priority_attempts = static_cast<uint32_t>(std::max(previous.update_frequency(), 0));
  }
  if (from.host_selection_retry_max_attempts() > 0) {
    policy.more_hosts = static_cast<uint32_t>(from.host_selection_retry_max_attempts());
  }
  if (from.has_retry_back_off()) {
    policy.back_off_base = ToDuration(from.retry_back_off().base_interval());
    policy.back_off_max = 10 * policy.back_off_base;
    if (from.retry_back_off().has_max_interval())
      policy.back_off_max = ToDuration(from.retry_back_off().max_interval());
    if (policy.back_off_max < policy.back_off_base) {
      context.errors.Add(FieldPath(path, "retry_back_off.max_interval"), "less than base_interval");
    }
  }
  if (from.has_rate_limited_retry_back_off()) {
    const v3::RetryPolicy::RateLimitedRetryBackOff& limited = from.rate_limited_retry_back_off();
    const std::string place = FieldPath(path, "rate_limited_retry_back_off");
    RateLimitedBackOff& built = policy.rate_limited.emplace();
    for (int i = 0; i < limited.reset_headers_size(); ++i) {
      const v3::RetryPolicy::ResetHeader& header = limited.reset_headers(i);
      if (!header.name().empty() && !http::FieldName::IsFieldName(header.name())) {
        context.errors.Add(FieldPath(ElementPath(FieldPath(place, "reset_headers"), i), "name"),
                           Concat(Quote(header.name()), ", expected a header's name"));
      }
      built.headers.push_back(
          {http::FieldName(header.name()), header.format() == v3::RetryPolicy::UNIX_TIMESTAMP});
    }
    if (limited.has_max_interval()) built.max = ToDuration(limited.max_interval());
  }
  policy.retriable_headers = BuildMatchers(context, from.retriable_headers(), FieldPath(path, "retriable_headers"));
  policy.retriable_request_headers =
      BuildMatchers(context, from.retriable_request_headers(), FieldPath(path, "retriable_request_headers"));
  return policy;
}

}  // namespace pillion::config
