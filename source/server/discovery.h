#pragma once

// Where the hosts of clusters come from that are not configured with them: names that are resolved, or EDS. Owned by the
// server's clusters; main thread.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "source/base/random.h"
#include "source/config/name_resolution.h"
#include "source/event/asio_timers.h"
#include "source/net/name_resolver.h"
#include "source/push/endpoint_feed.h"
#include "source/upstream/cluster.h"
#include "source/upstream/host_source.h"

namespace pillion::server {

class Discovery {
 public:
  // All outlive it.
  Discovery(boost::asio::io_context& io, uint64_t seed, xds::Planes& planes, const config::Resources& resources,
            push::Feed::Surroundings feeds)
      : io_(io),
        timers_(io),
        random_(seed),
        planes_(planes),
        resources_(resources),
        feeds_(std::move(feeds)) {}

  // Ends before this. Null: the cluster has its hosts already.
  std::unique_ptr<upstream::HostSource> Make(upstream::Cluster& cluster);

 private:
  // Who is asked as `how` says: one for all clusters that say the same, as long as any of them is there.
  std::shared_ptr<net::NameResolver> ResolverFor(const config::NameResolution& how);

  boost::asio::io_context& io_;
  std::vector<std::pair<config::NameResolution, std::weak_ptr<net::NameResolver>>> resolvers_;
  event::AsioTimers timers_;
  base::Random random_;
  xds::Planes& planes_;
  const config::Resources& resources_;
  const push::Feed::Surroundings feeds_;
};

}  // namespace pillion::server
