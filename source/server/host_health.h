#pragma once

// Who watches the hosts of all clusters: outlier detection of those that have it. Made before the workers, ends after
// them; main thread.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/config/model.h"
#include "source/event/asio_timers.h"
#include "source/stats/registry.h"
#include "source/telemetry/log_writer.h"
#include "source/upstream/cluster.h"
#include "source/upstream/outlier_detector.h"

namespace pillion::server {

class HostHealth {
 public:
  // All outlive it.
  HostHealth(boost::asio::io_context& io, const base::Clock& clock, stats::Registry& registry,
             telemetry::LogWriter& log_writer, uint64_t seed);
  HostHealth(const HostHealth&) = delete;
  HostHealth& operator=(const HostHealth&) = delete;
  ~HostHealth();

  // Watches the hosts of `clusters` from now on.
  absl::Status Watch(const config::Bootstrap& bootstrap,
                     const std::vector<std::unique_ptr<upstream::Cluster>>& clusters);
  void Start();

  // Null where the cluster has none. By the cluster's index.
  const upstream::OutlierDetector* detector(size_t cluster) const { return detectors_.at(cluster).get(); }

 private:
  // A file of events; null when `path` is empty.
  absl::StatusOr<telemetry::LogFile*> Open(const std::string& path);
  void Write(telemetry::LogFile& file, std::string_view line);

  boost::asio::io_context& io_;
  const base::Clock& clock_;
  stats::Registry& registry_;
  telemetry::LogWriter& log_writer_;
  event::AsioTimers timers_;
  base::Random random_;
  std::vector<telemetry::LogFile*> files_;
  std::vector<std::unique_ptr<upstream::OutlierDetector>> detectors_;  // by the cluster's index
};

}  // namespace pillion::server
