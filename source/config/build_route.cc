// Route tables.

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "source/config/build.h"
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

Route BuildRoute(BuildContext& context, const v3::Route& from, size_t max_body_bytes, const std::string& path) {
  Route route;
  route.name = from.name();
  route.metadata = BuildMetadata(from.metadata());
  route.stat_prefix = from.stat_prefix();
  route.match = BuildRequestMatcher(context, from.match(), FieldPath(path, "match"));
  route.headers = BuildLevelHeaderEdits(context, from, path);
  route.held_body = BuildHeldBody(from);
  if (from.has_route()) {
    RouteAction& action =
        route.action.emplace<RouteAction>(BuildRouteAction(context, from.route(), FieldPath(path, "route")));
    if (from.route().has_path_rewrite_policy()) BuildTemplateRewrite(context, from, path, action);
  } else if (from.has_redirect()) {
    route.action = BuildRedirect(context, from.redirect(), FieldPath(path, "redirect"));
  } else if (from.has_direct_response()) {
    route.action =
        BuildDirectResponse(context, from.direct_response(), max_body_bytes, FieldPath(path, "direct_response"));
  }
  route.filter_overrides =
      BuildFilterOverrides(context, from.typed_per_filter_config(), FieldPath(path, "typed_per_filter_config"));
  return route;
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

}  // namespace

std::shared_ptr<const RouteConfig> BuildRouteConfig(BuildContext& context, const v3::RouteConfiguration& from,
                                                    const std::string& path) {
  const auto table = std::make_shared<RouteConfig>();
  table->name = from.name();
  table->filter_overrides =
      BuildFilterOverrides(context, from.typed_per_filter_config(), FieldPath(path, "typed_per_filter_config"));
  table->ignore_port_in_host_matching = from.ignore_port_in_host_matching();
  table->ignore_path_parameters = from.ignore_path_parameters_in_path_matching();
  if (!from.vhost_header().empty()) {
    if (!http::FieldName::IsFieldName(from.vhost_header())) {
      context.errors.Add(FieldPath(path, "vhost_header"),
                         Concat(Quote(from.vhost_header()), ", expected a header's name"));
    }
    table->host_header.emplace(from.vhost_header());
  }
  for (int i = 0; i < from.internal_only_headers_size(); ++i) {
    const std::string& name = from.internal_only_headers(i);
    if (!http::FieldName::IsFieldName(name)) {
      context.errors.Add(ElementPath(FieldPath(path, "internal_only_headers"), i),
                         Concat(Quote(name), ", expected a header's name"));
    }
    table->internal_only_headers.emplace_back(name);
  }
  table->headers = BuildLevelHeaderEdits(context, from, path);
  table->most_specific_edits_last = from.most_specific_header_mutations_wins();
  context.check_route_clusters = !from.has_validate_clusters() || from.validate_clusters().value();
  table->mirrors =
      BuildMirrors(context, from.request_mirror_policies(), FieldPath(path, "request_mirror_policies"));
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
    built.headers = BuildLevelHeaderEdits(context, host, host_path);
    built.held_body = BuildHeldBody(host);
    built.mirrors = BuildMirrors(context, host.request_mirror_policies(),
                                 FieldPath(host_path, "request_mirror_policies"));
    built.require_tls = BuildTlsRequirement(host.require_tls());
    built.virtual_clusters = BuildVirtualClusters(context, host, host_path);
    built.request_attempt_count = host.include_request_attempt_count();
    built.response_attempt_count = host.include_attempt_count_in_response();
    if (host.has_retry_policy()) {
      built.retry_policy = BuildRetryPolicy(context, host.retry_policy(), FieldPath(host_path, "retry_policy"));
    }
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
