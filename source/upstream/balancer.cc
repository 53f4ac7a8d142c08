#include "source/upstream/balancer.h"

#include <algorithm>

namespace pillion::upstream {

Balancer::Balancer(const config::Cluster& cluster, base::Random& random)
    : policy_(cluster.balancer), choices_(std::max<uint32_t>(cluster.least_request_choices, 1)), random_(random) {}

void Balancer::SetHosts(const HostSet& set) {
  const auto end = std::find_if(set.hosts.begin(), set.hosts.end(), [&](const std::shared_ptr<Host>& host) {
    return host->priority() != set.hosts.front()->priority();
  });
  hosts_ = {set.hosts.begin(), end};
  turns_.clear();
  if (hosts_.empty()) return;
  equal_weights_ = std::all_of(hosts_.begin(), hosts_.end(), [&](const std::shared_ptr<Host>& host) {
    return host->weight() == hosts_.front()->weight();
  });
  next_ = random_.Below(hosts_.size());
  if (equal_weights_) return;
  // Each host's first turn comes at a random time within its first interval: the schedule as seen from its middle.
  for (size_t i = 0; i < hosts_.size(); ++i) {
    const double fraction = static_cast<double>(random_.Next() >> 11) * 0x1p-53;
    turns_.push_back({fraction * Cost(*hosts_[i]), i});
  }
  std::make_heap(turns_.begin(), turns_.end());
}

const std::shared_ptr<Host>& Balancer::Pick() {
  static const std::shared_ptr<Host> kNone;
  if (hosts_.empty()) return kNone;
  if (!equal_weights_) return hosts_[PickEarliest()];
  return hosts_[policy_ == config::Cluster::Balancer::kRoundRobin ? PickInTurn() : PickLeastOfSome()];
}

size_t Balancer::PickInTurn() {
  const size_t host = next_;
  if (++next_ == hosts_.size()) next_ = 0;
  return host;
}

size_t Balancer::PickLeastOfSome() {
  size_t best = random_.Below(hosts_.size());
  if (hosts_.size() == 1) return best;
  uint64_t fewest = hosts_[best]->Sum(HostFigures::kRqActive);
  for (uint32_t i = 1; i < choices_; ++i) {
    const size_t other = random_.Below(hosts_.size());
    const uint64_t active = hosts_[other]->Sum(HostFigures::kRqActive);
    if (active >= fewest) continue;
    best = other;
    fewest = active;
  }
  return best;
}

size_t Balancer::PickEarliest() {
  std::pop_heap(turns_.begin(), turns_.end());
  Turn& turn = turns_.back();
  const size_t host = turn.host;
  const double now = turn.due;
  turn.due += Cost(*hosts_[host]);
  std::push_heap(turns_.begin(), turns_.end());
  if (now > 1e6) {  // times stay small, so that they stay exact
    for (Turn& each : turns_) each.due -= now;
  }
  return host;
}

double Balancer::Cost(const Host& host) const {
  const uint64_t requests =
      policy_ == config::Cluster::Balancer::kLeastRequest ? host.Sum(HostFigures::kRqActive) : 0;
  return static_cast<double>(requests + 1) / host.weight();
}

}  // namespace pillion::upstream
