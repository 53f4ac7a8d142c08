#pragma once

// What is counted of some of a table's requests on their own: of those of a route (stat_prefix), under
// vhost.<virtual host>.route.<prefix>, and of those that a virtual host has a name for (virtual_clusters), under
// vhost.<virtual host>.vcluster.<name>, where "other" has the rest. RouteStatIds is the part for the whole process,
// RouteStats that of one worker. Where nothing of that is configured, both are empty.

#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/config/route.h"
#include "source/route/table.h"
#include "source/stats/registry.h"

namespace pillion::proxy {

#define PILLION_ROUTE_COUNTERS(X)     \
  X(upstream_rq_total)                \
  X(upstream_rq_completed)            \
  X(upstream_rq_1xx)                  \
  X(upstream_rq_2xx)                  \
  X(upstream_rq_3xx)                  \
  X(upstream_rq_4xx)                  \
  X(upstream_rq_5xx)                  \
  X(upstream_rq_retry)                \
  X(upstream_rq_retry_limit_exceeded) \
  X(upstream_rq_retry_success)        \
  X(upstream_rq_timeout)

struct RouteCountIds {
  explicit RouteCountIds(stats::Registry& registry, const stats::Prefix& prefix);

  stats::Scope scope;
#define X(name) stats::CounterId name;
  PILLION_ROUTE_COUNTERS(X)
#undef X
  stats::HistogramId upstream_rq_time;
};

// What has become of one request.
struct RouteOutcome {
  int status;         // 0: there was no answer
  uint32_t attempts;  // whose head was sent, at most
  uint32_t retries;
  bool retries_used_up;
  bool timed_out;
  uint64_t milliseconds;
};

struct RouteCounts {
  RouteCounts(const RouteCountIds& ids, stats::Shard& shard);

#define X(name) stats::Counter& name;
  PILLION_ROUTE_COUNTERS(X)
#undef X
  stats::Histogram& upstream_rq_time;

  void Count(const RouteOutcome& outcome);
};

class RouteStatIds {
 public:
  RouteStatIds(stats::Registry& registry, const config::RouteConfig& table);

 private:
  friend class RouteStats;

  std::deque<RouteCountIds> groups_;
  absl::flat_hash_map<const config::Route*, size_t> routes_;
  absl::flat_hash_map<const config::VirtualHost*, size_t> virtual_hosts_;  // its first name; "other" is the last
};

class RouteStats {
 public:
  RouteStats(const RouteStatIds& ids, stats::Shard& shard);

  bool empty() const { return groups_.empty(); }

  // Either may be null.
  struct Groups {
    RouteCounts* route = nullptr;
    RouteCounts* virtual_cluster = nullptr;
    std::string_view virtual_cluster_name;
  };
  Groups Find(const route::Entry& entry, const http::RequestHead& head);

 private:
  const RouteStatIds& ids_;
  std::vector<RouteCounts> groups_;
};

}  // namespace pillion::proxy
