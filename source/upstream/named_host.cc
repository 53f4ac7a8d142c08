// Hosts that a request asks for by their address: by a field or a note (override_host), or by its session.

#include "source/upstream/cluster.h"

namespace pillion::upstream {
namespace {

// `allowed`: a set of config::HostOverride::Health.
bool MayBeNamed(const Host& host, uint8_t allowed) {
  using Named = config::HostOverride;
  uint8_t health = Named::kHealthy;
  const uint32_t flags = host.flags();
  if ((flags & kUnhealthyFlags & ~kDrainingEds) != 0) {
    health = Named::kUnhealthy;
  } else if ((flags & kDrainingEds) != 0) {
    health = Named::kDraining;
  } else if ((flags & kDegradedFlags) != 0) {
    health = Named::kDegraded;
  }
  return (allowed & health) != 0;
}

}  // namespace

const std::shared_ptr<Host>* ClusterShard::NamedHost(HostNames& names) const {
  const config::HostOverride& named = *config().load_balancing.host_override;
  for (std::string_view name = names.Next(named); !name.empty(); name = names.Next(named)) {
    const auto found = hosts_->by_address->find(name);
    if (found == hosts_->by_address->end()) continue;
    if (!named.health || MayBeNamed(*found->second, *named.health)) return &found->second;
  }
  if (names.TakeOverflow()) [[unlikely]] stats_.lb_override_hosts_overflow.Increment();
  return nullptr;
}

const std::shared_ptr<Host>* ClusterShard::SessionHost(std::string_view address) {
  if (by_address_.empty()) {
    for (const std::shared_ptr<Host>& host : hosts_->hosts) by_address_.emplace(host->address_text(), &host);
  }
  const auto found = by_address_.find(address);
  const bool there = found != by_address_.end() && MayBeNamed(**found->second, config().load_balancing.session_health);
  return there ? found->second : nullptr;
}

}  // namespace pillion::upstream
