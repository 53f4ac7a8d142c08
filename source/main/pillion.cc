// pillion, the data plane: reads its command line and its configuration, and serves until it is told to end.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "source/config/load.h"
#include "source/filters/http_filters.h"
#include "source/server/options.h"
#include "source/server/server.h"
#include "source/telemetry/log_format.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace {

std::shared_ptr<const pillion::config::Bootstrap> LoadBootstrap(const pillion::server::Options& options) {
  namespace config = pillion::config;
  config::LoadOptions load;
  load.http_filters = pillion::filters::HttpFilterTypes();
  load.check_log_format = pillion::telemetry::CheckLogFormat;
  if (!options.config_path.empty()) {
    absl::StatusOr<std::shared_ptr<const config::Bootstrap>> bootstrap = config::LoadFile(options.config_path, load);
    if (bootstrap.ok()) return *std::move(bootstrap);
    std::fprintf(stderr, "%s\n", std::string(bootstrap.status().message()).c_str());
    return nullptr;
  }
  config::Loaded loaded = config::LoadText(options.config_yaml, load);
  for (const config::ConfigError& error : loaded.errors) {
    std::fprintf(stderr, "%s\n", config::ErrorText("--config-yaml", error).c_str());
  }
  return loaded.bootstrap;
}

}  // namespace

int main(int argc, char** argv) {
  const pillion::server::ParsedOptions parsed = pillion::server::ParseOptions(argc, argv);
  if (parsed.exit_code) {
    std::fputs(parsed.text.c_str(), *parsed.exit_code == 0 ? stdout : stderr);
    return *parsed.exit_code;
  }
  const pillion::server::Options& options = parsed.options;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("pillion"));
  spdlog::set_pattern("[%Y-%m-%d %H:%M:%S.%e][%t][%l] %v");
  spdlog::set_level(spdlog::level::from_str(options.log_level));

  const std::shared_ptr<const pillion::config::Bootstrap> bootstrap = LoadBootstrap(options);
  if (bootstrap == nullptr) return EXIT_FAILURE;
  if (options.mode == pillion::server::Options::Mode::kValidate) {
    const std::string& path = options.config_path;
    std::printf("configuration '%s' OK\n", path.empty() ? "--config-yaml" : path.c_str());
    return EXIT_SUCCESS;
  }
  for (const std::string& flag : options.without_effect) spdlog::warn("{} has no effect here", flag);

  pillion::server::Server server(options, bootstrap);
  if (const absl::Status status = server.Start(); !status.ok()) {
    std::fprintf(stderr, "pillion: %s\n", std::string(status.message()).c_str());
    return EXIT_FAILURE;
  }
  server.Run();
  return EXIT_SUCCESS;
}
