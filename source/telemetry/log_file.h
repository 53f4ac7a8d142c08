#pragma once

// Where lines of an access log end: a file, standard output or standard error, with one ring for each thread that
// logs. Shared by all logs with the same target. Owned by the LogWriter; ends when the last log has gone and the
// rings are empty. Append is the workers', everything else the writer thread's.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "source/telemetry/log_ring.h"

namespace pillion::telemetry {

// What the writer thread counts; any thread may read.
struct LogWriterCounts {
  std::atomic<uint64_t> writes_completed{0};
  std::atomic<uint64_t> writes_failed{0};
  std::atomic<uint64_t> reopens_failed{0};
  std::atomic<uint64_t> flushed_by_timer{0};
};

class LogFile {
 public:
  // Opens `path` for appending, and makes it where it is missing.
  static absl::StatusOr<std::unique_ptr<LogFile>> OpenPath(std::string path, size_t workers,
                                                           LogWriterCounts& counts);
  // Writes to a descriptor of somebody else, who keeps it open: standard output or error.
  LogFile(int descriptor, size_t workers, LogWriterCounts& counts);
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();

  // False when the ring is full and the line is lost: the disk does not keep up.
  [[nodiscard]] bool Append(size_t worker, std::string_view line) { return rings_[worker].Append(line); }

  enum class Progress {
    kDone,     // everything that was there is written
    kBlocked,  // the descriptor takes nothing now: again when poll() says so
    kFailed,   // an error: again later
  };
  // Writes what the rings hold now. Never waits for a pipe, a terminal or a socket.
  Progress Write();

  // Opens the path again, after a rotation. When that fails, the file that is open stays. A line of which the old
  // file got only the beginning does not go on in the new one.
  void Reopen();

  int descriptor() const { return descriptor_; }
  size_t pending() const;  // bytes in all rings

 private:
  LogFile(std::string path, int descriptor, size_t workers, LogWriterCounts& counts);
  void LookAtDescriptor();
  Progress WriteRing(LogRing& ring);
  static void DropRestOfLine(LogRing& ring);

  const std::string path_;  // empty: the descriptor is not ours
  LogWriterCounts& counts_;
  int descriptor_;
  bool may_block_ = false;         // not a regular file: to be asked before each write
  LogRing* unfinished_ = nullptr;  // stopped in the middle of a line, which must go on before any other
  size_t workers_;
  std::unique_ptr<LogRing[]> rings_;
};

}  // namespace pillion::telemetry
