#include "source/route/table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

#include "source/config/route.h"
#include "source/http/parameters.h"
#include "source/http/path.h"
#include "source/http/syntax.h"

namespace pillion::route {
namespace {

using IndexOf = std::function<uint32_t(const std::string& name)>;  // of clusters

// host without ":port"; the brackets of an IPv6 address stay.
std::string_view WithoutPort(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) return authority;
  return authority.substr(0, colon);
}

// From its end to its beginning, to `out`, which has room for it.
void CopyReversed(std::string_view text, char* out) {
  const size_t size = text.size();
  if (size < 8) {
    std::reverse_copy(text.begin(), text.end(), out);
    return;
  }
  const auto copy = [&](size_t at) {
    uint64_t word;
    std::memcpy(&word, text.data() + (size - 8 - at), 8);
    word = __builtin_bswap64(word);
    std::memcpy(out + at, &word, 8);
  };
  size_t at = 0;
  for (; at + 8 <= size; at += 8) copy(at);
  if (at < size) copy(size - 8);  // some of it a second time
}

// To us, or to a proxy in front of us that may say so: the field is ours where it may not.
bool CameOverTls(const http::RequestHead& head) {
  return http::EqualsIgnoreCase(head.headers.Get(http::HeaderId::kXForwardedProto), "https");
}

void FindClusters(const config::RouteAction& action, const IndexOf& index_of, Entry& entry,
                  Entry::More& more) {
  if (const auto* name = std::get_if<std::string>(&action.cluster)) {
    entry.traits |= Entry::kOneCluster;
    entry.cluster = index_of(*name);
  } else if (const auto* weighted = std::get_if<config::WeightedClusters>(&action.cluster)) {
    for (const config::WeightedClusters::Choice& choice : weighted->choices) {
      const auto* const choice_name = std::get_if<std::string>(&choice.cluster);
      more.choice_clusters.push_back(choice_name == nullptr ? Entry::kNoCluster : index_of(*choice_name));
    }
  }
}

void FindMirrors(std::initializer_list<const std::vector<config::MirrorPolicy>*> levels,
                 const IndexOf& index_of, Entry::More& more) {
  for (const auto* mirrors : levels) {
    if (mirrors->empty()) continue;
    more.mirrors = *mirrors;
    for (const config::MirrorPolicy& policy : *mirrors) {
      const auto* name = std::get_if<std::string>(&policy.cluster);
      more.mirror_clusters.push_back(name == nullptr ? Entry::kNoCluster : index_of(*name));
    }
    return;
  }
}

bool MatchesMore(const match::RequestMatcher& match) {
  return !match.headers.empty() || !match.query_parameters.empty() || !match.cookies.empty() || !match.metadata.empty() ||
         !match.filter_state.empty() || match.grpc ||
         match.fraction || match.certificate_presented || match.certificate_validated;
}

void FindTraits(const config::RouteAction& action, Entry& entry) {
  const auto has = [&](Entry::Trait trait, bool yes) {
    if (yes) entry.traits |= trait;
  };
  has(Entry::kEditsRequest, std::holds_alternative<telemetry::TextFormat>(action.path_rewrite) ||
                                std::holds_alternative<telemetry::TextFormat>(action.host_rewrite));
  has(Entry::kRewrites, !std::holds_alternative<std::monostate>(action.path_rewrite) ||
                            !std::holds_alternative<std::monostate>(action.host_rewrite));
  has(Entry::kUsesEndpointHost, std::holds_alternative<config::EndpointHost>(action.host_rewrite));
  has(Entry::kHashes, !action.hash_policies.empty());
  has(Entry::kHasCriteria, !action.lb_criteria.empty());
  has(Entry::kLimitsDuration, action.max_stream_duration.limit || action.max_stream_duration.grpc_max);
  has(Entry::kIdleTimeout, action.idle_timeout.has_value());
  has(Entry::kFollowsRedirects, action.internal_redirect.has_value());
  has(Entry::kEndsConnect, action.ended_connect.has_value());
  has(Entry::kGrpcTimeout, action.max_grpc_timeout.has_value());
}

// In its place: one on the stack would not be aligned under AddressSanitizer (GCC 12).
void SetEntry(const config::RouteConfig& table, const config::VirtualHost& host, const config::Route& route,
              const IndexOf& index_of, Entry& entry) {
  entry.route = &route;
  entry.virtual_host = &host;
  entry.forward = std::get_if<config::RouteAction>(&route.action);
  entry.retry_policy = host.retry_policy ? &*host.retry_policy : nullptr;
  Entry::More more{.choice_edits_last = table.most_specific_edits_last,
                   .held_body = route.held_body ? route.held_body : host.held_body};
  if (MatchesMore(route.match)) entry.traits |= Entry::kMatchesMore;
  if (route.match.connect) entry.traits |= Entry::kConnects;
  if (more.held_body) entry.traits |= Entry::kHoldsBody;
  if (host.request_attempt_count) entry.traits |= Entry::kCountsAttempts;
  if (host.response_attempt_count) entry.traits |= Entry::kTellsAttempts;
  if (!route.filter_overrides.empty() || !host.filter_overrides.empty()) entry.traits |= Entry::kOverridesFilters;
  if (entry.forward != nullptr) {
    entry.timeout = entry.forward->timeout;
    entry.priority = entry.forward->priority;
    FindTraits(*entry.forward, entry);
    FindClusters(*entry.forward, index_of, entry, more);
    if (entry.forward->retry_policy) entry.retry_policy = &*entry.forward->retry_policy;
    if (entry.forward->hedges.value_or(host.hedges)) entry.traits |= Entry::kHedges;
    FindMirrors({&entry.forward->mirrors, &host.mirrors, &table.mirrors}, index_of, more);
    if (!more.mirrors.empty()) entry.traits |= Entry::kMirrors;
  }
  std::array levels = {&route.headers, &host.headers, &table.headers};
  if (table.most_specific_edits_last) std::swap(levels.front(), levels.back());
  for (const config::LevelHeaderEdits* level : levels) {
    if (!level->request.empty()) more.request_edits.push_back(&level->request);
    if (!level->response.empty()) more.response_edits.push_back(&level->response);
  }
  if (!more.request_edits.empty()) entry.traits |= Entry::kEditsRequest;
  if (!more.response_edits.empty()) entry.traits |= Entry::kEditsResponse;
  constexpr uint32_t kAsk =
      Entry::kMirrors | Entry::kHoldsBody | Entry::kEditsRequest | Entry::kEditsResponse | Entry::kRewrites;
  if ((entry.traits & kAsk) != 0 || !more.choice_clusters.empty()) {
    entry.more = std::make_unique<const Entry::More>(std::move(more));
  }
}

}  // namespace

