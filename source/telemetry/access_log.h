#pragma once

// One access log of a listener or a connection manager: what it is about, a format and a file. Immutable, shared by
// the workers and counted by the configuration that names it; ends when no worker uses it any more, and before the
// LogWriter.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "source/stats/registry.h"
#include "source/telemetry/log_format.h"
#include "source/telemetry/log_settings.h"
#include "source/telemetry/log_writer.h"
#include "source/telemetry/request_record.h"

namespace pillion::telemetry {

class AccessLog {
 public:
  // Control thread. Null, and at least one error more, when the format is wrong or the file cannot be opened.
  static std::unique_ptr<AccessLog> Create(const LogSettings& config, LogWriter& writer,
                                           std::vector<std::string>& errors);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  // The worker with that index, on its own thread, or the control thread with an index one past the workers'. A
  // line that finds no room, because the disk does not keep up, or that is longer than kLongestLine, is lost and
  // counted. Allocates nothing once the line's strings are warm.
  void Log(size_t worker, const RequestRecord& record);

  static constexpr size_t kLongestLine = 128 << 10;

 private:
  // After so many bytes of one worker the writer is woken before its time.
  static constexpr size_t kWakeAfter = 64 << 10;

  struct alignas(64) Worker {
    std::string line;
    std::string scratch;
    size_t since_wake = 0;
    stats::Counter* buffered = nullptr;
    stats::Counter* dropped = nullptr;
  };

  AccessLog(std::shared_ptr<const RecordFilter> filter, std::unique_ptr<const LogFormat> format, LogFile* file,
            LogWriter& writer);

  const std::shared_ptr<const RecordFilter> filter_;  // null: every record has a line
  const std::unique_ptr<const LogFormat> format_;
  LogFile* const file_;
  LogWriter& writer_;
  std::vector<Worker> workers_;
};

}  // namespace pillion::telemetry
