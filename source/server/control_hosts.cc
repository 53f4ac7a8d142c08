#include "source/server/control_hosts.h"

namespace pillion::server {

std::optional<client::Target> ControlHosts::Next(const std::string& name) {
  const RunningCluster* const found = clusters_.Find(name);
  if (found == nullptr) return std::nullopt;
  const upstream::Cluster& cluster = *found->cluster;
  std::vector<const upstream::Host*> usable;
  for (const std::shared_ptr<upstream::Host>& host : cluster.hosts()->hosts) {
    // Internal listeners are the workers': a configuration that has them here is refused, but hosts may come later.
    if (host->flags() == 0 && !host->address().is_internal()) usable.push_back(host.get());
  }
  if (usable.empty()) return std::nullopt;
  const upstream::Host& host = *usable[turn_++ % usable.size()];
  return client::Target{.cluster = cluster.shared_config(),
                        .address = host.address(),
                        .addresses = host.addresses(),
                        .tls = host.transport()->tls,
                        .hostname = host.hostname(),
                        .proxy_version = host.transport()->proxy_version,
                        .authority = name};
}

}  // namespace pillion::server