std::optional<Table::Wildcards> Table::Wildcards::Make(const std::map<std::string, const Host*>& domains,
                                                       Words& words) {
  if (domains.empty()) return std::nullopt;
  std::vector<std::string> texts;
  std::vector<uint32_t> numbers;
  std::vector<const Host*> hosts;
  for (const auto& [text, host] : domains) {
    texts.push_back(text);
    numbers.push_back(static_cast<uint32_t>(hosts.size()));
    hosts.push_back(host);
  }
  return Wildcards{PrefixTree(texts, numbers, false, words), std::move(hosts)};
}

const Table::Host* Table::Wildcards::Find(const uint32_t* words, std::string_view name) const {
  const Host* found = nullptr;
  texts.ForEachPrefix(words, name, [&](uint32_t number, size_t size) {
    if (size < name.size()) found = hosts[number];  // a star stands for at least one character
  });
  return found;
}

Table::Host::Host(const config::RouteConfig& table, std::shared_ptr<const config::VirtualHost> virtual_host,
                  const config::Route& to_tls_route, const ClusterIndex& clusters_by_name)
    : config(std::move(virtual_host)), paths(config->routes, words), entries(config->routes.size()) {
  const IndexOf index_of = [&](const std::string& name) { return clusters.Hold(clusters_by_name(name)); };
  for (size_t i = 0; i < entries.size(); ++i) {
    const config::Route& route = *config->routes[i];
    SetEntry(table, *config, route, index_of, entries[i]);
    matches_notes = matches_notes || !route.match.metadata.empty() || !route.match.filter_state.empty();
  }
  if (config->require_tls != config::TlsRequirement::kNone) {
    auto entry = std::make_unique<Entry>();
    SetEntry(table, *config, to_tls_route, index_of, *entry);
    to_tls = std::move(entry);
  }
  words.shrink_to_fit();
  clusters.Settle();
}

