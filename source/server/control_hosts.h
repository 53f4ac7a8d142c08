#pragma once

// Which host of a cluster a call of the process's own goes to: the next one each time, of those that may be used. Owned by
// the server; main thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/client/target.h"
#include "source/upstream/cluster.h"

namespace pillion::server {

class ControlHosts {
 public:
  // `clusters` outlives it.
  explicit ControlHosts(const std::vector<std::shared_ptr<upstream::Cluster>>& clusters) : clusters_(clusters) {}

  // Nothing: the cluster has none now.
  std::optional<client::Target> Next(const std::string& cluster);

 private:
  const std::vector<std::shared_ptr<upstream::Cluster>>& clusters_;
  size_t turn_ = 0;
};

}  // namespace pillion::server
