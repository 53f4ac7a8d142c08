// Connections that end with the health of their host (close_connections_on_host_health_failure).

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "source/upstream/cluster.h"

namespace pillion::upstream {

void ClusterShard::LeaveFailedHosts(const HostSet& before) {
  absl::flat_hash_set<const Host*> failed;
  const auto for_each_well = [](const HostSet& set, const auto& visit) {
    for (const PriorityHosts& priority : set.priorities) {
      for (const Hosts* well : {&priority.healthy, &priority.degraded}) {
        for (const std::shared_ptr<Host>& host : *well) visit(*host);
      }
    }
  };
  // By the sets, not by the flags, which may have changed again.
  for_each_well(before, [&](const Host& host) { failed.insert(&host); });
  for_each_well(*hosts_, [&](const Host& host) { failed.erase(&host); });
  if (failed.empty()) return;
  absl::flat_hash_set<const Host*> present;
  for (const std::shared_ptr<Host>& host : hosts_->hosts) present.insert(host.get());
  // A host that is gone, or that the control plane calls ill, keeps what it has.
  absl::erase_if(failed, [&](const Host* host) {
    return !present.contains(host) || (host->flags() & (kFailedEds | kDrainingEds)) != 0;
  });
  for (auto& [key, pool] : pools_) {
    if (failed.contains(key.host)) pool->RetireAll();
  }
  std::vector<HostWatch*> told;
  watches_.ForEach([&](HostWatch& watch) {
    if (failed.contains(&watch.watched_host())) told.push_back(&watch);
  });
  for (HostWatch* const watch : told) watch->OnHostFailed();
}

}  // namespace pillion::upstream
