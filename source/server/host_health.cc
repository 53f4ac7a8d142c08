#include "source/server/host_health.h"

#include <boost/asio/post.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pillion::server {

HostHealth::HostHealth(boost::asio::io_context& io, const base::Clock& clock, stats::Registry& registry,
                       telemetry::LogWriter& log_writer, uint64_t seed)
    : io_(io), clock_(clock), registry_(registry), log_writer_(log_writer), timers_(io), random_(seed) {}

HostHealth::~HostHealth() {
  detectors_.clear();
  for (telemetry::LogFile* file : files_) log_writer_.Close(file);
}

absl::StatusOr<telemetry::LogFile*> HostHealth::Open(const std::string& path) {
  if (path.empty()) return nullptr;
  absl::StatusOr<telemetry::LogFile*> file = log_writer_.Open({.sink = telemetry::FileLogSink{path}});
  if (file.ok()) files_.push_back(*file);
  return file;
}

void HostHealth::Write(telemetry::LogFile& file, std::string_view line) {
  // The main thread's ring is the last one.
  if (file.Append(registry_.workers(), line)) log_writer_.Wake();
}

absl::Status HostHealth::Watch(const config::Bootstrap& bootstrap,
                               const std::vector<std::unique_ptr<upstream::Cluster>>& clusters) {
  absl::StatusOr<telemetry::LogFile*> outliers = Open(bootstrap.outlier_event_log);
  if (!outliers.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cluster_manager.outlier_detection.event_log_path: ", outliers.status().message()));
  }
  for (const std::unique_ptr<upstream::Cluster>& cluster : clusters) {
    detectors_.emplace_back();
    if (cluster->config().outlier_detection == nullptr) continue;
    upstream::OutlierDetector::EventLog log;
    if (*outliers != nullptr) log = [this, file = *outliers](std::string_view line) { Write(*file, line); };
    detectors_.back() = std::make_unique<upstream::OutlierDetector>(
        *cluster, upstream::OutlierDetector::Surroundings{
                      .timers = timers_,
                      .clock = clock_,
                      .random = random_,
                      .registry = registry_,
                      .post = [this](std::function<void()> work) { boost::asio::post(io_, std::move(work)); },
                      .log = std::move(log)});
  }
  return absl::OkStatus();
}

void HostHealth::Start() {
  for (const auto& detector : detectors_) {
    if (detector != nullptr) detector->Start();
  }
}

}  // namespace pillion::server
