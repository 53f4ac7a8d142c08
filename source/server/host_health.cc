#include "source/server/host_health.h"

#include <boost/asio/post.hpp>
#include <string>
#include <utility>

namespace pillion::server {

HostHealth::HostHealth(boost::asio::io_context& io, const base::Clock& clock, stats::Registry& registry,
                       telemetry::LogWriter& log_writer, client::ControlThread& thread, uint64_t seed)
    : io_(io),
      clock_(clock),
      registry_(registry),
      log_writer_(log_writer),
      timers_(io),
      random_(seed),
      check_thread_(thread),
      wait_(timers_.New()) {}

HostHealth::~HostHealth() {
  checks_.clear();
  detectors_.clear();
  for (telemetry::LogFile* file : files_) log_writer_.Close(file);
}

void HostHealth::Post(std::function<void()> work) { boost::asio::post(io_, std::move(work)); }

absl::StatusOr<std::function<void(std::string_view line)>> HostHealth::OpenLog(const std::string& path,
                                                                               std::string_view field) {
  if (path.empty()) return std::function<void(std::string_view line)>();
  absl::StatusOr<telemetry::LogFile*> file = log_writer_.Open({.sink = telemetry::FileLogSink{path}, .format = {}});
  if (!file.ok()) {
    return absl::UnavailableError(std::string(field) + ": " + std::string(file.status().message()));
  }
  files_.push_back(*file);
  return [this, file = *file](std::string_view line) {
    // The main thread's ring is the last one.
    if (file->Append(registry_.workers(), line)) log_writer_.Wake();
  };
}

absl::Status HostHealth::Watch(const config::Bootstrap& bootstrap,
                               const std::vector<std::shared_ptr<upstream::Cluster>>& clusters) {
  const auto outliers = OpenLog(bootstrap.outlier_event_log, "cluster_manager.outlier_detection.event_log_path");
  if (!outliers.ok()) return outliers.status();
  for (const std::shared_ptr<upstream::Cluster>& cluster : clusters) {
    detectors_.emplace_back();
    if (cluster->config().outlier_detection != nullptr) WatchOutliers(*cluster, *outliers);
    if (cluster->config().health_check == nullptr) continue;
    if (absl::Status status = WatchByChecks(*cluster); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void HostHealth::WatchOutliers(upstream::Cluster& cluster, const std::function<void(std::string_view line)>& log) {
  detectors_.back() = std::make_unique<upstream::OutlierDetector>(
      cluster, upstream::OutlierDetector::Surroundings{
                   .timers = timers_,
                   .clock = clock_,
                   .random = random_,
                   .registry = registry_,
                   .post = [this](std::function<void()> work) { Post(std::move(work)); },
                   .log = log});
  detectors_.back()->Start();
}

absl::Status HostHealth::WatchByChecks(upstream::Cluster& cluster) {
  const auto log = OpenLog(cluster.config().health_check->event_log,
                           "cluster \"" + cluster.config().name + "\": health_checks.event_log_path");
  if (!log.ok()) return log.status();
  std::function<void(upstream::Host & host)> passed;
  if (upstream::OutlierDetector* detector = detectors_.back().get()) {
    passed = [detector](upstream::Host& host) { detector->OnCheckPassed(host); };
  }
  checks_.push_back({cluster.config().wait_for_warm,
                     std::make_unique<health::ClusterChecks>(
                         cluster, health::ClusterChecks::Surroundings{
                                      .timers = timers_,
                                      .clock = clock_,
                                      .random = random_,
                                      .registry = registry_,
                                      .prober = check_thread_,
                                      .post = [this](std::function<void()> work) { Post(std::move(work)); },
                                      .log = *log,
                                      .passed = std::move(passed)})});
  return absl::OkStatus();
}

void HostHealth::Start(std::function<void()> ready) {
  ready_ = std::move(ready);
  not_ready_ = 1;
  wait_->Set(kInitialWait, [this] {
    not_ready_ = 1;
    OnReady();
  });
  for (const Checks& each : checks_) {
    if (each.awaited) ++not_ready_;
    each.checks->Start([this, awaited = each.awaited] {
      if (awaited) OnReady();
    });
  }
  OnReady();
}

void HostHealth::OnReady() {
  if (ready_ == nullptr || --not_ready_ > 0) return;
  wait_->Cancel();
  std::exchange(ready_, nullptr)();
}

}  // namespace pillion::server
