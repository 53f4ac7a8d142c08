#pragma once

// Who watches the hosts of all clusters: outlier detection and active health checks of those that have them. Made before
// the workers, ends after them; main thread.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/config/model.h"
#include "source/event/asio_timers.h"
#include "source/health/check_thread.h"
#include "source/health/cluster_checks.h"
#include "source/stats/registry.h"
#include "source/telemetry/log_writer.h"
#include "source/upstream/cluster.h"
#include "source/upstream/outlier_detector.h"

namespace pillion::server {

class HostHealth {
 public:
  // All outlive it.
  HostHealth(boost::asio::io_context& io, const base::Clock& clock, stats::Registry& registry,
             telemetry::LogWriter& log_writer, client::ControlThread& thread, uint64_t seed);
  HostHealth(const HostHealth&) = delete;
  HostHealth& operator=(const HostHealth&) = delete;
  ~HostHealth();

  // Watches the hosts of `clusters` from now on.
  absl::Status Watch(const config::Bootstrap& bootstrap,
                     const std::vector<std::shared_ptr<upstream::Cluster>>& clusters);
  // Begins the checks. `ready` is called once, when each host has had its first result, or after kInitialWait.
  void Start(std::function<void()> ready);

  static constexpr base::Duration kInitialWait = std::chrono::seconds(15);

  // Null where the cluster has none. By the cluster's index.
  const upstream::OutlierDetector* detector(size_t cluster) const { return detectors_.at(cluster).get(); }

 private:
  // Writes lines to it; null when `path` is empty.
  absl::StatusOr<std::function<void(std::string_view line)>> OpenLog(const std::string& path,
                                                                     std::string_view field);
  void WatchOutliers(upstream::Cluster& cluster, const std::function<void(std::string_view line)>& log);
  absl::Status WatchByChecks(upstream::Cluster& cluster);
  void Post(std::function<void()> work);
  void OnReady();

  boost::asio::io_context& io_;
  const base::Clock& clock_;
  stats::Registry& registry_;
  telemetry::LogWriter& log_writer_;
  event::AsioTimers timers_;
  base::Random random_;
  std::vector<telemetry::LogFile*> files_;
  std::vector<std::unique_ptr<upstream::OutlierDetector>> detectors_;  // by the cluster's index
  health::CheckThread check_thread_;
  struct Checks {
    bool awaited;  // by the start
    std::unique_ptr<health::ClusterChecks> checks;
  };
  std::vector<Checks> checks_;
  const std::unique_ptr<event::ControlTimer> wait_;
  std::function<void()> ready_;
  size_t not_ready_ = 0;
};

}  // namespace pillion::server
