#pragma once

// The command line of pillion, which is Envoy's: each flag of Envoy's is known. What has no effect here is taken too, so
// that a launcher of an Envoy starts a pillion unchanged, and is said at the start.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pillion::server {

struct Options {
  enum class Mode : uint8_t { kServe, kValidate, kInitOnly };

  // Configuration.
  std::string config_path;   // -c
  std::string config_yaml;   // merged over the file, or alone
  std::string service_node;  // these three replace what the node says
  std::string service_cluster;
  std::string service_zone;
  bool allow_unknown_static_fields = false;
  bool reject_unknown_dynamic_fields = false;
  bool ignore_unknown_dynamic_fields = false;
  std::vector<std::string> disabled_extensions;  // names such as "envoy.filters.http.fault"
  std::vector<std::pair<std::string, std::string>> stats_tags;

  // The process.
  Mode mode = Mode::kServe;
  uint32_t concurrency = 0;  // of --concurrency, or as many as there are processors for
  bool cpuset_threads = false;
  bool core_dump = false;
  bool shares_ports = false;  // what listens on those of its listeners may be another process
  uint32_t drain_time_s = 5;
  uint32_t file_flush_interval_ms = 10000;
  std::string admin_address_path;  // a file that gets the administration's address

  // Its own log.
  std::string log_level = "info";
  std::vector<std::pair<std::string, std::string>> component_log_levels;
  std::optional<std::string> log_format;  // none: the default, or what the bootstrap says
  bool log_format_escaped = false;
  std::string log_path;

  // Flags that were given and change nothing, each with the reason: said once at the start.
  std::vector<std::string> without_effect;

  // All options in the shape of envoy.admin.v3.CommandLineOptions: name and value.
  using Value = std::variant<bool, uint64_t, std::string, std::vector<std::string>>;
  std::vector<std::pair<std::string, Value>> shown;
};

struct ParsedOptions {
  Options options;
  std::optional<int> exit_code;  // set: print `text` and end with it (--help, --version, an error)
  std::string text;
};

ParsedOptions ParseOptions(int argc, const char* const* argv);

// "pillion <version>" and what it was built with.
std::string VersionText();

}  // namespace pillion::server
