#include "source/upstream/cluster_stats.h"

#include <string>

#include "source/upstream/breaker.h"

namespace pillion::upstream {
namespace {

// By codec::Flood. Where Envoy has a name for the case it is that one.
constexpr std::array<std::string_view, static_cast<size_t>(codec::Flood::kCount)> kFloodNames = {
    "http2.inbound_reset_flood",
    "http2.inbound_continuation_flood",
    "http2.inbound_ping_flood",
    "http2.inbound_settings_flood",
    "http2.inbound_priority_frames_flood",
    "http2.inbound_window_update_frames_flood",
    "http2.inbound_empty_frames_flood",
    "http2.outbound_control_flood",
    "http2.outbound_flood",
    "inbound_informational_flood",
};

}  // namespace

ClusterStatIds::ClusterStatIds(stats::Registry& registry, std::string_view stat_name,
                               const std::array<Breakers, 2>& breakers, const config::TrackedStats& tracked)
    : scope_(registry, stats::Prefix("cluster").Add(stats::kClusterName, stat_name)) {
#define X(name) name = scope_.AddCounter(#name);
  PILLION_CLUSTER_COUNTERS(X)
  PILLION_MEMBERSHIP_COUNTERS(X)
#undef X
#define X(name) name = scope_.AddGauge(#name);
  PILLION_CLUSTER_GAUGES(X)
  PILLION_MEMBERSHIP_GAUGES(X)
#undef X
#define X(name) name = scope_.AddHistogram(#name);
  PILLION_CLUSTER_HISTOGRAMS(X)
#undef X
  for (size_t i = 0; i < floods.size(); ++i) floods[i] = scope_.AddCounter(kFloodNames[i]);
  http2_keepalive_timeout = scope_.AddCounter("http2.keepalive_timeout");
  if (tracked.timeout_budgets) {
    budgets.emplace();
#define X(name) budgets->name = scope_.AddHistogram(#name);
    PILLION_BUDGET_HISTOGRAMS(X)
#undef X
  }
  if (tracked.sizes) {
    sizes.emplace();
#define X(name) sizes->name = scope_.AddHistogram(#name);
    PILLION_SIZE_HISTOGRAMS(X)
#undef X
  }

  constexpr std::array<std::string_view, 2> kPriorities = {"default", "high"};
  for (size_t i = 0; i < breakers.size(); ++i) {
    const std::string prefix = "circuit_breakers." + std::string(kPriorities[i]) + ".";
    const auto add = [&](const char* open, const char* remaining, const auto& breaker) {
      scope_.AddGaugeCallback(prefix + open, [&breaker] { return uint64_t{breaker.open()}; });
      if (!breakers[i].track_remaining) return;
      scope_.AddGaugeCallback(prefix + remaining, [&breaker] { return uint64_t{breaker.remaining()}; });
    };
    add("cx_open", "remaining_cx", breakers[i].connections);
    add("cx_pool_open", "remaining_cx_pools", breakers[i].pools);
    add("rq_pending_open", "remaining_pending", breakers[i].pending_requests);
    add("rq_open", "remaining_rq", breakers[i].requests);
    add("rq_retry_open", "remaining_retries", breakers[i].retries);
  }
}

stats::CounterId ClusterStatIds::Status(int status) {
  const std::lock_guard lock(mutex_);
  stats::CounterId& id = statuses_[status];
  if (id.metric == nullptr) id = scope_.AddCounter("upstream_rq_" + std::to_string(status));
  return id;
}

ClusterStats::ClusterStats(ClusterStatIds& ids, stats::Shard& shard)
    :
#define X(name) name(*shard.counter(ids.name)),
      PILLION_CLUSTER_COUNTERS(X)
#undef X
#define X(name) name(*shard.gauge(ids.name)),
          PILLION_CLUSTER_GAUGES(X)
#undef X
#define X(name) name(*shard.histogram(ids.name)),
              PILLION_CLUSTER_HISTOGRAMS(X)
#undef X
                  http2_keepalive_timeout(*shard.counter(ids.http2_keepalive_timeout)),
      ids_(ids),
      shard_(shard),
      classes_{&upstream_rq_1xx, &upstream_rq_2xx, &upstream_rq_3xx, &upstream_rq_4xx, &upstream_rq_5xx} {
  for (size_t i = 0; i < floods.size(); ++i) floods[i] = shard.counter(ids.floods[i]);
  if (ids.budgets) {
    budgets.emplace();
#define X(name) budgets->name = shard.histogram(ids.budgets->name);
    PILLION_BUDGET_HISTOGRAMS(X)
#undef X
  }
  if (ids.sizes) {
    sizes.emplace();
#define X(name) sizes->name = shard.histogram(ids.sizes->name);
    PILLION_SIZE_HISTOGRAMS(X)
#undef X
  }
}

void ClusterStats::CountStatus(int status) {
  upstream_rq_completed.Increment();
  classes_[static_cast<size_t>(status / 100 - 1)]->Increment();
  Status(status).Increment();
}

stats::Counter& ClusterStats::Status(int status) {
  std::unique_ptr<ByLastDigits>& of_class = statuses_[static_cast<size_t>(status / 100 - 1)];
  if (of_class == nullptr) [[unlikely]] of_class = std::make_unique<ByLastDigits>();
  stats::Counter*& counter = (*of_class)[static_cast<size_t>(status % 100)];
  if (counter == nullptr) [[unlikely]] counter = shard_.counter(ids_.Status(status));
  return *counter;
}

MembershipStats::MembershipStats(const ClusterStatIds& ids, stats::Shard& control)
    :
#define X(name) name(*control.counter(ids.name)),
      PILLION_MEMBERSHIP_COUNTERS(X)
#undef X
          membership_total(*control.gauge(ids.membership_total)),
      membership_healthy(*control.gauge(ids.membership_healthy)),
      membership_degraded(*control.gauge(ids.membership_degraded)),
      membership_excluded(*control.gauge(ids.membership_excluded)),
      max_host_weight(*control.gauge(ids.max_host_weight)) {
}

}  // namespace pillion::upstream
