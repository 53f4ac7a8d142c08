#pragma once

// What is counted of a cluster, with Envoy's names under cluster.<stat_name>. Who counts what: pools and their
// connections count upstream_cx_*, upstream_rq_total, _active, _pending_*, _active_overflow and _cancelled; the cluster
// its members; discovery update_*; who proxies a request counts the rest.

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "source/codec/codec.h"
#include "source/config/cluster.h"
#include "source/stats/registry.h"

namespace pillion::upstream {

struct Breakers;

// Each worker's own.
#define PILLION_CLUSTER_COUNTERS(X)           \
  X(upstream_cx_total)                        \
  X(upstream_cx_http1_total)                  \
  X(upstream_cx_http2_total)                  \
  X(upstream_cx_connect_fail)                 \
  X(upstream_cx_connect_timeout)              \
  X(upstream_cx_connect_attempts_exceeded)    \
  X(upstream_cx_idle_timeout)                 \
  X(upstream_cx_max_duration_reached)         \
  X(upstream_cx_max_requests)                 \
  X(upstream_cx_overflow)                     \
  X(upstream_cx_pool_overflow)                \
  X(upstream_cx_none_healthy)                 \
  X(original_dst_host_invalid)                \
  X(lb_healthy_panic)                         \
  X(lb_recalculate_zone_structures)           \
  X(lb_local_cluster_not_ok)                  \
  X(lb_zone_cluster_too_small)                \
  X(lb_zone_no_capacity_left)                 \
  X(lb_zone_routing_all_directly)             \
  X(lb_zone_routing_sampled)                  \
  X(lb_zone_routing_cross_zone)               \
  X(lb_override_hosts_overflow)               \
  X(lb_subsets_selected)                      \
  X(lb_subsets_fallback)                      \
  X(lb_subsets_fallback_panic)                \
  X(upstream_cx_protocol_error)               \
  X(upstream_cx_close_notify)                 \
  X(upstream_cx_destroy)                      \
  X(upstream_cx_destroy_local)                \
  X(upstream_cx_destroy_remote)               \
  X(upstream_cx_destroy_with_active_rq)       \
  X(upstream_cx_destroy_local_with_active_rq) \
  X(upstream_cx_destroy_remote_with_active_rq) \
  X(upstream_cx_rx_bytes_total)               \
  X(upstream_cx_tx_bytes_total)               \
  X(upstream_flow_control_paused_reading_total)  \
  X(upstream_flow_control_resumed_reading_total) \
  X(upstream_flow_control_backed_up_total)    \
  X(upstream_flow_control_drained_total)      \
  X(upstream_rq_total)                        \
  X(upstream_rq_completed)                    \
  X(upstream_rq_1xx)                          \
  X(upstream_rq_2xx)                          \
  X(upstream_rq_3xx)                          \
  X(upstream_rq_4xx)                          \
  X(upstream_rq_5xx)                          \
  X(upstream_rq_pending_total)                \
  X(upstream_rq_pending_overflow)             \
  X(upstream_rq_pending_failure_eject)        \
  X(upstream_rq_active_overflow)              \
  X(upstream_rq_cancelled)                    \
  X(upstream_rq_timeout)                      \
  X(upstream_rq_per_try_timeout)              \
  X(upstream_rq_per_try_idle_timeout)         \
  X(upstream_rq_max_duration_reached)         \
  X(upstream_rq_maintenance_mode)             \
  X(upstream_internal_redirect_succeeded_total) \
  X(upstream_internal_redirect_failed_total)  \
  X(upstream_rq_rx_reset)                     \
  X(upstream_rq_tx_reset)                     \
  X(upstream_rq_retry)                        \
  X(upstream_rq_retry_success)                \
  X(upstream_rq_retry_overflow)               \
  X(upstream_rq_retry_limit_exceeded)         \
  X(upstream_rq_retry_backoff_exponential)    \
  X(upstream_rq_retry_backoff_ratelimited)    \
  X(retry_or_shadow_abandoned)

#define PILLION_CLUSTER_GAUGES(X) \
  X(upstream_cx_active)           \
  X(upstream_rq_active)           \
  X(upstream_rq_pending_active)

#define PILLION_CLUSTER_HISTOGRAMS(X) \
  X(upstream_cx_connect_ms)           \
  X(upstream_cx_length_ms)            \
  X(upstream_rq_time)

// Those that are made where the cluster asks for them (track_cluster_stats).
#define PILLION_BUDGET_HISTOGRAMS(X)      \
  X(upstream_rq_timeout_budget_percent_used) \
  X(upstream_rq_timeout_budget_per_try_percent_used)

#define PILLION_SIZE_HISTOGRAMS(X) \
  X(upstream_rq_headers_size)      \
  X(upstream_rq_headers_count)     \
  X(upstream_rq_body_size)         \
  X(upstream_rs_headers_size)      \
  X(upstream_rs_headers_count)     \
  X(upstream_rs_body_size)

// The main thread's.
#define PILLION_MEMBERSHIP_COUNTERS(X) \
  X(membership_change)                 \
  X(update_attempt)                    \
  X(update_success)                    \
  X(update_failure)                    \
  X(update_empty)                      \
  X(update_no_rebuild)

#define PILLION_MEMBERSHIP_GAUGES(X) \
  X(membership_total)                \
  X(membership_healthy)              \
  X(membership_degraded)             \
  X(membership_excluded)             \
  X(max_host_weight)

struct BudgetStatIds {
#define X(name) stats::HistogramId name;
  PILLION_BUDGET_HISTOGRAMS(X)
#undef X
};

struct SizeStatIds {
#define X(name) stats::HistogramId name;
  PILLION_SIZE_HISTOGRAMS(X)
#undef X
};

// One worker's; null pointers where they are not asked for.
struct BudgetStats {
#define X(name) stats::Histogram* name = nullptr;
  PILLION_BUDGET_HISTOGRAMS(X)
#undef X
};

struct SizeStats {
#define X(name) stats::Histogram* name = nullptr;
  PILLION_SIZE_HISTOGRAMS(X)
#undef X
};

// Registered once by the main thread; lives as long as the cluster. `breakers` outlive it and are read for the
// circuit_breakers.* gauges, which are values of the process.
class ClusterStatIds {
 public:
  ClusterStatIds(stats::Registry& registry, std::string_view stat_name, const std::array<Breakers, 2>& breakers,
                 const config::TrackedStats& tracked = {});

