#pragma once

// Where the hosts of clusters come from that are not configured with them: names that are resolved, or files. Main thread.
// Owned by the server's clusters.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "source/base/random.h"
#include "source/event/asio_timers.h"
#include "source/net/resolver.h"
#include "source/server/file_subscription.h"
#include "source/upstream/cluster.h"
#include "source/upstream/host_source.h"

namespace pillion::server {

class Discovery {
 public:
  // All outlive it.
  Discovery(boost::asio::io_context& io, uint64_t seed, const FileSources& files)
      : resolver_(io, {}), timers_(io), random_(seed), files_(files) {}

  // Ends before this. Null: the cluster has its hosts already.
  std::unique_ptr<upstream::HostSource> Make(upstream::Cluster& cluster);

 private:
  net::DnsResolver resolver_;
  event::AsioTimers timers_;
  base::Random random_;
  const FileSources files_;
};

}  // namespace pillion::server
