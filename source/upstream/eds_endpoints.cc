#include "source/upstream/eds_endpoints.h"

#include <variant>

#include "source/upstream/address.h"

namespace pillion::upstream {

EdsEndpoints::EdsEndpoints(Cluster& cluster, event::ControlTimers& timers, stats::Registry& registry)
    : cluster_(cluster),
      timer_(timers.New()),
      scope_(registry, stats::Prefix("cluster").Add(stats::kClusterName, cluster.config().stat_name)),
      assignment_stale_(registry.control().counter(scope_.AddCounter("assignment_stale"))),
      assignment_timeout_received_(registry.control().counter(scope_.AddCounter("assignment_timeout_received"))) {}

void EdsEndpoints::Take(const config::Assignment& assignment) {
  Cluster::Endpoints endpoints;
  for (const config::Endpoint& endpoint : assignment.endpoints) {
    endpoints.emplace_back(SystemAddress(std::get<config::Address>(endpoint.target)), &endpoint);
  }
  stale_ = false;
  if (!cluster_.UpdateHosts(endpoints, assignment.policy)) cluster_.membership_stats().update_no_rebuild.Increment();
  AwaitStale(assignment);
}

void EdsEndpoints::TakeAgain(const config::Assignment& assignment) {
  if (stale_) return Take(assignment);
  cluster_.membership_stats().update_no_rebuild.Increment();
  AwaitStale(assignment);
}

void EdsEndpoints::AwaitStale(const config::Assignment& assignment) {
  timer_->Cancel();
  if (assignment.stale_after == base::Duration::zero()) return;
  assignment_timeout_received_->Increment();
  timer_->Set(assignment.stale_after, [this] { OnStale(); });
}

void EdsEndpoints::OnStale() {
  assignment_stale_->Increment();
  stale_ = true;
  cluster_.UpdateHosts({}, {});
}

}  // namespace pillion::upstream
