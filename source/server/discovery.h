#pragma once

// Where the hosts of clusters come from that are not configured with them: names that are resolved, or EDS. Owned by the
// server's clusters; main thread.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "source/base/random.h"
#include "source/event/asio_timers.h"
#include "source/net/resolver.h"
#include "source/push/endpoint_feed.h"
#include "source/upstream/cluster.h"
#include "source/upstream/host_source.h"

namespace pillion::server {

class Discovery {
 public:
  // All outlive it.
  Discovery(boost::asio::io_context& io, uint64_t seed, xds::Planes& planes, const config::Resources& resources,
            push::Feed::Surroundings feeds)
      : resolver_(io, {}),
        timers_(io),
        random_(seed),
        planes_(planes),
        resources_(resources),
        feeds_(std::move(feeds)) {}

  // Ends before this. Null: the cluster has its hosts already.
  std::unique_ptr<upstream::HostSource> Make(upstream::Cluster& cluster);

 private:
  net::DnsResolver resolver_;
  event::AsioTimers timers_;
  base::Random random_;
  xds::Planes& planes_;
  const config::Resources& resources_;
  const push::Feed::Surroundings feeds_;
};

}  // namespace pillion::server
