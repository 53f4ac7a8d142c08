#pragma once

// From a file to the model: the only door to a static configuration. A configuration is taken whole or not at all.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "source/config/config_error.h"
#include "source/config/http_filter_type.h"
#include "source/config/model.h"

namespace pillion::config {

struct LoadOptions {
  // Judges the format string of an access log; none: any is taken. The server passes telemetry's.
  std::function<absl::Status(std::string_view format)> check_log_format;
  // The HTTP filters that there are beside the router.
  std::vector<HttpFilterType> http_filters;
};

struct Loaded {
  std::shared_ptr<const Bootstrap> bootstrap;  // null if and only if there are errors
  std::vector<ConfigError> errors;             // in the order of the lines
};

// `text` is YAML or JSON, an envoy.config.bootstrap.v3.Bootstrap. Files that it names (DataSource) are read.
Loaded LoadText(std::string_view text, const LoadOptions& options = {});

// `path` may be a pipe (`/dev/stdin`, `/dev/fd/N`). The errors, one a line, are the status's message.
absl::StatusOr<std::shared_ptr<const Bootstrap>> LoadFile(const std::string& path,
                                                          const LoadOptions& options = {});

}  // namespace pillion::config
