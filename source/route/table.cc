#include "source/route/table.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::route {
namespace {

bool PathMatches(const config::RouteMatch& match, std::string_view path) {
  if (match.kind == config::RouteMatch::Path::kExact) {
    return match.case_sensitive ? path == match.path : http::EqualsIgnoreCase(path, match.path);
  }
  if (path.size() < match.path.size()) return false;
  const std::string_view head = path.substr(0, match.path.size());
  return match.case_sensitive ? head == match.path : http::EqualsIgnoreCase(head, match.path);
}

}  // namespace

Table::Table(std::shared_ptr<const config::RouteConfig> config, const ClusterIndex& clusters)
    : config_(std::move(config)) {
  hosts_.reserve(config_->virtual_hosts.size());
  for (const config::VirtualHost& host : config_->virtual_hosts) {
    Routes& routes = hosts_.emplace_back();
    routes.reserve(host.routes.size());
    for (const config::Route& route : host.routes) {
      const auto* forward = std::get_if<config::RouteAction>(&route.action);
      routes.push_back({.virtual_host = &host,
                        .route = &route,
                        .forward = forward,
                        .direct = std::get_if<config::DirectResponse>(&route.action),
                        .cluster = forward == nullptr ? Entry::kNoCluster : clusters(forward->cluster)});
    }
    for (const config::Domain& domain : host.domains) {
      switch (domain.kind) {
        case config::Domain::Kind::kExact:
          exact_[domain.text] = &routes;
          break;
        case config::Domain::Kind::kSuffix:
          suffixes_.emplace_back(domain.text, &routes);
          break;
        case config::Domain::Kind::kPrefix:
          prefixes_.emplace_back(domain.text, &routes);
          break;
        case config::Domain::Kind::kAny:
          any_ = &routes;
          break;
      }
    }
  }
  const auto longer = [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); };
  std::stable_sort(suffixes_.begin(), suffixes_.end(), longer);
  std::stable_sort(prefixes_.begin(), prefixes_.end(), longer);
  only_any_ = exact_.empty() && suffixes_.empty() && prefixes_.empty();
}

const Table::Routes* Table::FindHost(std::string_view authority) const {
  if (only_any_) return any_;
  // Names are compared in lower case (RFC 3986, 3.2.2). A longer one than DNS allows fits no domain but `*`.
  char buffer[255 + 6];
  if (authority.size() > sizeof buffer) return any_;
  std::transform(authority.begin(), authority.end(), buffer,
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const std::string_view name(buffer, authority.size());
  const auto found = exact_.find(absl::string_view(name.data(), name.size()));
  if (found != exact_.end()) return found->second;
  // A star stands for at least one character.
  for (const auto& [suffix, routes] : suffixes_) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) return routes;
  }
  for (const auto& [prefix, routes] : prefixes_) {
    if (name.size() > prefix.size() && name.starts_with(prefix)) return routes;
  }
  return any_;
}

const Entry* Table::Match(std::string_view authority, std::string_view path) const {
  const Routes* routes = FindHost(authority);
  if (routes == nullptr) return nullptr;
  path = path.substr(0, path.find('?'));
  for (const Entry& entry : *routes) {
    if (PathMatches(entry.route->match, path)) return &entry;
  }
  return nullptr;
}

}  // namespace pillion::route
