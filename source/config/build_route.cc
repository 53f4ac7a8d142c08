// Route tables.

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "source/config/build.h"
#include "source/config/nearest.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::route::v3;

// Every route's body is kept in memory: this bounds what a table may ask for.
constexpr uint32_t kMostDirectResponseBytes = 1024 * 1024;
constexpr uint32_t kDefaultDirectResponseBytes = 4096;

constexpr std::array<std::pair<std::string_view, RetryOn>, 14> kRetryConditions = {{
    {"5xx", kRetryOn5xx},
    {"gateway-error", kRetryOnGatewayError},
    {"reset", kRetryOnReset},
    {"reset-before-request", kRetryOnResetBeforeRequest},
    {"connect-failure", kRetryOnConnectFailure},
    {"envoy-ratelimited", kRetryOnEnvoyRatelimited},
    {"retriable-4xx", kRetryOnRetriable4xx},
    {"refused-stream", kRetryOnRefusedStream},
    {"retriable-status-codes", kRetryOnRetriableStatusCodes},
    {"cancelled", kRetryOnGrpcCancelled},
    {"deadline-exceeded", kRetryOnGrpcDeadlineExceeded},
    {"internal", kRetryOnGrpcInternal},
    {"resource-exhausted", kRetryOnGrpcResourceExhausted},
    {"unavailable", kRetryOnGrpcUnavailable},
}};

uint32_t ParseRetryOn(BuildContext& context, const std::string& text, const std::string& path) {
  uint32_t bits = 0;
  const std::vector<std::string> words = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (const std::string& unstripped : words) {
    const std::string word(absl::StripAsciiWhitespace(unstripped));
    const auto known = std::find_if(kRetryConditions.begin(), kRetryConditions.end(),
                                    [&word](const auto& condition) { return condition.first == word; });
    if (known != kRetryConditions.end()) {
      bits |= known->second;
      continue;
    }
    std::vector<std::string_view> names;
    for (const auto& condition : kRetryConditions) names.push_back(condition.first);
    context.errors.Add(path, Concat("unknown condition ", Quote(word), DidYouMean(word, names)));
  }
  return bits;
}

RetryPolicy BuildRetryPolicy(BuildContext& context, const v3::RetryPolicy& from, const std::string& path) {
  RetryPolicy policy;
  policy.retry_on = ParseRetryOn(context, from.retry_on(), FieldPath(path, "retry_on"));
  if (from.has_num_retries()) policy.num_retries = from.num_retries().value();
  policy.per_try_timeout = ToDuration(from.per_try_timeout());
  policy.per_try_idle_timeout = ToDuration(from.per_try_idle_timeout());
  policy.retriable_status_codes.assign(from.retriable_status_codes().begin(), from.retriable_status_codes().end());
  if (from.has_retry_back_off()) {
    policy.back_off_base = ToDuration(from.retry_back_off().base_interval());
    policy.back_off_max = 10 * policy.back_off_base;
    if (from.retry_back_off().has_max_interval())
      policy.back_off_max = ToDuration(from.retry_back_off().max_interval());
    if (policy.back_off_max < policy.back_off_base) {
      context.errors.Add(FieldPath(path, "retry_back_off.max_interval"), "less than base_interval");
    }
  }
  return policy;
}

RouteAction BuildAction(BuildContext& context, const v3::RouteAction& from, const std::string& path) {
  RouteAction action;
  action.cluster = from.cluster();
  CheckClusterExists(context, from.cluster(), FieldPath(path, "cluster"));
  if (from.has_timeout()) action.timeout = ToDuration(from.timeout());
  if (from.has_idle_timeout()) action.idle_timeout = ToDuration(from.idle_timeout());
  if (from.max_stream_duration().has_max_stream_duration()) {
    action.max_stream_duration = ToDuration(from.max_stream_duration().max_stream_duration());
  }
  if (from.has_retry_policy()) {
    action.retry_policy = BuildRetryPolicy(context, from.retry_policy(), FieldPath(path, "retry_policy"));
  }
  if (from.priority() == envoy::config::core::v3::HIGH) action.priority = Priority::kHigh;
  return action;
}

