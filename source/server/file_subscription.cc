#include "source/server/file_subscription.h"

#include <utility>

namespace pillion::server {

FileSubscription::FileSubscription(event::FileWatcher& files, const base::Clock& clock, stats::Registry& registry,
                                   const stats::Prefix& prefix, const config::PathSource& source, Read read)
    : files_(files),
      clock_(clock),
      source_(source),
      read_(std::move(read)),
      stats_(registry, clock, prefix) {}

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
  stats_.Attempt();
  const base::MonotonicTime begun = clock_.MonotonicNow();
  const Reading reading = read_(source_.path);
  switch (reading.outcome) {
    case Reading::Outcome::kUnreadable:
      stats_.Failure();
      return;
    case Reading::Outcome::kRejected:
      stats_.Rejected();
      return;
    case Reading::Outcome::kTaken:
      break;
  }
  stats_.Success(reading.version, begun);
}

}  // namespace pillion::server
