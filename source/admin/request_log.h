#pragma once

// A request to the administration as its access logs have it.

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/arena.h"
#include "source/base/clock.h"
#include "source/telemetry/access_log.h"

namespace pillion::admin {

struct LoggedRequest {
  std::string_view method;
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;  // with its query
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  bool is_http10 = false;
  uint32_t status = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  base::WallTime start_time;
  base::MonotonicTime start;
  std::string_view peer;
  uint64_t connection_id = 0;
  uint64_t random = 0;
};

// Which ends now. `index`: of who writes.
void LogRequest(const std::vector<std::unique_ptr<telemetry::AccessLog>>& logs, size_t index, base::BlockPool& pool,
                const LoggedRequest& request);

}  // namespace pillion::admin