DirectResponse BuildDirectResponse(BuildContext& context, const v3::DirectResponseAction& from, size_t max_bytes,
                                   const std::string& path) {
  DirectResponse response;
  response.status = static_cast<uint16_t>(from.status());
  if (from.has_body()) response.body = ReadSource(context, from.body(), max_bytes, FieldPath(path, "body"));
  if (!response.body.empty() && (from.status() == 204 || from.status() == 304)) {
    context.errors.Add(FieldPath(path, "body"), Concat("a response with status ", from.status(), " has no body"));
  }
  return response;
}

Route BuildRoute(BuildContext& context, const v3::Route& from, size_t max_body_bytes, const std::string& path) {
  Route route;
  route.name = from.name();
  route.match = BuildRequestMatcher(context, from.match(), FieldPath(path, "match"));
  if (from.has_route()) {
    route.action = BuildAction(context, from.route(), FieldPath(path, "route"));
  } else if (from.has_direct_response()) {
    route.action =
        BuildDirectResponse(context, from.direct_response(), max_body_bytes, FieldPath(path, "direct_response"));
  }
  route.filter_overrides =
      BuildFilterOverrides(context, from.typed_per_filter_config(), FieldPath(path, "typed_per_filter_config"));
  return route;
}

// "a.com", "*.com", "a.*", "*"; nothing if it is none of them.
std::optional<Domain> ParseDomain(const std::string& pattern) {
  std::string text = absl::AsciiStrToLower(pattern);
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (absl::ascii_iscntrl(c) || c == ' ') return std::nullopt;
  }
  if (text == "*") return Domain{Domain::Kind::kAny, ""};
  const size_t star = text.find('*');
  if (star == std::string::npos) return Domain{Domain::Kind::kExact, std::move(text)};
  if (star != text.rfind('*')) return std::nullopt;
  if (star == 0) return Domain{Domain::Kind::kSuffix, text.substr(1)};
  if (star == text.size() - 1) return Domain{Domain::Kind::kPrefix, text.substr(0, star)};
  return std::nullopt;
}

}  // namespace

std::shared_ptr<const RouteConfig> BuildRouteConfig(BuildContext& context, const v3::RouteConfiguration& from,
                                                    const std::string& path) {
  const auto table = std::make_shared<RouteConfig>();
  table->name = from.name();
  table->filter_overrides =
      BuildFilterOverrides(context, from.typed_per_filter_config(), FieldPath(path, "typed_per_filter_config"));
  table->ignore_port_in_host_matching = from.ignore_port_in_host_matching();
  uint32_t max_body_bytes = kDefaultDirectResponseBytes;
  if (from.has_max_direct_response_body_size_bytes()) {
    max_body_bytes = std::min(from.max_direct_response_body_size_bytes().value(), kMostDirectResponseBytes);
  }

  std::set<std::string> names;
  std::set<std::pair<Domain::Kind, std::string>> domains;
  for (int v = 0; v < from.virtual_hosts_size(); ++v) {
    const v3::VirtualHost& host = from.virtual_hosts(v);
    const std::string host_path = ElementPath(FieldPath(path, "virtual_hosts"), v);
    VirtualHost& built = table->virtual_hosts.emplace_back();
    built.name = host.name();
    built.filter_overrides = BuildFilterOverrides(context, host.typed_per_filter_config(),
                                                  FieldPath(host_path, "typed_per_filter_config"));
    if (!host.name().empty() && !names.insert(host.name()).second) {
      context.errors.Add(FieldPath(host_path, "name"), Concat("duplicate name ", Quote(host.name())));
    }
    for (int d = 0; d < host.domains_size(); ++d) {
      const std::string domain_path = ElementPath(FieldPath(host_path, "domains"), d);
      const std::optional<Domain> domain = ParseDomain(host.domains(d));
      if (!domain) {
        context.errors.AddMissing(
            domain_path, domain_path,
            Concat(Quote(host.domains(d)), ", expected a name, \"*.suffix\", \"prefix.*\" or \"*\""));
      } else if (!domains.emplace(domain->kind, domain->text).second) {
        context.errors.Add(domain_path, Concat("duplicate domain ", Quote(host.domains(d))));
      } else {
        built.domains.push_back(*domain);
      }
    }
    for (int r = 0; r < host.routes_size(); ++r) {
      built.routes.push_back(
          BuildRoute(context, host.routes(r), max_body_bytes, ElementPath(FieldPath(host_path, "routes"), r)));
    }
  }
  return table;
}

}  // namespace pillion::config
