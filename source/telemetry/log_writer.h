#pragma once

// The thread that writes access logs, so that no worker ever waits for a disk. Owned by the server: made before
// the first log, ended after the workers. It writes when a worker has much to write, every flush interval, and
// when asked.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "source/stats/registry.h"
#include "source/telemetry/log_file.h"
#include "source/telemetry/log_settings.h"

namespace pillion::telemetry {

class LogWriter {
 public:
  // Registers filesystem.* in `stats`, which outlives this.
  LogWriter(stats::Registry& stats, std::chrono::milliseconds flush_interval);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  // Tries once more to write everything, then ends. Waits for a regular file's disk, but for nothing else.
  ~LogWriter();

  // Control thread. The same target is the same file. /dev/stdout and /dev/stderr are taken for the descriptors.
  // The file stays until as many Close() as Open() were called for it; nobody appends after its own Close().
  absl::StatusOr<LogFile*> Open(const LogSettings& config);
  void Close(LogFile* file);
  // For tests: a descriptor that stays the caller's.
  LogFile* OpenDescriptor(int descriptor);

  // Any thread: write soon. One system call.
  void Wake();
  // Any thread: open all files again (SIGUSR1, /reopen_logs).
  void Reopen();
  // Control thread: waits until all that was appended before has been written or has failed to be.
  void Flush();

  stats::Registry& stats() { return stats_; }
  // What workers count: lines taken and lines lost.
  stats::CounterId buffered() const { return buffered_; }
  stats::CounterId dropped() const { return dropped_; }

 private:
  struct Target {
    std::unique_ptr<LogFile> file;
    size_t users = 0;
  };

  size_t rings() const { return stats_.workers() + 1; }  // the last is the control thread's
  void Run();
  void WaitForWork(const std::vector<LogFile*>& blocked, std::chrono::milliseconds timeout);

  stats::Registry& stats_;
  const std::chrono::milliseconds flush_interval_;
  const int wake_descriptor_;  // an eventfd
  LogWriterCounts counts_;
  const stats::CounterId buffered_;
  const stats::CounterId dropped_;
  std::vector<stats::CallbackId> metrics_;

  std::mutex mutex_;  // guards what follows; never held while something is written
  std::condition_variable flushed_;
  std::map<std::string, Target> targets_;  // added to by Open, erased from by the writer thread
  uint64_t flush_wanted_ = 0;
  uint64_t flush_done_ = 0;
  bool reopen_ = false;
  bool stop_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace pillion::telemetry
