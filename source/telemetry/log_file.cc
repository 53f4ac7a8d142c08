#include "source/telemetry/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pillion::telemetry {
namespace {

// O_NONBLOCK so that a FIFO without a reader is an error instead of a wait; regular files do not care.
int OpenForAppend(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogFile>> LogFile::OpenPath(std::string path, size_t workers,
                                                           LogWriterCounts& counts) {
  const int descriptor = OpenForAppend(path);
  if (descriptor < 0) {
    return absl::InvalidArgumentError(fmt::format("cannot open \"{}\" for appending: {}", path, strerror(errno)));
  }
  return std::unique_ptr<LogFile>(new LogFile(std::move(path), descriptor, workers, counts));
}

LogFile::LogFile(int descriptor, size_t workers, LogWriterCounts& counts)
    : LogFile("", descriptor, workers, counts) {}

LogFile::LogFile(std::string path, int descriptor, size_t workers, LogWriterCounts& counts)
    : path_(std::move(path)),
      counts_(counts),
      descriptor_(descriptor),
      workers_(workers),
      rings_(std::make_unique<LogRing[]>(workers)) {
  LookAtDescriptor();
}

LogFile::~LogFile() {
  if (!path_.empty()) close(descriptor_);
}

void LogFile::LookAtDescriptor() {
  struct stat status;
  may_block_ = fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode);
}

size_t LogFile::pending() const {
  size_t bytes = 0;
  for (size_t i = 0; i < workers_; ++i) bytes += rings_[i].size();
  return bytes;
}

LogFile::Progress LogFile::Write() {
  if (unfinished_ != nullptr) {
    if (const Progress progress = WriteRing(*unfinished_); progress != Progress::kDone) return progress;
  }
  for (size_t i = 0; i < workers_; ++i) {
    if (const Progress progress = WriteRing(rings_[i]); progress != Progress::kDone) return progress;
  }
  return Progress::kDone;
}

LogFile::Progress LogFile::WriteRing(LogRing& ring) {
  const std::array<std::string_view, 2> pending = ring.Pending();
  const size_t size = pending[0].size() + pending[1].size();
  // A pipe that poll() calls writable takes PIPE_BUF bytes without blocking, and no more for certain.
  const size_t most = may_block_ ? 4096 : size;
  for (size_t written = 0; written < size;) {
    if (may_block_) {
      pollfd asked = {descriptor_, POLLOUT, 0};
      if (poll(&asked, 1, 0) == 0) return Progress::kBlocked;
    }
    iovec pieces[2];
    int count = 0;
    size_t skip = written;
    size_t room = most;
    for (const std::string_view piece : pending) {
      const size_t from = std::min(skip, piece.size());
      const size_t length = std::min(piece.size() - from, room);
      skip -= from;
      room -= length;
      if (length > 0) pieces[count++] = {const_cast<char*>(piece.data()) + from, length};
    }
    const ssize_t result = writev(descriptor_, pieces, count);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) {
      counts_.writes_failed.fetch_add(1, std::memory_order_relaxed);
      return Progress::kFailed;
    }
    counts_.writes_completed.fetch_add(1, std::memory_order_relaxed);
    written += static_cast<size_t>(result);
    ring.Consume(static_cast<size_t>(result));
    unfinished_ = written < size ? &ring : nullptr;
  }
  return Progress::kDone;
}

void LogFile::Reopen() {
  if (path_.empty()) return;
  const int descriptor = OpenForAppend(path_);
  if (descriptor < 0) {
    counts_.reopens_failed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  close(descriptor_);
  descriptor_ = descriptor;
  LookAtDescriptor();
  if (unfinished_ != nullptr) DropRestOfLine(*std::exchange(unfinished_, nullptr));
}

void LogFile::DropRestOfLine(LogRing& ring) {
  size_t passed = 0;
  for (const std::string_view piece : ring.Pending()) {
    if (const size_t end = piece.find('\n'); end != std::string_view::npos) {
      ring.Consume(passed + end + 1);
      return;
    }
    passed += piece.size();
  }
}

}  // namespace pillion::telemetry
