#include "source/config/priority.h"
#include "source/upstream/cluster.h"

// Connections to hosts that are next in turn, before a request asks for them. The hosts that were foreseen are given to the
// choices that follow, in their order.

namespace pillion::upstream {

void ClusterShard::PreconnectNext(Protocol protocol, config::Priority priority, const ConnectionNeeds& needs) {
  if (needs.of_client() || !needs.passed.empty() || draining_) return;  // nobody can tell which client is next
  const double ratio = config().preconnect.predictive;
  for (int i = 0; i < kMostPreconnects; ++i) {
    PoolLoad all{.streams = 1};
    for (const auto& [key, pool] : pools_) {
      const PoolLoad load = pool->load();
      all.streams += load.streams;
      all.capacity += load.capacity;
    }
    if (!all.WantsMore(ratio)) return;
    const std::shared_ptr<Host>* const next = Foresee();
    Pool* const pool = next == nullptr ? nullptr : PoolOf(*next, protocol, priority, needs);
    if (pool == nullptr || !pool->PreconnectAhead(ratio, priority)) return;
  }
}

const std::shared_ptr<Host>* ClusterShard::Foresee() {
  if (subsets_ || lanes_ || config().load_balancing.hashes()) return nullptr;
  size_t healthy = 0;
  for (const PriorityHosts& each : hosts_->priorities) healthy += each.healthy.size();
  if (foreseen_.size() >= healthy) return nullptr;
  const std::shared_ptr<Host>& host = Pick({});
  if (host == nullptr) return nullptr;
  foreseen_.push_back(&host);
  return &host;
}

const std::shared_ptr<Host>* ClusterShard::TakeForeseen(const PickContext& context) {
  if (foreseen_.empty() || context.priority || context.filter != nullptr) return nullptr;
  const std::shared_ptr<Host>* const host = foreseen_.front();
  foreseen_.erase(foreseen_.begin());
  return host;
}

}  // namespace pillion::upstream
