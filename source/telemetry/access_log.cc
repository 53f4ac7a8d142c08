#include "source/telemetry/access_log.h"

namespace pillion::telemetry {

std::unique_ptr<AccessLog> AccessLog::Create(const LogSettings& config, LogWriter& writer,
                                             std::vector<std::string>& errors) {
  std::unique_ptr<const LogFormat> format = LogFormat::Compile(config, errors);
  if (format == nullptr) return nullptr;
  absl::StatusOr<LogFile*> file = writer.Open(config);
  if (!file.ok()) {
    errors.emplace_back(file.status().message());
    return nullptr;
  }
  return std::unique_ptr<AccessLog>(new AccessLog(config.filter, std::move(format), *file, writer));
}

AccessLog::AccessLog(std::shared_ptr<const RecordFilter> filter, std::unique_ptr<const LogFormat> format,
                     LogFile* file, LogWriter& writer)
    : filter_(std::move(filter)),
      format_(std::move(format)),
      file_(file),
      writer_(writer),
      workers_(writer.stats().workers() + 1) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    workers_[i].buffered = writer.stats().shard(i).counter(writer.buffered());
    workers_[i].dropped = writer.stats().shard(i).counter(writer.dropped());
  }
}

AccessLog::~AccessLog() {
  writer_.Close(file_);
}

void AccessLog::Log(size_t worker, const RequestRecord& record) {
  if (filter_ != nullptr && !filter_->Holds(record)) return;
  Worker& own = workers_[worker];
  own.line.clear();
  format_->Append(record, own.line, own.scratch);
  if (own.line.size() > kLongestLine || !file_->Append(worker, own.line)) {
    own.dropped->Increment();
    if (own.line.size() > kLongestLine) std::string().swap(own.line);  // one giant must not keep its memory
    return;
  }
  own.buffered->Increment();
  own.since_wake += own.line.size();
  if (own.since_wake >= kWakeAfter) {
    own.since_wake = 0;
    writer_.Wake();
  }
}

}  // namespace pillion::telemetry
