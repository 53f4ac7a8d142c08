#include "source/server/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <thread>

#include "source/server/version.h"

namespace pillion::server {

std::string VersionText() { return std::string("pillion ") + kVersion; }

ParsedOptions ParseOptions(int argc, const char* const* argv) {
  ParsedOptions result;
  Options& options = result.options;
  CLI::App app("pillion, an L7 sidecar proxy");
  std::string mode = "serve";
  bool version = false;
  uint32_t base_id = 0;
  bool disable_hot_restart = false;

  app.add_option("-c,--config-path", options.config_path, "Bootstrap configuration: a file, YAML or JSON");
  app.add_option("--config-yaml", options.config_yaml, "Bootstrap configuration as text, instead of a file");
  app.add_option("--mode", mode, "serve, or validate: check the configuration and end")
      ->check(CLI::IsMember({"serve", "validate"}));
  app.add_option("--concurrency", options.concurrency, "Worker threads (default: hardware threads)")
      ->check(CLI::Range(0, 1024));
  app.add_option("-l,--log-level", options.log_level, "trace, debug, info, warning, error, critical or off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "critical", "off"}));
  app.add_option("--drain-time-s", options.drain_time_s, "Longest drain after SIGTERM, in seconds (default: 5)");
  app.add_option("--file-flush-interval-msec", options.file_flush_interval_ms,
                 "Longest time that an access log line waits, in ms (default: 10000)")
      ->check(CLI::Range(1, 3600000));
  CLI::Option* base_id_option = app.add_option("--base-id", base_id, "Accepted; has no effect without hot restart");
  CLI::Option* hot_restart_option =
      app.add_flag("--disable-hot-restart", disable_hot_restart, "Accepted; there is no hot restart to disable");
  app.add_flag("--version", version, "Print the version and end");

  std::ostringstream text;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, text, text);
    result.text = text.str();
    result.exit_code = code == 0 ? 0 : 1;
    return result;
  }
  if (version) {
    result.text = VersionText() + "\n";
    result.exit_code = 0;
    return result;
  }
  options.mode = mode == "validate" ? Options::Mode::kValidate : Options::Mode::kServe;
  if (options.config_path.empty() == options.config_yaml.empty()) {
    result.text = "pillion: give either -c FILE or --config-yaml TEXT\n";
    result.exit_code = 1;
    return result;
  }
  if (options.concurrency == 0) options.concurrency = std::max(1u, std::thread::hardware_concurrency());
  if (base_id_option->count() > 0) options.without_effect.push_back("--base-id");
  if (hot_restart_option->count() > 0) options.without_effect.push_back("--disable-hot-restart");
  return result;
}

}  // namespace pillion::server
