// Circuit breakers.

#include <set>

#include "source/config/build.h"
#include "source/config/priority.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using Thresholds = envoy::config::cluster::v3::CircuitBreakers::Thresholds;
using ThresholdsList = google::protobuf::RepeatedPtrField<Thresholds>;

// Each priority once.
bool IsFirst(BuildContext& context, const Thresholds& thresholds, const std::string& path, std::set<int>& seen) {
  if (seen.insert(thresholds.priority()).second) return true;
  context.errors.Add(path, "a second entry for this priority");
  return false;
}

size_t PriorityOf(const Thresholds& thresholds) {
  const bool high = thresholds.priority() == envoy::config::core::v3::HIGH;
  return static_cast<size_t>(high ? Priority::kHigh : Priority::kDefault);
}

void BuildPerHost(BuildContext& context, const ThresholdsList& from, const std::string& path, Cluster& cluster) {
  std::set<int> seen;
  for (int i = 0; i < from.size(); ++i) {
    const Thresholds& thresholds = from[i];
    const std::string at = ElementPath(path, i);
    if (!IsFirst(context, thresholds, at, seen)) continue;
    const auto refuse = [&](bool set, std::string_view field) {
      if (set) context.errors.Add(FieldPath(at, field), "there is no such bound for a host, only max_connections");
    };
    refuse(thresholds.has_max_pending_requests(), "max_pending_requests");
    refuse(thresholds.has_max_requests(), "max_requests");
    refuse(thresholds.has_max_retries(), "max_retries");
    refuse(thresholds.has_max_connection_pools(), "max_connection_pools");
    refuse(thresholds.has_retry_budget(), "retry_budget");
    refuse(thresholds.track_remaining(), "track_remaining");
    if (thresholds.has_max_connections()) {
      cluster.max_connections_per_host[PriorityOf(thresholds)] = thresholds.max_connections().value();
    }
  }
}

}  // namespace

void BuildCircuitBreakers(BuildContext& context, const envoy::config::cluster::v3::CircuitBreakers& from,
                          const std::string& path, Cluster& cluster) {
  std::set<int> seen;
  for (int i = 0; i < from.thresholds_size(); ++i) {
    const Thresholds& thresholds = from.thresholds(i);
    if (!IsFirst(context, thresholds, ElementPath(FieldPath(path, "thresholds"), i), seen)) continue;
    CircuitBreaker& breaker = cluster.circuit_breakers[PriorityOf(thresholds)];
    const auto take = [](bool set, const google::protobuf::UInt32Value& value, uint32_t& to) {
      if (set) to = value.value();
    };
    take(thresholds.has_max_connections(), thresholds.max_connections(), breaker.max_connections);
    take(thresholds.has_max_pending_requests(), thresholds.max_pending_requests(), breaker.max_pending_requests);
    take(thresholds.has_max_requests(), thresholds.max_requests(), breaker.max_requests);
    take(thresholds.has_max_retries(), thresholds.max_retries(), breaker.max_retries);
    take(thresholds.has_max_connection_pools(), thresholds.max_connection_pools(), breaker.max_connection_pools);
    breaker.track_remaining = thresholds.track_remaining();
    if (thresholds.has_retry_budget()) {
      const auto& budget = thresholds.retry_budget();
      RetryBudget& to = breaker.retry_budget.emplace();
      if (budget.has_budget_percent()) to.percent = budget.budget_percent().value();
      take(budget.has_min_retry_concurrency(), budget.min_retry_concurrency(), to.min_concurrency);
    }
  }
  BuildPerHost(context, from.per_host_thresholds(), FieldPath(path, "per_host_thresholds"), cluster);
}

}  // namespace pillion::config
