#include "source/admin/request_log.h"

#include <cctype>
#include <string>

namespace pillion::admin {

void LogRequest(const std::vector<std::unique_ptr<telemetry::AccessLog>>& logs, size_t index, base::BlockPool& pool,
                const LoggedRequest& request) {
  if (logs.empty()) return;
  base::Arena arena(pool);
  http::RequestHead head(arena);
  head.method = request.method;
  head.scheme = request.scheme;
  head.authority = request.authority;
  head.path = request.path;
  for (const auto& [field, value] : request.fields) {
    std::string name(field);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    head.headers.Add(arena.Copy(name), value);
  }
  telemetry::RequestRecord record;
  record.request = &head;
  record.protocol = request.is_http10 ? http::Version::kHttp10 : http::Version::kHttp11;
  record.response_code = request.status;
  record.bytes_received = request.bytes_received;
  record.bytes_sent = request.bytes_sent;
  record.start_time = request.start_time;
  record.end_time = base::SystemClock().WallNow();
  record.at(telemetry::TimePoint::kDownstreamRxBegin) = request.start;
  record.at(telemetry::TimePoint::kEnd) = base::SystemClock().MonotonicNow();
  record.downstream_remote_address = request.peer;
  record.downstream_direct_remote_address = request.peer;
  record.connection_id = request.connection_id;
  record.random = request.random;
  for (const std::unique_ptr<telemetry::AccessLog>& log : logs) log->Log(index, record);
}

}  // namespace pillion::admin
