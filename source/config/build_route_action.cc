// What routes do with requests.

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "source/config/build.h"
#include "source/config/priority.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/http/syntax.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::route::v3;

// A field's name, as a configuration may give it.
http::FieldName BuildFieldName(BuildContext& context, const std::string& name, const std::string& path) {
  if (!name.empty() && !http::FieldName::IsFieldName(name)) {
    context.errors.Add(path, Concat(Quote(name), ", expected a header's name"));
  }
  return http::FieldName(name);
}

void CheckRouteCluster(BuildContext& context, const std::string& name, const std::string& path) {
  if (context.check_route_clusters) CheckClusterExists(context, name, path);
}

void CheckHost(BuildContext& context, const std::string& host, const std::string& path) {
  if (!host.empty() && !http::IsAuthority(host)) {
    context.errors.Add(path, Concat(Quote(host), ", expected a host, with or without a port"));
  }
}

void CheckPath(BuildContext& context, const std::string& text, const std::string& path) {
  if (!text.empty() && !http::IsTarget(text)) {
    context.errors.Add(path, Concat(Quote(text), ", expected a path, its blanks and such encoded"));
  }
}

void BuildClusters(BuildContext& context, const v3::WeightedCluster& from, const std::string& path,
                   const LbCriteria& route_criteria, WeightedClusters& to) {
  uint64_t total = 0;
  for (int i = 0; i < from.clusters_size(); ++i) {
    const v3::WeightedCluster::ClusterWeight& choice = from.clusters(i);
    const std::string place = ElementPath(FieldPath(path, "clusters"), i);
    WeightedClusters::Choice& built = to.choices.emplace_back();
    if (choice.name().empty() == choice.cluster_header().empty()) {
      context.errors.AddMissing(place, place, "one of name, cluster_header is required");
    }
    if (choice.cluster_header().empty()) {
      built.cluster = choice.name();
      CheckRouteCluster(context, choice.name(), FieldPath(place, "name"));
    } else {
      built.cluster = BuildFieldName(context, choice.cluster_header(), FieldPath(place, "cluster_header"));
    }
    built.weight = choice.weight().value();
    total += built.weight;
    built.headers = BuildLevelHeaderEdits(context, choice, place);
    built.lb_criteria = route_criteria.MergedWith(BuildLbCriteria(choice.metadata_match()));
    if (!choice.host_rewrite_literal().empty()) built.host_rewrite = choice.host_rewrite_literal();
    CheckHost(context, choice.host_rewrite_literal(), FieldPath(place, "host_rewrite_literal"));
    built.filter_overrides = BuildFilterOverrides(context, choice.typed_per_filter_config(),
                                                  FieldPath(place, "typed_per_filter_config"));
  }
  if (from.clusters_size() > 0 && (total == 0 || total > UINT32_MAX)) {
    context.errors.Add(FieldPath(path, "clusters"),
                       Concat("the sum of the weights is ", total, ", expected 1 to ", UINT32_MAX));
  }
  to.total_weight = static_cast<uint32_t>(total);
  if (from.has_total_weight() && from.total_weight().value() != total) {
    context.errors.Add(FieldPath(path, "total_weight"),
                       Concat(from.total_weight().value(), ", but the weights add up to ", total));
  }
  if (from.has_header_name()) {
    to.number_header = BuildFieldName(context, from.header_name(), FieldPath(path, "header_name"));
  }
}

std::optional<telemetry::TextFormat> BuildTextFormat(BuildContext& context, const std::string& text,
                                                     const std::string& path) {
  absl::StatusOr<telemetry::TextFormat> format = telemetry::TextFormat::Compile(text);
  if (format.ok()) return *std::move(format);
  context.errors.Add(path, std::string(format.status().message()));
  return std::nullopt;
}

