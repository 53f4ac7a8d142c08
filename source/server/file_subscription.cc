#include "source/server/file_subscription.h"

#include <chrono>
#include <utility>

#include "source/base/xxhash64.h"

namespace pillion::server {
namespace {

int64_t Milliseconds(auto duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

}  // namespace

FileSubscription::FileSubscription(event::FileWatcher& files, const base::Clock& clock, stats::Registry& registry,
                                   const stats::Prefix& prefix, const config::PathSource& source, Read read)
    : files_(files),
      clock_(clock),
      source_(source),
      read_(std::move(read)),
      scope_(registry, prefix),
      attempt_(registry.control().counter(scope_.AddCounter("update_attempt"))),
      success_(registry.control().counter(scope_.AddCounter("update_success"))),
      failure_(registry.control().counter(scope_.AddCounter("update_failure"))),
      rejected_(registry.control().counter(scope_.AddCounter("update_rejected"))),
      time_(registry.control().gauge(scope_.AddGauge("update_time"))),
      duration_(registry.control().histogram(scope_.AddHistogram("update_duration"))),
      version_text_(scope_.AddText("version_text")) {
  scope_.AddCounter("init_fetch_timeout");
  scope_.AddGaugeCallback("version", [this] { return version_; });
}

absl::Status FileSubscription::Start() {
  // Before the first reading: what changes in between is read once more.
  const auto again = [this] { ReadNow(); };
  absl::StatusOr<std::unique_ptr<event::FileWatch>> watch = source_.watched_directory.empty()
                                                                ? files_.WatchFile(source_.path, again)
                                                                : files_.WatchDirectory(source_.watched_directory, again);
  if (!watch.ok()) return watch.status();
  watch_ = *std::move(watch);
  ReadNow();
  return absl::OkStatus();
}

void FileSubscription::ReadNow() {
  attempt_->Increment();
  const base::MonotonicTime begun = clock_.MonotonicNow();
  const Reading reading = read_(source_.path);
  switch (reading.outcome) {
    case Reading::Outcome::kUnreadable:
      failure_->Increment();
      return;
    case Reading::Outcome::kRejected:
      rejected_->Increment();
      return;
    case Reading::Outcome::kTaken:
      break;
  }
  success_->Increment();
  duration_->Record(static_cast<uint64_t>(Milliseconds(clock_.MonotonicNow() - begun)));
  time_->Set(Milliseconds(clock_.WallNow().time_since_epoch()));
  version_ = base::XxHash64(reading.version);
  scope_.registry().SetText(version_text_, reading.version);
}

}  // namespace pillion::server
