#include "source/telemetry/log_writer.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "source/base/check.h"

namespace pillion::telemetry {
namespace {

// After an error (no space, ...) the next try is this far away, if the flush interval is not shorter.
constexpr std::chrono::milliseconds kRetry{1000};

// Signals are the main thread's; SIGPIPE would end the process when the reader of standard output is gone.
std::thread StartWithoutSignals(auto run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  pthread_setname_np(thread.native_handle(), "access_log");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

std::string TargetName(const LogSettings& config) {
  if (std::holds_alternative<StdoutLogSink>(config.sink)) return "/dev/stdout";
  if (std::holds_alternative<StderrLogSink>(config.sink)) return "/dev/stderr";
  return std::get<FileLogSink>(config.sink).path;
}

}  // namespace

LogWriter::LogWriter(stats::Registry& stats, std::chrono::milliseconds flush_interval)
    : stats_(stats),
      flush_interval_(flush_interval),
      wake_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      buffered_(stats.AddCounter("filesystem.write_buffered")),
      dropped_(stats.AddCounter("filesystem.write_dropped")) {
  PILLION_CHECK(wake_descriptor_ >= 0);
  const auto count = [this](std::string_view name, const std::atomic<uint64_t>& value) {
    metrics_.push_back(
        stats_.AddCounterCallback(name, [&value] { return value.load(std::memory_order_relaxed); }));
  };
  count("filesystem.write_completed", counts_.writes_completed);
  count("filesystem.write_failed", counts_.writes_failed);
  count("filesystem.reopen_failed", counts_.reopens_failed);
  count("filesystem.flushed_by_timer", counts_.flushed_by_timer);
  metrics_.push_back(stats_.AddGaugeCallback("filesystem.write_total_buffered", [this] {
    const std::lock_guard lock(mutex_);
    uint64_t bytes = 0;
    for (const auto& [name, target] : targets_) bytes += target.file->pending();
    return bytes;
  }));
  thread_ = StartWithoutSignals([this] { Run(); });
}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  Wake();
  thread_.join();
  for (const stats::CallbackId id : metrics_) stats_.Release(id);
  stats_.Release(buffered_);
  stats_.Release(dropped_);
  close(wake_descriptor_);
}

absl::StatusOr<LogFile*> LogWriter::Open(const LogSettings& config) {
  const std::lock_guard lock(mutex_);
  const std::string name = TargetName(config);
  auto found = targets_.find(name);
  if (found == targets_.end()) {
    std::unique_ptr<LogFile> file;
    if (name == "/dev/stdout") {
      file = std::make_unique<LogFile>(STDOUT_FILENO, rings(), counts_);
    } else if (name == "/dev/stderr") {
      file = std::make_unique<LogFile>(STDERR_FILENO, rings(), counts_);
    } else {
      absl::StatusOr<std::unique_ptr<LogFile>> opened = LogFile::OpenPath(name, rings(), counts_);
      if (!opened.ok()) return opened.status();
      file = *std::move(opened);
    }
    found = targets_.try_emplace(name, Target{std::move(file)}).first;
  }
  ++found->second.users;
  return found->second.file.get();
}

LogFile* LogWriter::OpenDescriptor(int descriptor) {
  const std::lock_guard lock(mutex_);
  Target target{std::make_unique<LogFile>(descriptor, rings(), counts_), 1};
  return targets_.try_emplace(fmt::format("descriptor {}", descriptor), std::move(target))
      .first->second.file.get();
}

void LogWriter::Close(LogFile* file) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, target] : targets_) {
    if (target.file.get() == file) --target.users;
  }
}

void LogWriter::Wake() {
  const uint64_t one = 1;
  // It can only fail when the counter is full, and then the thread is awake.
  [[maybe_unused]] const ssize_t written = write(wake_descriptor_, &one, sizeof one);
}

void LogWriter::Reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_ = true;
  }
  Wake();
}

void LogWriter::Flush() {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = ++flush_wanted_;
  Wake();
  flushed_.wait(lock, [&] { return flush_done_ >= wanted; });
}

void LogWriter::Run() {
  for (;;) {
    std::vector<LogFile*> files;
    uint64_t flush;
    bool reopen;
    bool stop;
    {
      const std::lock_guard lock(mutex_);
      flush = flush_wanted_;
      reopen = std::exchange(reopen_, false);
      stop = stop_;
      // A file that nobody appends to any more is closed once it is empty. Only this thread erases.
      std::erase_if(targets_, [](const auto& entry) {
        return entry.second.users == 0 && entry.second.file->pending() == 0;
      });
      for (const auto& [name, target] : targets_) files.push_back(target.file.get());
    }
    if (reopen) {
      for (LogFile* file : files) file->Reopen();
    }
    std::vector<LogFile*> blocked;
    bool failed = false;
    for (LogFile* file : files) {
      const LogFile::Progress progress = file->Write();
      if (progress == LogFile::Progress::kBlocked) blocked.push_back(file);
      failed = failed || progress == LogFile::Progress::kFailed;
    }
    {
      const std::lock_guard lock(mutex_);
      flush_done_ = flush;
    }
    flushed_.notify_all();
    if (stop) return;
    WaitForWork(blocked, failed ? std::min(kRetry, flush_interval_) : flush_interval_);
  }
}

void LogWriter::WaitForWork(const std::vector<LogFile*>& blocked, std::chrono::milliseconds timeout) {
  std::vector<pollfd> waited = {{wake_descriptor_, POLLIN, 0}};
  for (const LogFile* file : blocked) waited.push_back({file->descriptor(), POLLOUT, 0});
  if (poll(waited.data(), waited.size(), static_cast<int>(timeout.count())) == 0) {
    counts_.flushed_by_timer.fetch_add(1, std::memory_order_relaxed);
  }
  uint64_t wakes;
  [[maybe_unused]] const ssize_t drained = read(wake_descriptor_, &wakes, sizeof wakes);
}

}  // namespace pillion::telemetry
