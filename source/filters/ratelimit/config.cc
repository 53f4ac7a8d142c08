#include "absl/strings/ascii.h"
#include "envoy/extensions/filters/http/ratelimit/v3/rate_limit.pb.h"
#include "source/config/build.h"
#include "source/config/initial_metadata.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/filters/ratelimit/ratelimit.h"

namespace pillion::filters::ratelimit {
namespace {

namespace v3 = envoy::extensions::filters::http::ratelimit::v3;
using config::ElementPath;
using config::FieldPath;

constexpr match::Fraction kAll{.numerator = 100};

// What holds where nothing is configured: a key of the runtime, with a default.
match::RuntimeFraction AllUnless(config::BuildContext& context, const char* key) {
  return {.fraction = kAll, .key = context.runtime_keys->Find(key)};
}

void BuildService(config::BuildContext& context, const envoy::config::core::v3::GrpcService& from, const std::string& path,
                  Settings& settings) {
  settings.cluster = from.envoy_grpc().cluster_name();
  settings.authority = from.envoy_grpc().authority().empty() ? settings.cluster : from.envoy_grpc().authority();
  config::CheckGrpcCluster(context, settings.cluster, FieldPath(path, "envoy_grpc.cluster_name"));
  settings.metadata = config::BuildInitialMetadata(context, from, path);
}

Requests BuildRequests(config::BuildContext& context, const std::string& type, const std::string& path) {
  if (type == "internal") return Requests::kInternal;
  if (type == "external") return Requests::kExternal;
  if (!type.empty() && type != "both") {
    context.errors.Add(path, config::Concat(config::Quote(type), ", expected internal, external or both"));
  }
  return Requests::kAll;
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context, const google::protobuf::Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v3::RateLimit&>(message);
  Settings settings;
  settings.domain = from.domain();
  settings.stage = from.stage();
  settings.requests = BuildRequests(context, from.request_type(), FieldPath(path, "request_type"));
  settings.rules = config::BuildRateLimits(context, from.rate_limits(), config::RateLimitsOf::kFilter,
                                           FieldPath(path, "rate_limits"));
  BuildService(context, from.rate_limit_service().grpc_service(), FieldPath(path, "rate_limit_service.grpc_service"),
               settings);
  if (from.has_timeout()) settings.timeout = config::ToDuration(from.timeout());
  settings.enabled = from.has_filter_enabled() ? config::BuildFraction(context, from.filter_enabled())
                                               : AllUnless(context, "ratelimit.http_filter_enabled");
  settings.enforced = from.has_filter_enforced() ? config::BuildFraction(context, from.filter_enforced())
                                                 : AllUnless(context, "ratelimit.http_filter_enforcing");
  if (from.has_failure_mode_deny_percent()) {
    settings.denied_on_error = config::BuildFraction(context, from.failure_mode_deny_percent());
  } else if (from.failure_mode_deny()) {
    settings.denied_on_error.fraction = kAll;
  }
  if (from.rate_limited_status().code() >= 400) settings.status = from.rate_limited_status().code();
  if (from.status_on_error().code() >= 200) settings.error_status = from.status_on_error().code();
  settings.resource_exhausted = from.rate_limited_as_resource_exhausted();
  settings.figures = from.enable_x_ratelimit_headers() != v3::RateLimit::OFF;
  settings.says_limited = !from.disable_x_envoy_ratelimited_header();
  settings.response = config::BuildHeaderEdits(context, from.response_headers_to_add(),
                                               FieldPath(path, "response_headers_to_add"), {}, "");
  settings.stat_prefix = from.stat_prefix();
  return std::make_shared<Config>(std::move(settings));
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(config::BuildContext& context,
                                                         const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v3::RateLimitPerRoute&>(message);
  const auto built = std::make_shared<RouteConfig>();
  built->domain = from.domain();
  built->rules = config::BuildRateLimits(context, from.rate_limits(), config::RateLimitsOf::kFilter,
                                         FieldPath(path, "rate_limits"));
  if (from.vh_rate_limits() == v3::RateLimitPerRoute::INCLUDE) built->host_rules = filter::HostRateLimits::kBeside;
  if (from.vh_rate_limits() == v3::RateLimitPerRoute::IGNORE) built->host_rules = filter::HostRateLimits::kNever;
  if (from.override_option() != v3::RateLimitPerRoute::DEFAULT) {
    context.errors.Add(FieldPath(path, "override_option"), "is not implemented, expected vh_rate_limits");
  }
  return built;
}

}  // namespace

config::HttpFilterType Type() {
  return {v3::RateLimit::descriptor(), Build, v3::RateLimitPerRoute::descriptor(), BuildOfRoute};
}

}  // namespace pillion::filters::ratelimit
