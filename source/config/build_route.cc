// Route tables.

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "source/config/build.h"
#include "source/config/route.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::route::v3;

// Every route's body is kept in memory: this bounds what a table may ask for.
constexpr uint32_t kMostDirectResponseBytes = 1024 * 1024;
constexpr uint32_t kDefaultDirectResponseBytes = 4096;

// Of a route or a virtual host.
template <typename Level>
std::optional<HeldBody> BuildHeldBody(const Level& from) {
  if (from.has_request_body_buffer_limit()) return HeldBody{from.request_body_buffer_limit().value(), true};
  if (from.has_per_request_buffer_limit_bytes()) return HeldBody{from.per_request_buffer_limit_bytes().value(), false};
  return std::nullopt;
}

TlsRequirement BuildTlsRequirement(v3::VirtualHost::TlsRequirementType from) {
  switch (from) {
    case v3::VirtualHost::EXTERNAL_ONLY:
      return TlsRequirement::kExternal;
    case v3::VirtualHost::ALL:
      return TlsRequirement::kAll;
    default:
      return TlsRequirement::kNone;
  }
}

std::vector<VirtualCluster> BuildVirtualClusters(BuildContext& context, const v3::VirtualHost& from,
                                                 const std::string& path) {
  std::vector<VirtualCluster> clusters;
  for (int i = 0; i < from.virtual_clusters_size(); ++i) {
    const v3::VirtualCluster& cluster = from.virtual_clusters(i);
    const std::string place = FieldPath(ElementPath(FieldPath(path, "virtual_clusters"), i), "headers");
    VirtualCluster& built = clusters.emplace_back();
    built.name = cluster.name();
    for (int h = 0; h < cluster.headers_size(); ++h) {
      built.headers.push_back(BuildHeaderMatcher(context, cluster.headers(h), ElementPath(place, h)));
    }
    if (built.headers.empty()) context.errors.AddMissing(place, place, "empty, but required");
  }
  return clusters;
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

// As it is configured, in lower case.
std::string DomainText(const Domain& domain) {
  switch (domain.kind) {
    case Domain::Kind::kSuffix:
      return "*" + domain.text;
    case Domain::Kind::kPrefix:
      return domain.text + "*";
    case Domain::Kind::kAny:
      return "*";
    case Domain::Kind::kExact:
      return domain.text;
  }
  return domain.text;
}

}  // namespace

size_t MaxDirectResponseBytes(const v3::RouteConfiguration& from) {
  if (!from.has_max_direct_response_body_size_bytes()) return kDefaultDirectResponseBytes;
  return std::min(from.max_direct_response_body_size_bytes().value(), kMostDirectResponseBytes);
}

std::shared_ptr<const Route> BuildRoute(BuildContext& context, const v3::Route& from, size_t max_body_bytes,
                                        const std::string& path) {
  const AtHome home(context, from, path);
  const auto route = std::make_shared<Route>();
  route->name = from.name();
  route->metadata = BuildMetadata(from.metadata());
  route->stat_prefix = from.stat_prefix();
  route->match = BuildRequestMatcher(context, from.match(), FieldPath(path, "match"));
  route->headers = BuildLevelHeaderEdits(context, from, path);
  route->held_body = BuildHeldBody(from);
  if (from.has_route()) {
    RouteAction& action =
        route->action.emplace<RouteAction>(BuildRouteAction(context, from.route(), FieldPath(path, "route")));
    if (from.route().has_path_rewrite_policy()) BuildTemplateRewrite(context, from, path, action);
  } else if (from.has_redirect()) {
    route->action = BuildRedirect(context, from.redirect(), FieldPath(path, "redirect"));
  } else if (from.has_direct_response()) {
    route->action =
        BuildDirectResponse(context, from.direct_response(), max_body_bytes, FieldPath(path, "direct_response"));
  }
  route->filter_overrides =
      BuildFilterOverrides(context, from.typed_per_filter_config(), FieldPath(path, "typed_per_filter_config"));
  return route;
}

