#include "source/proxy/route_stats.h"

#include <algorithm>
#include "source/config/route.h"

namespace pillion::proxy {

RouteCountIds::RouteCountIds(stats::Registry& registry, const stats::Prefix& prefix) : scope(registry, prefix) {
#define X(name) name = scope.AddCounter(#name);
  PILLION_ROUTE_COUNTERS(X)
#undef X
  upstream_rq_time = scope.AddHistogram("upstream_rq_time");
}

RouteCounts::RouteCounts(const RouteCountIds& ids, stats::Shard& shard)
    :
#define X(name) name(*shard.counter(ids.name)),
      PILLION_ROUTE_COUNTERS(X)
#undef X
          upstream_rq_time(*shard.histogram(ids.upstream_rq_time)) {
}

void RouteCounts::Count(const RouteOutcome& outcome) {
  upstream_rq_total.Add(outcome.attempts);
  upstream_rq_retry.Add(outcome.retries);
  if (outcome.retries_used_up) {
    upstream_rq_retry_limit_exceeded.Increment();
  } else if (outcome.retries > 0 && outcome.status != 0) {
    upstream_rq_retry_success.Increment();
  }
  if (outcome.timed_out) upstream_rq_timeout.Increment();
  if (outcome.status == 0) return;
  upstream_rq_time.Record(outcome.milliseconds);
  upstream_rq_completed.Increment();
  stats::Counter* const classes[] = {&upstream_rq_1xx, &upstream_rq_2xx, &upstream_rq_3xx, &upstream_rq_4xx,
                                     &upstream_rq_5xx};
  classes[outcome.status / 100 - 1]->Increment();
}

RouteStatIds::RouteStatIds(stats::Registry& registry, const config::RouteConfig& table) {
  const auto prefix = [](const config::VirtualHost& host, std::string_view kind, std::string_view label,
                         const std::string& name) {
    return stats::Prefix("vhost").Add(stats::kVirtualHost, host.name).Add(kind).Add(label, name);
  };
  for (const auto& host_part : table.virtual_hosts) {
    const config::VirtualHost& host = *host_part;
    for (const auto& route_part : host.routes) {
      const config::Route& route = *route_part;
      if (route.stat_prefix.empty() || !std::holds_alternative<config::RouteAction>(route.action)) continue;
      routes_.emplace(&route, groups_.size());
      groups_.emplace_back(registry, prefix(host, "route", stats::kRoute, route.stat_prefix));
    }
    if (host.virtual_clusters.empty()) continue;
    virtual_hosts_.emplace(&host, groups_.size());
    for (const config::VirtualCluster& cluster : host.virtual_clusters) {
      groups_.emplace_back(registry, prefix(host, "vcluster", stats::kVirtualCluster, cluster.name));
    }
    groups_.emplace_back(registry, prefix(host, "vcluster", stats::kVirtualCluster, "other"));
  }
}

RouteStats::RouteStats(const RouteStatIds& ids, stats::Shard& shard) : ids_(ids) {
  groups_.reserve(ids.groups_.size());
  for (const RouteCountIds& group : ids.groups_) groups_.emplace_back(group, shard);
}

RouteStats::Groups RouteStats::Find(const route::Entry& entry, const http::RequestHead& head) {
  Groups found;
  const auto route = ids_.routes_.find(entry.route);
  if (route != ids_.routes_.end()) found.route = &groups_[route->second];
  const auto host = ids_.virtual_hosts_.find(entry.virtual_host);
  if (host == ids_.virtual_hosts_.end()) return found;
  const std::vector<config::VirtualCluster>& clusters = entry.virtual_host->virtual_clusters;
  const auto cluster = std::find_if(clusters.begin(), clusters.end(), [&](const config::VirtualCluster& candidate) {
    return std::all_of(candidate.headers.begin(), candidate.headers.end(),
                       [&](const match::HeaderMatcher& matcher) { return matcher.Matches(head); });
  });
  found.virtual_cluster_name = cluster == clusters.end() ? std::string_view("other") : cluster->name;
  found.virtual_cluster = &groups_[host->second + static_cast<size_t>(cluster - clusters.begin())];
  return found;
}

}  // namespace pillion::proxy
