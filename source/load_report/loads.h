#pragma once

// What became of the requests to some clusters since the last report of it. Owned by a Reporter; main thread.

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "envoy/service/load_stats/v3/lrs.pb.h"
#include "source/base/clock.h"
#include "source/upstream/cluster.h"

namespace pillion::load_report {

class Loads {
 public:
  // Calls visit(cluster) for each cluster that serves.
  using ForEachCluster = std::function<void(const std::function<void(const std::shared_ptr<upstream::Cluster>&)>& visit)>;

  explicit Loads(ForEachCluster for_each_cluster) : for_each_cluster_(std::move(for_each_cluster)) {}

  // From now on of these, also of one that there is not yet; what was begun before goes on. `all`: of all there are.
  void Follow(const std::set<std::string>& names, bool all, base::MonotonicTime now);
  // Adds what has come since the last time to `report`, without clusters that there are not. `by_host`: also of each host.
  void Report(bool by_host, base::MonotonicTime now, envoy::service::load_stats::v3::LoadStatsRequest& report);

 private:
  // As it was told last.
  struct Told {
    uint64_t success = 0;
    uint64_t error = 0;
    uint64_t issued = 0;
  };
  struct Followed {
    base::MonotonicTime since;
    std::weak_ptr<const upstream::Cluster> cluster;  // whose figures these are
    absl::flat_hash_map<std::shared_ptr<upstream::Host>, Told> hosts;
    uint64_t dropped = 0;
    uint64_t dropped_for_overload = 0;
  };

  // Its figures count from now on.
  static void Begin(const std::shared_ptr<upstream::Cluster>& cluster, Followed& followed);
  static void ReportCluster(const std::shared_ptr<upstream::Cluster>& cluster, bool by_host, Followed& followed,
                            envoy::config::endpoint::v3::ClusterStats& to);

  const ForEachCluster for_each_cluster_;
  absl::flat_hash_map<std::string, Followed> followed_;  // by the cluster's name
};

}  // namespace pillion::load_report
