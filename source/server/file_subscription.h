#pragma once

// A file that a part of the configuration comes from: read at once, and again whenever it is replaced. What is in it is its
// owner's business, who says what became of a reading; a file that is broken changes nothing. Owned by who uses it; main
// thread.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "source/base/clock.h"
#include "source/config/path_source.h"
#include "source/config/unknown.h"
#include "source/event/file_watcher.h"
#include "source/stats/registry.h"
#include "source/xds/subscription_stats.h"

namespace pillion::server {

// What subscriptions to files have in common; all outlives them.
struct FileSources {
  event::FileWatcher& files;
  const base::Clock& clock;
  stats::Registry& registry;
  const config::UnknownRule& unknown;
};

class FileSubscription {
 public:
  struct Reading {
    enum class Outcome : uint8_t { kTaken, kUnreadable, kRejected };
    Outcome outcome = Outcome::kTaken;
    std::string version;  // of kTaken
  };
  using Read = std::function<Reading(const std::string& path)>;

  // Counts under `prefix`; a file never reaches init_fetch_timeout. All that is given outlives it.
  FileSubscription(event::FileWatcher& files, const base::Clock& clock, stats::Registry& registry,
                   const stats::Prefix& prefix, const config::PathSource& source, Read read);
  FileSubscription(const FileSubscription&) = delete;
  FileSubscription& operator=(const FileSubscription&) = delete;

  // Reads for the first time. An error: it can't be watched.
  absl::Status Start();

 private:
  void ReadNow();

  event::FileWatcher& files_;
  const base::Clock& clock_;
  const config::PathSource& source_;
  const Read read_;
  xds::SubscriptionStats stats_;
  std::unique_ptr<event::FileWatch> watch_;
};

}  // namespace pillion::server
