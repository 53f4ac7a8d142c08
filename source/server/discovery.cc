#include "source/server/discovery.h"

#include <string>
#include <utility>

#include "source/server/log.h"
#include "source/upstream/dns_discovery.h"

namespace pillion::server {
namespace {

class Names final : public upstream::HostSource {
 public:
  Names(upstream::Cluster& cluster, net::NameResolver& resolver, event::ControlTimers& timers, base::Random& random)
      : discovery_(cluster, resolver, timers, random, [&cluster](const absl::Status& why) {
          Log("upstream").warn("cluster {}: {}; it keeps {} hosts", cluster.config().name, std::string(why.message()),
                               cluster.hosts()->hosts.size());
        }) {}

  void Start(std::function<void()> first) override { discovery_.Start(std::move(first)); }

 private:
  upstream::DnsDiscovery discovery_;
};

}  // namespace

std::unique_ptr<upstream::HostSource> Discovery::Make(upstream::Cluster& cluster) {
  switch (cluster.config().discovery) {
    case config::Cluster::Discovery::kStrictDns:
    case config::Cluster::Discovery::kLogicalDns:
      return std::make_unique<Names>(cluster, resolver_, timers_, random_);
    case config::Cluster::Discovery::kEds:
      return std::make_unique<push::EndpointFeed>(cluster, planes_, resources_, feeds_);
    default:
      return nullptr;
  }
}

}  // namespace pillion::server
