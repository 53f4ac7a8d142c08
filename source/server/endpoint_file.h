#pragma once

// The hosts of one EDS cluster, from a file. Owned by Discovery, ends before the cluster; main thread.

#include "source/config/unknown.h"
#include "source/event/control_timer.h"
#include "source/server/file_subscription.h"
#include "source/upstream/cluster.h"
#include "source/upstream/eds_endpoints.h"

namespace pillion::server {

// What files of subscriptions have in common; all outlives them.
struct FileSources {
  event::FileWatcher& files;
  const base::Clock& clock;
  stats::Registry& registry;
  const config::UnknownRule& unknown;
};

class EndpointFile {
 public:
  EndpointFile(upstream::Cluster& cluster, event::ControlTimers& timers, const FileSources& sources);

  // The hosts are there when it returns, if the file has any.
  absl::Status Start() { return subscription_.Start(); }

 private:
  FileSubscription::Reading Read(const std::string& path);

  upstream::Cluster& cluster_;
  const config::UnknownRule& unknown_;
  upstream::EdsEndpoints endpoints_;
  FileSubscription subscription_;
};

}  // namespace pillion::server
