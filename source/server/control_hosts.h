#pragma once

// Which host of a cluster a call of the process's own goes to: the next one each time, of those that may be used. Owned by
// the server; main thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/client/target.h"
#include "source/server/cluster_set.h"

namespace pillion::server {

class ControlHosts {
 public:
  // `clusters` outlives it.
  explicit ControlHosts(const ClusterSet& clusters) : clusters_(clusters) {}

  // Nothing: the cluster has none now.
  std::optional<client::Target> Next(const std::string& cluster);

 private:
  const ClusterSet& clusters_;
  size_t turn_ = 0;
};

}  // namespace pillion::server
