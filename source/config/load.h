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
#include "source/config/unknown.h"

namespace pillion::config {

// Of the command line: what is not empty replaces what the node says of itself.
struct NodeFlags {
  std::string id;
  std::string cluster;
  std::string zone;
};

struct LoadOptions {
  // Judges the format string of an access log; none: any is taken. The server passes telemetry's.
  std::function<absl::Status(std::string_view format)> check_log_format;
  // The HTTP filters that there are beside the router.
  std::vector<HttpFilterType> http_filters;
  // What stands in the place of one whose configuration has not come; null: none may come apart from its listener.
  std::shared_ptr<const FilterConfig> missing_filter;
  NodeFlags node;
  UnknownRule unknown;
};

struct Loaded {
  std::shared_ptr<const Bootstrap> bootstrap;  // null if and only if there are errors
  std::vector<ConfigError> errors;             // in the order of the lines
  std::vector<ConfigError> notes;              // no errors: what was taken without effect, to be logged
};

// One text of a configuration; `name` as errors are to say it: a path, "--config-yaml".
struct Source {
  std::string name;
  std::string text;
};

// Each text is YAML or JSON, an envoy.config.bootstrap.v3.Bootstrap; at least one. A later one is merged over those before
// it as protobuf merges messages: single values are replaced, lists are appended to, messages are merged field by field.
// Files that they name (DataSource) are read.
Loaded LoadSources(const std::vector<Source>& sources, const LoadOptions& options = {});
Loaded LoadText(std::string_view text, const LoadOptions& options = {});

// Reads a text. `path` may be a pipe (`/dev/stdin`, `/dev/fd/N`). protobuf's own formats (.pb, .pb_text) are refused.
absl::StatusOr<Source> ReadSourceFile(const std::string& path);

// The errors, one a line, are the status's message.
absl::StatusOr<std::shared_ptr<const Bootstrap>> LoadFile(const std::string& path,
                                                          const LoadOptions& options = {});

}  // namespace pillion::config
