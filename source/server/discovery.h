#pragma once

// Where the hosts of clusters come from that are not configured with them: names that are resolved, or files. Main thread.
// Owned by the server's clusters.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "source/base/random.h"
#include "source/event/asio_timers.h"
#include "source/net/resolver.h"
#include "source/server/file_subscription.h"
#include "source/upstream/cluster.h"

namespace pillion::server {

// Of one cluster; ends before it.
class HostSource {
 public:
  virtual ~HostSource() = default;
  // `first` is called once: when the hosts are known, or can't be found for now; perhaps at once. An error: a file can't be
  // watched.
  virtual absl::Status Start(std::function<void()> first) = 0;
};

class Discovery {
 public:
  // All outlive it.
  Discovery(boost::asio::io_context& io, uint64_t seed, const FileSources& files)
      : resolver_(io, {}), timers_(io), random_(seed), files_(files) {}

  // Ends before this. Null: the cluster has its hosts already.
  std::unique_ptr<HostSource> Make(upstream::Cluster& cluster);

 private:
  net::DnsResolver resolver_;
  event::AsioTimers timers_;
  base::Random random_;
  const FileSources files_;
};

}  // namespace pillion::server
