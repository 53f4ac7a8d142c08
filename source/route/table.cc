#include "source/route/table.h"

#include <algorithm>
#include <array>

#include "source/http/parameters.h"
#include "source/http/path.h"
#include "source/http/syntax.h"

namespace pillion::route {
namespace {

// host without ":port"; the brackets of an IPv6 address stay.
std::string_view WithoutPort(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) return authority;
  return authority.substr(0, colon);
}

// To us, or to a proxy in front of us that may say so: the field is ours where it may not.
bool CameOverTls(const http::RequestHead& head) {
  return http::EqualsIgnoreCase(head.headers.Get(http::HeaderId::kXForwardedProto), "https");
}

std::vector<uint32_t> ClustersOf(const config::RouteAction& action, const Table::ClusterIndex& clusters) {
  const auto find = [&](const auto& cluster) {
    const auto* name = std::get_if<std::string>(&cluster);
    return name == nullptr ? Entry::kNoCluster : clusters(*name);
  };
  const auto* weighted = std::get_if<config::WeightedClusters>(&action.cluster);
  if (weighted == nullptr) return {find(action.cluster)};
  std::vector<uint32_t> found;
  for (const config::WeightedClusters::Choice& choice : weighted->choices) found.push_back(find(choice.cluster));
  return found;
}

Entry MakeEntry(const config::RouteConfig& table, const config::VirtualHost& host, const config::Route& route,
                const Table::ClusterIndex& clusters) {
  Entry entry{.virtual_host = &host,
              .route = &route,
              .forward = std::get_if<config::RouteAction>(&route.action),
              .redirect = std::get_if<config::Redirect>(&route.action),
              .direct = std::get_if<config::DirectResponse>(&route.action),
              .retry_policy = host.retry_policy ? &*host.retry_policy : nullptr,
              .held_body = route.held_body ? route.held_body : host.held_body,
              .choice_edits_last = table.most_specific_edits_last};
  if (entry.forward != nullptr) {
    entry.clusters = ClustersOf(*entry.forward, clusters);
    if (entry.forward->retry_policy) entry.retry_policy = &*entry.forward->retry_policy;
    for (const auto* mirrors : {&entry.forward->mirrors, &host.mirrors, &table.mirrors}) {
      if (mirrors->empty()) continue;
      entry.mirrors = *mirrors;
      for (const config::MirrorPolicy& policy : *mirrors) {
        const auto* name = std::get_if<std::string>(&policy.cluster);
        entry.mirror_clusters.push_back(name == nullptr ? Entry::kNoCluster : clusters(*name));
      }
      break;
    }
  }
  std::array levels = {&route.headers, &host.headers, &table.headers};
  if (table.most_specific_edits_last) std::swap(levels.front(), levels.back());
  for (const config::LevelHeaderEdits* level : levels) {
    if (!level->request.empty()) entry.request_edits.push_back(&level->request);
    if (!level->response.empty()) entry.response_edits.push_back(&level->response);
  }
  return entry;
}

}  // namespace

std::unique_ptr<const Table::Wildcards> Table::Wildcards::Make(std::map<std::string, const Host*> domains) {
  if (domains.empty()) return nullptr;
  std::vector<std::string> texts;
  std::vector<const Host*> hosts;
  for (const auto& [text, host] : domains) {
    texts.push_back(text);
    hosts.push_back(host);
  }
  return std::unique_ptr<const Wildcards>(new Wildcards{PrefixTree(texts), std::move(hosts)});
}

const Table::Host* Table::Wildcards::Find(std::string_view name) const {
  const Host* found = nullptr;
  texts.ForEachPrefix(name, [&](uint32_t text, size_t size) {
    if (size < name.size()) found = hosts[text];  // a star stands for at least one character
  });
  return found;
}

Table::Table(std::shared_ptr<const config::RouteConfig> config, const ClusterIndex& clusters)
    : config_(std::move(config)), to_tls_{.action = config::Redirect{.scheme = "https"}} {
  std::map<std::string, const Host*> suffixes;
  std::map<std::string, const Host*> prefixes;
  hosts_.reserve(config_->virtual_hosts.size());
  for (const config::VirtualHost& virtual_host : config_->virtual_hosts) {
    Host& host = hosts_.emplace_back(virtual_host);
    host.entries.reserve(virtual_host.routes.size());
    for (const config::Route& route : virtual_host.routes) {
      host.entries.push_back(MakeEntry(*config_, virtual_host, route, clusters));
    }
    if (host.require_tls != config::TlsRequirement::kNone) {
      host.to_tls = MakeEntry(*config_, virtual_host, to_tls_, clusters);
    }
    for (const config::Domain& domain : virtual_host.domains) {
      switch (domain.kind) {
        case config::Domain::Kind::kExact:
          exact_[domain.text] = &host;
          break;
        case config::Domain::Kind::kSuffix:
          suffixes.emplace(std::string(domain.text.rbegin(), domain.text.rend()), &host);
          break;
        case config::Domain::Kind::kPrefix:
          prefixes.emplace(domain.text, &host);
          break;
        case config::Domain::Kind::kAny:
          any_ = &host;
          break;
      }
    }
  }
  only_any_ = exact_.empty() && suffixes.empty() && prefixes.empty();
  suffixes_ = Wildcards::Make(std::move(suffixes));
  prefixes_ = Wildcards::Make(std::move(prefixes));
}

const Table::Host* Table::FindHost(std::string_view authority) const {
  if (only_any_) return any_;
  if (config_->ignore_port_in_host_matching) authority = WithoutPort(authority);
  // Names are compared in lower case (RFC 3986, 3.2.2). A longer one than DNS allows fits no domain but `*`.
  constexpr size_t kLongest = 255 + 6;
  char buffer[kLongest];
  if (authority.size() > kLongest) return any_;
  http::CopyLowerCase(authority, buffer);
  const std::string_view name(buffer, authority.size());
  const auto found = exact_.find(absl::string_view(name.data(), name.size()));
  if (found != exact_.end()) return found->second;
  if (suffixes_ != nullptr) {
    char reversed[kLongest];
    std::reverse_copy(name.begin(), name.end(), reversed);
    if (const Host* host = suffixes_->Find({reversed, name.size()})) return host;
  }
  const Host* const host = prefixes_ == nullptr ? nullptr : prefixes_->Find(name);
  return host != nullptr ? host : any_;
}

const Entry* Table::Match(const http::RequestHead& head, uint64_t random) const {
  std::string_view authority = head.authority;
  if (config_->host_header) [[unlikely]] authority = config_->host_header->First(head).value_or(authority);
  const Host* host = FindHost(authority);
  if (host == nullptr) return nullptr;
  if (host->to_tls) [[unlikely]] {
    const bool all = host->require_tls == config::TlsRequirement::kAll;
    if ((all || !head.headers.Has(http::HeaderId::kXEnvoyInternal)) && !CameOverTls(head)) return &*host->to_tls;
  }
  const std::vector<Entry>& entries = host->entries;
  std::string_view path = http::WithoutQuery(head.path);
  if (config_->ignore_path_parameters) [[unlikely]] path = http::WithoutParameters(path, head.headers.arena());
  const uint32_t number = host->paths.First(path, [&](uint32_t candidate) {
    return entries[candidate].route->match.MatchesRest(head, random);
  });
  return number == PathIndex::kNone ? nullptr : &entries[number];
}

}  // namespace pillion::route
