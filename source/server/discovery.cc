#include "source/server/discovery.h"

#include <string>
#include <utility>

#include "source/net/resolver.h"
#include "source/net/system_resolver.h"
#include "source/server/log.h"
#include "source/upstream/dns_discovery.h"

namespace pillion::server {
namespace {

class Names final : public upstream::HostSource {
 public:
  Names(upstream::Cluster& cluster, std::shared_ptr<net::NameResolver> resolver, event::ControlTimers& timers,
        base::Random& random)
      : resolver_(std::move(resolver)),
        discovery_(cluster, *resolver_, timers, random, [&cluster](const absl::Status& why) {
          Log("upstream").warn("cluster {}: {}; it keeps {} hosts", cluster.config().name, std::string(why.message()),
                               cluster.hosts()->hosts.size());
        }) {}

  void Start(std::function<void()> first) override { discovery_.Start(std::move(first)); }

 private:
  const std::shared_ptr<net::NameResolver> resolver_;
  upstream::DnsDiscovery discovery_;
};

const config::NameResolution& HowToAsk(const config::Cluster& cluster) {
  static const auto* const usual = new config::NameResolution;
  return cluster.name_resolution == nullptr ? *usual : *cluster.name_resolution;
}

net::ResolverOptions OptionsOf(const config::NameResolution& how) {
  net::ResolverOptions options;
  for (const config::SocketAddress& server : how.servers) {
    if (!options.servers.empty()) options.servers += ',';
    options.servers += config::AddressText(server);
  }
  options.servers_as_fallback = how.servers_as_fallback;
  options.tcp = how.tcp;
  options.search_domains = how.search_domains;
  options.rotate = how.rotate;
  options.leaves_unroutable = how.leaves_unroutable;
  options.questions_per_port = how.questions_per_port;
  if (how.timeout > base::Duration::zero()) options.timeout = how.timeout;
  if (how.tries > 0) options.tries = static_cast<int>(how.tries);
  return options;
}

}  // namespace

std::shared_ptr<net::NameResolver> Discovery::ResolverFor(const config::NameResolution& how) {
  std::erase_if(resolvers_, [](const auto& each) { return each.second.expired(); });
  for (const auto& [same, resolver] : resolvers_) {
    if (same == how) return resolver.lock();
  }
  std::shared_ptr<net::NameResolver> made;
  if (how.system) {
    made = std::make_shared<net::SystemResolver>(io_, timers_, how.retries);
  } else {
    made = std::make_shared<net::DnsResolver>(io_, OptionsOf(how));
  }
  resolvers_.emplace_back(how, made);
  return made;
}

std::unique_ptr<upstream::HostSource> Discovery::Make(upstream::Cluster& cluster) {
  switch (cluster.config().discovery) {
    case config::Cluster::Discovery::kStrictDns:
    case config::Cluster::Discovery::kLogicalDns:
      return std::make_unique<Names>(cluster, ResolverFor(HowToAsk(cluster.config())), timers_, random_);
    case config::Cluster::Discovery::kEds:
      return std::make_unique<push::EndpointFeed>(cluster, planes_, resources_, feeds_);
    default:
      return nullptr;
  }
}

}  // namespace pillion::server