void BuildVirtualHost(BuildContext& context, const v3::VirtualHost& from, const std::string& path, VirtualHost& to) {
  const AtHome home(context, "host", from.name(), path);
  to.name = from.name();
  to.metadata = BuildMetadata(from.metadata());
  to.filter_overrides =
      BuildFilterOverrides(context, from.typed_per_filter_config(), FieldPath(path, "typed_per_filter_config"));
  to.headers = BuildLevelHeaderEdits(context, from, path);
  to.held_body = BuildHeldBody(from);
  to.mirrors = BuildMirrors(context, from.request_mirror_policies(), FieldPath(path, "request_mirror_policies"));
  to.rate_limits = BuildRateLimits(context, from.rate_limits(), RateLimitsOf::kRoute, FieldPath(path, "rate_limits"));
  to.require_tls = BuildTlsRequirement(from.require_tls());
  to.virtual_clusters = BuildVirtualClusters(context, from, path);
  to.request_attempt_count = from.include_request_attempt_count();
  to.response_attempt_count = from.include_attempt_count_in_response();
  if (from.has_retry_policy()) {
    to.retry_policy = BuildRetryPolicy(context, from.retry_policy(), FieldPath(path, "retry_policy"));
  }
  to.hedges = from.hedge_policy().hedge_on_per_try_timeout();
  for (int d = 0; d < from.domains_size(); ++d) {
    const std::string place = ElementPath(FieldPath(path, "domains"), d);
    if (std::optional<Domain> domain = ParseDomain(from.domains(d))) {
      to.domains.push_back(*std::move(domain));
    } else {
      context.errors.AddMissing(
          place, place, Concat(Quote(from.domains(d)), ", expected a name, \"*.suffix\", \"prefix.*\" or \"*\""));
    }
  }
}

void BuildTable(BuildContext& context, const v3::RouteConfiguration& from, const std::string& path, RouteConfig& to) {
  to.name = from.name();
  to.filter_overrides =
      BuildFilterOverrides(context, from.typed_per_filter_config(), FieldPath(path, "typed_per_filter_config"));
  to.ignore_port_in_host_matching = from.ignore_port_in_host_matching();
  to.ignore_path_parameters = from.ignore_path_parameters_in_path_matching();
  if (!from.vhost_header().empty()) {
    if (!http::FieldName::IsFieldName(from.vhost_header())) {
      context.errors.Add(FieldPath(path, "vhost_header"),
                         Concat(Quote(from.vhost_header()), ", expected a header's name"));
    }
    to.host_header.emplace(from.vhost_header());
  }
  for (int i = 0; i < from.internal_only_headers_size(); ++i) {
    const std::string& name = from.internal_only_headers(i);
    if (!http::FieldName::IsFieldName(name)) {
      context.errors.Add(ElementPath(FieldPath(path, "internal_only_headers"), i),
                         Concat(Quote(name), ", expected a header's name"));
    }
    to.internal_only_headers.emplace_back(name);
  }
  to.headers = BuildLevelHeaderEdits(context, from, path);
  to.most_specific_edits_last = from.most_specific_header_mutations_wins();
  context.check_route_clusters =
      !context.pushed && (!from.has_validate_clusters() || from.validate_clusters().value());
  to.mirrors =
      BuildMirrors(context, from.request_mirror_policies(), FieldPath(path, "request_mirror_policies"));
}

void CheckVirtualHosts(const RouteConfig& table, const std::string& path, ErrorList& errors) {
  absl::flat_hash_set<absl::string_view> names;
  absl::flat_hash_set<std::pair<Domain::Kind, absl::string_view>> domains;
  for (size_t v = 0; v < table.virtual_hosts.size(); ++v) {
    const VirtualHost& host = *table.virtual_hosts[v];
    const auto place = [&] { return ElementPath(FieldPath(path, "virtual_hosts"), v); };
    if (!host.name.empty() && !names.insert(host.name).second) {
      errors.Add(FieldPath(place(), "name"), Concat("duplicate name ", Quote(host.name)));
    }
    for (size_t d = 0; d < host.domains.size(); ++d) {
      if (domains.emplace(host.domains[d].kind, host.domains[d].text).second) continue;
      errors.Add(ElementPath(FieldPath(place(), "domains"), d),
                         Concat("duplicate domain ", Quote(DomainText(host.domains[d]))));
    }
  }
}

std::shared_ptr<const RouteConfig> BuildRouteConfig(BuildContext& context, const v3::RouteConfiguration& from,
                                                    const std::string& path) {
  const auto table = std::make_shared<RouteConfig>();
  const AtHome home(context, "table", from.name(), path);
  BuildTable(context, from, path, *table);
  const size_t max_body_bytes = MaxDirectResponseBytes(from);
  for (int v = 0; v < from.virtual_hosts_size(); ++v) {
    const v3::VirtualHost& host = from.virtual_hosts(v);
    const std::string place = ElementPath(FieldPath(path, "virtual_hosts"), v);
    const auto built = std::make_shared<VirtualHost>();
    BuildVirtualHost(context, host, place, *built);
    const AtHome host_home(context, "host", host.name(), place);
    for (int r = 0; r < host.routes_size(); ++r) {
      built->routes.push_back(
          BuildRoute(context, host.routes(r), max_body_bytes, ElementPath(FieldPath(place, "routes"), r)));
    }
    table->virtual_hosts.push_back(built);
  }
  CheckVirtualHosts(*table, path, context.errors);
  return table;
}

}  // namespace pillion::config
