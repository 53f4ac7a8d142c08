#pragma once

// The hosts of all clusters of the process that find them while it runs: by DNS, or in files. On the main thread. Owned by
// the server; ends before the clusters.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "source/base/random.h"
#include "source/event/asio_timers.h"
#include "source/net/resolver.h"
#include "source/server/endpoint_file.h"
#include "source/upstream/cluster.h"
#include "source/upstream/dns_discovery.h"

namespace pillion::server {

class Discovery {
 public:
  // How long the first answers are waited for before the server listens without them.
  static constexpr base::Duration kInitialWait = std::chrono::seconds(15);

  // All outlive it.
  Discovery(boost::asio::io_context& io, const std::vector<std::shared_ptr<upstream::Cluster>>& clusters, uint64_t seed,
            const FileSources& sources);

  // `ready` is called once, when every name was answered or has failed, or the wait is over: at once when there is no
  // name, else on the main thread. An error: a file can't be watched.
  absl::Status Start(std::function<void()> ready);

 private:
  void OnReady();

  net::DnsResolver resolver_;
  event::AsioTimers timers_;
  base::Random random_;
  std::vector<std::unique_ptr<upstream::DnsDiscovery>> discoveries_;
  std::vector<std::unique_ptr<EndpointFile>> files_;
  std::unique_ptr<event::ControlTimer> wait_;
  size_t not_ready_ = 0;
  std::function<void()> ready_;
};

}  // namespace pillion::server
