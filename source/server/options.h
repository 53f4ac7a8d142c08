#pragma once

// The command line of pillion, which is Envoy's as far as it goes.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pillion::server {

struct Options {
  enum class Mode : uint8_t { kServe, kValidate };

  std::string config_path;   // -c
  std::string config_yaml;   // --config-yaml
  Mode mode = Mode::kServe;  // --mode
  uint32_t concurrency = 0;  // --concurrency; 0 was replaced by the number of hardware threads
  std::string log_level = "info";
  uint32_t drain_time_s = 5;
  uint32_t file_flush_interval_ms = 10000;
  // Flags that were given and change nothing: said once at the start.
  std::vector<std::string> without_effect;
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
