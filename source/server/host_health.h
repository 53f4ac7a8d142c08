#pragma once

// Who watches the hosts of clusters: outlier detection and active health checks of those that have them. Made before the
// workers; main thread. Owned by the server.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/event/asio_timers.h"
#include "source/health/check_thread.h"
#include "source/health/cluster_checks.h"
#include "source/stats/registry.h"
#include "source/telemetry/log_writer.h"
#include "source/upstream/cluster.h"
#include "source/upstream/outlier_detector.h"
#include "source/upstream/reported_weights.h"

namespace pillion::server {

class HostHealth {
 public:
  // All outlive it.
  HostHealth(boost::asio::io_context& io, const base::Clock& clock, stats::Registry& registry,
             telemetry::LogWriter& log_writer, client::ControlThread& thread, uint64_t seed);
  HostHealth(const HostHealth&) = delete;
  HostHealth& operator=(const HostHealth&) = delete;

  // Lines of events; closes its file.
  class EventLog {
   public:
    EventLog() = default;  // of none
    EventLog(telemetry::LogWriter& writer, telemetry::LogFile* file, size_t ring);
    const std::function<void(std::string_view line)>& write() const { return write_; }

   private:
    std::shared_ptr<void> closes_;
    std::function<void(std::string_view line)> write_;
  };
  // An error begins with `field`. An empty path: none.
  absl::StatusOr<EventLog> OpenLog(const std::string& path, std::string_view field);

  // Of one cluster; ends before it, and before what made it. Workers may still have hosts of it.
  class Watch {
   public:
    // Null where the cluster has none.
    const upstream::OutlierDetector* detector() const { return detector_.get(); }
    // Begins checks. `first` is called once, when each host has had its first result; at once where the cluster does not
    // wait for that.
    void Start(std::function<void()> first);

   private:
    friend class HostHealth;
    EventLog outlier_log_;
    EventLog check_log_;
    std::unique_ptr<upstream::OutlierDetector> detector_;
    std::unique_ptr<health::ClusterChecks> checks_;
    std::unique_ptr<upstream::ReportedWeights> weights_;  // null: they are as configured
    bool awaited_ = false;
  };
  // Its hosts are watched from now on: before any worker has them.
  absl::StatusOr<std::unique_ptr<Watch>> Make(upstream::Cluster& cluster, const EventLog& outliers);

 private:
  void Post(std::function<void()> work);

  boost::asio::io_context& io_;
  const base::Clock& clock_;
  stats::Registry& registry_;
  telemetry::LogWriter& log_writer_;
  event::AsioTimers timers_;
  base::Random random_;
  health::CheckThread check_thread_;
};

}  // namespace pillion::server
