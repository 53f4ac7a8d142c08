#pragma once

// The hosts of one EDS cluster, from a file. Ends before the cluster; main thread.

#include "source/config/unknown.h"
#include "source/event/control_timer.h"
#include "source/server/file_subscription.h"
#include "source/upstream/cluster.h"
#include "source/upstream/eds_endpoints.h"
#include "source/upstream/host_source.h"

namespace pillion::server {

class EndpointFile final : public upstream::HostSource {
 public:
  EndpointFile(upstream::Cluster& cluster, event::ControlTimers& timers, const FileSources& sources);

  // HostSource: the hosts are there when it returns, if the file has any.
  absl::Status Start(std::function<void()> first) override;

 private:
  FileSubscription::Reading Read(const std::string& path);

  upstream::Cluster& cluster_;
  const config::UnknownRule& unknown_;
  upstream::EdsEndpoints endpoints_;
  FileSubscription subscription_;
};

}  // namespace pillion::server