bool Table::HostsStandAlone(const config::RouteConfig& table) {
  return table.headers.request.empty() && table.headers.response.empty() && table.mirrors.empty();
}

Table::Table(std::shared_ptr<const config::RouteConfig> config, const ClusterIndex& clusters, const Table* former)
    : config_(std::move(config)) {
  // Outlives all tables.
  static const auto& to_tls = *new config::Route{.action = config::Redirect{.scheme = "https"}};
  absl::flat_hash_map<const config::VirtualHost*, const std::shared_ptr<const Host>*> made;
  if (former != nullptr && HostsStandAlone(*config_) && HostsStandAlone(former->config()) &&
      config_->most_specific_edits_last == former->config().most_specific_edits_last) {
    for (const std::shared_ptr<const Host>& host : former->hosts_) made.emplace(host->config.get(), &host);
  }
  std::map<std::string, const Host*> suffixes;
  std::map<std::string, const Host*> prefixes;
  hosts_.reserve(config_->virtual_hosts.size());
  for (const std::shared_ptr<const config::VirtualHost>& virtual_host : config_->virtual_hosts) {
    const auto same = made.find(virtual_host.get());
    hosts_.push_back(same != made.end() ? *same->second
                                        : std::make_shared<const Host>(*config_, virtual_host, to_tls, clusters));
    const Host* const host = hosts_.back().get();
    matches_notes_ = matches_notes_ || host->matches_notes;
    for (const config::Domain& domain : virtual_host->domains) {
      switch (domain.kind) {
        case config::Domain::Kind::kExact:
          exact_[domain.text] = host;
          break;
        case config::Domain::Kind::kSuffix:
          suffixes.emplace(std::string(domain.text.rbegin(), domain.text.rend()), host);
          break;
        case config::Domain::Kind::kPrefix:
          prefixes.emplace(domain.text, host);
          break;
        case config::Domain::Kind::kAny:
          any_ = host;
          break;
      }
    }
  }
  only_any_ = exact_.empty() && suffixes.empty() && prefixes.empty();
  suffixes_ = Wildcards::Make(suffixes, words_);
  prefixes_ = Wildcards::Make(prefixes, words_);
  words_.shrink_to_fit();
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
  if (!exact_.empty()) {
    const auto found = exact_.find(absl::string_view(name.data(), name.size()));
    if (found != exact_.end()) return found->second;
  }
  if (suffixes_) {
    char reversed[kLongest];
    CopyReversed(name, reversed);
    if (const Host* host = suffixes_->Find(words_.data(), {reversed, name.size()})) return host;
  }
  const Host* const host = prefixes_ ? prefixes_->Find(words_.data(), name) : nullptr;
  return host != nullptr ? host : any_;
}

const Table::Host* Table::HostOf(const http::RequestHead& head) const {
  std::string_view authority = head.authority;
  if (config_->host_header) [[unlikely]] authority = config_->host_header->First(head).value_or(authority);
  return FindHost(authority);
}

const config::VirtualHost* Table::FindVirtualHost(const http::RequestHead& head) const {
  const Host* const host = HostOf(head);
  return host == nullptr ? nullptr : host->config.get();
}

std::string_view Table::ComparedPath(const http::RequestHead& head) const {
  const std::string_view path = http::WithoutQuery(head.path);
  if (config_->ignore_path_parameters) [[unlikely]] return http::WithoutParameters(path, head.headers.arena());
  return path;
}

const Entry* Table::Match(const http::RequestHead& head, uint64_t random, const match::StreamFacts& facts) const {
  const Host* const host = HostOf(head);
  if (host == nullptr) return nullptr;
  if (host->to_tls != nullptr) [[unlikely]] {
    const bool all = host->config->require_tls == config::TlsRequirement::kAll;
    if ((all || !head.headers.Has(http::HeaderId::kXEnvoyInternal)) && !CameOverTls(head)) return host->to_tls.get();
  }
  const Entry* const entries = host->entries.data();
  const uint32_t number = host->paths.First(host->words.data(), ComparedPath(head), [&](uint32_t candidate) {
    const Entry& entry = entries[candidate];
    return !entry.Has(Entry::kMatchesMore) || entry.route->match.MatchesRest(head, random, facts);
  });
  return number == PathIndex::kNone ? nullptr : &entries[number];
}

}  // namespace pillion::route
