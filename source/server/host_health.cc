#include "source/server/host_health.h"

#include <boost/asio/post.hpp>
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
      check_thread_(thread) {}

void HostHealth::Post(std::function<void()> work) { boost::asio::post(io_, std::move(work)); }

HostHealth::EventLog::EventLog(telemetry::LogWriter& writer, telemetry::LogFile* file, size_t ring)
    : closes_(file, [&writer](telemetry::LogFile* open) { writer.Close(open); }),
      write_([&writer, file, ring](std::string_view line) {
        if (file->Append(ring, line)) writer.Wake();
      }) {}

absl::StatusOr<HostHealth::EventLog> HostHealth::OpenLog(const std::string& path, std::string_view field) {
  if (path.empty()) return EventLog();
  absl::StatusOr<telemetry::LogFile*> file = log_writer_.Open({.sink = telemetry::FileLogSink{path}, .format = {}});
  if (!file.ok()) {
    return absl::UnavailableError(std::string(field) + ": " + std::string(file.status().message()));
  }
  return EventLog(log_writer_, *file, registry_.workers());  // the main thread's ring is the last one
}

absl::StatusOr<std::unique_ptr<HostHealth::Watch>> HostHealth::Make(upstream::Cluster& cluster, const EventLog& outliers) {
  auto watch = std::make_unique<Watch>();
  const config::Cluster& config = cluster.config();
  const auto post = [this](std::function<void()> work) { Post(std::move(work)); };
  if (config.outlier_detection != nullptr) {
    watch->outlier_log_ = outliers;
    watch->detector_ = std::make_unique<upstream::OutlierDetector>(
        cluster, upstream::OutlierDetector::Surroundings{.timers = timers_,
                                                         .clock = clock_,
                                                         .random = random_,
                                                         .registry = registry_,
                                                         .post = post,
                                                         .log = outliers.write()});
    watch->detector_->Start();
  }
  if (config.load_balancing.reported_weights != nullptr) {
    watch->weights_ = std::make_unique<upstream::ReportedWeights>(cluster, timers_, clock_);
    watch->weights_->Start();
  }
  if (config.health_check == nullptr) return watch;
  absl::StatusOr<EventLog> log = OpenLog(config.health_check->event_log,
                                         "cluster \"" + config.name + "\": health_checks.event_log_path");
  if (!log.ok()) return log.status();
  watch->check_log_ = *std::move(log);
  watch->awaited_ = config.wait_for_warm;
  std::function<void(upstream::Host & host)> passed;
  if (upstream::OutlierDetector* detector = watch->detector_.get()) {
    passed = [detector](upstream::Host& host) { detector->OnCheckPassed(host); };
  }
  watch->checks_ = std::make_unique<health::ClusterChecks>(
      cluster, health::ClusterChecks::Surroundings{.timers = timers_,
                                                   .clock = clock_,
                                                   .random = random_,
                                                   .registry = registry_,
                                                   .prober = check_thread_,
                                                   .post = post,
                                                   .log = watch->check_log_.write(),
                                                   .passed = std::move(passed)});
  return watch;
}

void HostHealth::Watch::Start(std::function<void()> first) {
  if (checks_ == nullptr) return first();
  if (awaited_) return checks_->Start(std::move(first));
  checks_->Start([] {});
  first();
}

}  // namespace pillion::server