void BuildRewrites(BuildContext& context, const v3::RouteAction& from, const std::string& path, RouteAction& to) {
  if (!from.prefix_rewrite().empty()) {
    to.path_rewrite = PrefixRewrite{from.prefix_rewrite()};
    CheckPath(context, from.prefix_rewrite(), FieldPath(path, "prefix_rewrite"));
  }
  if (from.has_regex_rewrite()) {
    const std::string place = FieldPath(path, "regex_rewrite");
    if (!from.prefix_rewrite().empty()) context.errors.Add(place, "excludes prefix_rewrite");
    if (const auto rewrite = BuildRegexRewrite(context, from.regex_rewrite(), place)) to.path_rewrite = *rewrite;
  }
  if (!from.path_rewrite().empty()) {
    const std::string place = FieldPath(path, "path_rewrite");
    if (!from.prefix_rewrite().empty() || from.has_regex_rewrite()) {
      context.errors.Add(place, "excludes prefix_rewrite and regex_rewrite");
    }
    if (auto format = BuildTextFormat(context, from.path_rewrite(), place)) to.path_rewrite = *std::move(format);
  }
  switch (from.host_rewrite_specifier_case()) {
    case v3::RouteAction::kHostRewriteLiteral:
      if (!from.host_rewrite_literal().empty()) to.host_rewrite = from.host_rewrite_literal();
      CheckHost(context, from.host_rewrite_literal(), FieldPath(path, "host_rewrite_literal"));
      break;
    case v3::RouteAction::kAutoHostRewrite:
      if (from.auto_host_rewrite().value()) to.host_rewrite = EndpointHost{};
      break;
    case v3::RouteAction::kHostRewrite:
      if (auto format = BuildTextFormat(context, from.host_rewrite(), FieldPath(path, "host_rewrite"))) {
        to.host_rewrite = *std::move(format);
      }
      break;
    case v3::RouteAction::kHostRewriteHeader:
      to.host_rewrite = BuildFieldName(context, from.host_rewrite_header(), FieldPath(path, "host_rewrite_header"));
      break;
    case v3::RouteAction::kHostRewritePathRegex: {
      const std::string place = FieldPath(path, "host_rewrite_path_regex");
      if (const auto rewrite = BuildRegexRewrite(context, from.host_rewrite_path_regex(), place)) {
        to.host_rewrite = HostFromPath{*rewrite};
      }
      break;
    }
    case v3::RouteAction::HOST_REWRITE_SPECIFIER_NOT_SET:
      break;
  }
  to.append_x_forwarded_host = from.append_x_forwarded_host();
}

}  // namespace

RouteAction BuildRouteAction(BuildContext& context, const v3::RouteAction& from, const std::string& path) {
  RouteAction action;
  action.lb_criteria = BuildLbCriteria(from.metadata_match());
  action.hash_policies = BuildHashPolicies(context, from.hash_policy(), FieldPath(path, "hash_policy"));
  if (from.has_weighted_clusters()) {
    BuildClusters(context, from.weighted_clusters(), FieldPath(path, "weighted_clusters"), action.lb_criteria,
                  action.cluster.emplace<WeightedClusters>());
  } else if (from.has_cluster_header()) {
    action.cluster = BuildFieldName(context, from.cluster_header(), FieldPath(path, "cluster_header"));
  } else {
    action.cluster = from.cluster();
    CheckRouteCluster(context, from.cluster(), FieldPath(path, "cluster"));
  }
  switch (from.cluster_not_found_response_code()) {
    case v3::RouteAction::NOT_FOUND:
      action.cluster_not_found_status = 404;
      break;
    case v3::RouteAction::INTERNAL_SERVER_ERROR:
      action.cluster_not_found_status = 500;
      break;
    default:
      break;
  }
  BuildRewrites(context, from, path, action);
  if (from.has_timeout()) action.timeout = ToDuration(from.timeout());
  if (from.has_idle_timeout()) action.idle_timeout = ToDuration(from.idle_timeout());
  if (from.has_max_stream_duration()) {
    action.timeout = {};
    const v3::RouteAction::MaxStreamDuration& duration = from.max_stream_duration();
    StreamDuration& built = action.max_stream_duration;
    if (duration.has_max_stream_duration()) built.limit = ToDuration(duration.max_stream_duration());
    if (duration.has_grpc_timeout_header_max()) built.grpc_max = ToDuration(duration.grpc_timeout_header_max());
    built.grpc_offset = ToDuration(duration.grpc_timeout_header_offset());
  }
  if (from.has_retry_policy()) {
    action.retry_policy = BuildRetryPolicy(context, from.retry_policy(), FieldPath(path, "retry_policy"));
  }
  if (from.has_hedge_policy()) action.hedges = from.hedge_policy().hedge_on_per_try_timeout();
  if (from.has_internal_redirect_policy()) {
    action.internal_redirect = BuildInternalRedirect(context, from.internal_redirect_policy(),
                                                     FieldPath(path, "internal_redirect_policy"));
  }
  if (from.has_max_grpc_timeout() && !from.has_max_stream_duration()) {
    action.max_grpc_timeout = ToDuration(from.max_grpc_timeout());
    action.grpc_timeout_offset = ToDuration(from.grpc_timeout_offset());
  }
  action.mirrors =
      BuildMirrors(context, from.request_mirror_policies(), FieldPath(path, "request_mirror_policies"));
  action.rate_limits = BuildRateLimits(context, from.rate_limits(), RateLimitsOf::kRoute, FieldPath(path, "rate_limits"));
  action.with_host_rate_limits = from.include_vh_rate_limits().value();
  action.upgrades = BuildUpgrades(context, from.upgrade_configs(), FieldPath(path, "upgrade_configs"));
  for (int i = 0; i < from.upgrade_configs_size(); ++i) {
    const v3::RouteAction::UpgradeConfig& upgrade = from.upgrade_configs(i);
    if (!upgrade.has_connect_config()) continue;
    const std::string place = FieldPath(ElementPath(FieldPath(path, "upgrade_configs"), i), "connect_config");
    if (action.upgrades[static_cast<size_t>(i)].type != "connect") {
      context.errors.Add(place, Concat("set for upgrade_type ", Quote(upgrade.upgrade_type()), ", expected \"CONNECT\""));
    }
    EndedConnect& ended = action.ended_connect.emplace();
    ended.allow_post = upgrade.connect_config().allow_post();
    if (upgrade.connect_config().has_proxy_protocol_config()) {
      const auto& head = upgrade.connect_config().proxy_protocol_config();
      ended.proxy_version = BuildProxyVersion(head);
      ended.proxy_tlvs = BuildProxyTlvs(context, head, FieldPath(place, "proxy_protocol_config"));
    }
  }
  if (from.priority() == envoy::config::core::v3::HIGH) action.priority = Priority::kHigh;
  return action;
}

