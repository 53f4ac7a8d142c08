#pragma once

// The log of the process itself: loggers by component, under the names that Envoy's components have, so that
// --component-log-level and /logging take what people and launchers write. Set up once by main(); loggers live as long
// as the process. Any thread may log; levels may change at any time.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "spdlog/logger.h"

namespace pillion::server {

struct LogOptions {
  std::string level = "info";
  std::vector<std::pair<std::string, std::string>> components;  // name, level
  std::optional<std::string> format;  // in spdlog's syntax; %_ and %j: the message, escaped
  bool escaped = false;               // of %v too
  std::string path;                   // empty: standard error
};

absl::Status SetUpLog(const LogOptions& options);

// Of all loggers.
void SetLogFormat(const std::string& format, bool escaped);

bool IsLogger(std::string_view name);
bool IsLogLevel(std::string_view level);
// `, did you mean "upstream"?`, or nothing.
std::string NearestLogger(std::string_view name);

// Aborts for a name that is none.
spdlog::logger& Log(std::string_view name);

// Name and level of each.
std::vector<std::pair<std::string, std::string>> LogLevels();
// An empty name: all of them.
absl::Status SetLogLevel(const std::string& name, const std::string& level);

}  // namespace pillion::server