  // upstream_rq_<status>. Any thread; registers it when it is the first time. Off the hot path: takes a lock.
  stats::CounterId Status(int status);

#define X(name) stats::CounterId name;
  PILLION_CLUSTER_COUNTERS(X)
  PILLION_MEMBERSHIP_COUNTERS(X)
#undef X
#define X(name) stats::GaugeId name;
  PILLION_CLUSTER_GAUGES(X)
  PILLION_MEMBERSHIP_GAUGES(X)
#undef X
#define X(name) stats::HistogramId name;
  PILLION_CLUSTER_HISTOGRAMS(X)
#undef X
  std::array<stats::CounterId, static_cast<size_t>(codec::Flood::kCount)> floods;
  stats::CounterId http2_keepalive_timeout;
  std::optional<BudgetStatIds> budgets;
  std::optional<SizeStatIds> sizes;

 private:
  std::mutex mutex_;  // guards what follows
  stats::Scope scope_;
  absl::flat_hash_map<int, stats::CounterId> statuses_;  // those that came
};

// One worker's cells.
struct ClusterStats {
  ClusterStats(ClusterStatIds& ids, stats::Shard& shard);

#define X(name) stats::Counter& name;
  PILLION_CLUSTER_COUNTERS(X)
#undef X
#define X(name) stats::Gauge& name;
  PILLION_CLUSTER_GAUGES(X)
#undef X
#define X(name) stats::Histogram& name;
  PILLION_CLUSTER_HISTOGRAMS(X)
#undef X
  std::array<stats::Counter*, static_cast<size_t>(codec::Flood::kCount)> floods;
  stats::Counter& http2_keepalive_timeout;
  std::optional<BudgetStats> budgets;
  std::optional<SizeStats> sizes;

  // An answer that goes on to the client: upstream_rq_completed, _<n>xx and _<status>. 100 <= status <= 599.
  // The first answer of a kind on this worker takes the registry's lock and some memory; most kinds never come, and with
  // thousands of clusters their counters would be most of what those take.
  void CountStatus(int status);

 private:
  stats::Counter& Status(int status);

  ClusterStatIds& ids_;
  stats::Shard& shard_;
  std::array<stats::Counter*, 5> classes_;
  using ByLastDigits = std::array<stats::Counter*, 100>;
  std::array<std::unique_ptr<ByLastDigits>, 5> statuses_;  // by class
};

// What the main thread counts.
struct MembershipStats {
  MembershipStats(const ClusterStatIds& ids, stats::Shard& control);

#define X(name) stats::Counter& name;
  PILLION_MEMBERSHIP_COUNTERS(X)
#undef X
#define X(name) stats::Gauge& name;
  PILLION_MEMBERSHIP_GAUGES(X)
#undef X
};

}  // namespace pillion::upstream