std::vector<MirrorPolicy> BuildMirrors(BuildContext& context, const MirrorMessages& from, const std::string& path) {
  std::vector<MirrorPolicy> mirrors;
  for (int i = 0; i < from.size(); ++i) {
    const v3::RouteAction::RequestMirrorPolicy& policy = from[i];
    const std::string place = ElementPath(path, i);
    MirrorPolicy& built = mirrors.emplace_back();
    if (policy.cluster().empty() == policy.cluster_header().empty()) {
      context.errors.AddMissing(place, place, "one of cluster, cluster_header is required");
    }
    if (policy.cluster_header().empty()) {
      built.cluster = policy.cluster();
      CheckRouteCluster(context, policy.cluster(), FieldPath(place, "cluster"));
    } else {
      built.cluster = BuildFieldName(context, policy.cluster_header(), FieldPath(place, "cluster_header"));
    }
    if (policy.has_runtime_fraction()) built.fraction = BuildFraction(context, policy.runtime_fraction());
    built.host = policy.host_rewrite_literal();
    CheckHost(context, built.host, FieldPath(place, "host_rewrite_literal"));
    built.host_suffix = built.host.empty() && !policy.disable_shadow_host_suffix_append();
  }
  return mirrors;
}

Redirect BuildRedirect(BuildContext& context, const v3::RedirectAction& from, const std::string& path) {
  constexpr std::array<uint16_t, 5> kStatus = {301, 302, 303, 307, 308};
  Redirect redirect;
  redirect.status = kStatus[static_cast<size_t>(from.response_code())];
  redirect.scheme = from.https_redirect() ? "https" : from.scheme_redirect();
  if (!redirect.scheme.empty() && !http::IsToken(redirect.scheme)) {
    context.errors.Add(FieldPath(path, "scheme_redirect"), Concat(Quote(redirect.scheme), ", expected a scheme"));
  }
  redirect.host = from.host_redirect();
  CheckHost(context, from.host_redirect(), FieldPath(path, "host_redirect"));
  redirect.port = static_cast<uint16_t>(from.port_redirect());
  redirect.strip_query = from.strip_query();
  if (!from.path_redirect().empty()) {
    redirect.path = (from.path_redirect()[0] == '/' ? "" : "/") + from.path_redirect();
    CheckPath(context, from.path_redirect(), FieldPath(path, "path_redirect"));
  } else if (!from.prefix_rewrite().empty()) {
    redirect.path = PrefixRewrite{from.prefix_rewrite()};
    CheckPath(context, from.prefix_rewrite(), FieldPath(path, "prefix_rewrite"));
  } else if (from.has_regex_rewrite()) {
    const auto rewrite = BuildRegexRewrite(context, from.regex_rewrite(), FieldPath(path, "regex_rewrite"));
    if (rewrite) redirect.path = *rewrite;
  }
  return redirect;
}

DirectResponse BuildDirectResponse(BuildContext& context, const v3::DirectResponseAction& from, size_t max_bytes,
                                   const std::string& path) {
  DirectResponse response;
  response.status = static_cast<uint16_t>(from.status());
  if (from.has_body()) response.body = ReadSource(context, from.body(), max_bytes, FieldPath(path, "body"));
  if (from.has_body_format()) {
    response.format = BuildBodyFormat(context, from.body_format(), FieldPath(path, "body_format"));
  }
  if ((!response.body.empty() || from.has_body_format()) && (from.status() == 204 || from.status() == 304)) {
    context.errors.Add(FieldPath(path, "body"), Concat("a response with status ", from.status(), " has no body"));
  }
  return response;
}

}  // namespace pillion::config
