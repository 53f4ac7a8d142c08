// pillion, the data plane: reads its command line and its configuration, and serves until it is told to end.

#include <pthread.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "source/base/process_memory.h"
#include "source/config/load.h"
#include "source/filters/load_options.h"
#include "source/server/configured_set.h"
#include "source/server/log.h"
#include "source/server/options.h"
#include "source/server/server.h"
#include "source/tls/library.h"

namespace {

namespace config = pillion::config;
namespace server = pillion::server;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "pillion: %s\n", std::string(status.message()).c_str());
  return EXIT_FAILURE;
}

absl::Status SetUpLog(const server::Options& options) {
  return server::SetUpLog({.level = options.log_level,
                           .components = options.component_log_levels,
                           .format = options.log_format,
                           .escaped = options.log_format_escaped,
                           .path = options.log_path});
}

config::LoadOptions LoadOptionsOf(const server::Options& options, config::PassedOver& passed_over) {
  config::LoadOptions load = pillion::filters::LoadOptions();
  load.node = {.id = options.service_node, .cluster = options.service_cluster, .zone = options.service_zone};
  if (options.allow_unknown_static_fields) load.unknown.fields = config::UnknownFields::kPassOver;
  load.unknown.passed_over = &passed_over;
  load.unknown.disabled_extensions.insert(options.disabled_extensions.begin(), options.disabled_extensions.end());
  return load;
}

// Says what is wrong, and returns null then.
std::shared_ptr<const config::Bootstrap> LoadBootstrap(const server::Options& options, config::PassedOver& passed_over) {
  const absl::StatusOr<std::vector<config::Source>> sources = server::ReadSources(options);
  if (!sources.ok()) {
    std::fprintf(stderr, "%s\n", std::string(sources.status().message()).c_str());
    return nullptr;
  }
  const config::Loaded loaded = config::LoadSources(*sources, LoadOptionsOf(options, passed_over));
  for (const config::ConfigError& error : loaded.errors)
    std::fprintf(stderr, "%s\n", config::ErrorText("", error).c_str());
  for (const config::ConfigError& note : loaded.notes)
    server::Log("config").warn("{}", config::ErrorText("", note));
  if (loaded.bootstrap != nullptr && !loaded.bootstrap->log_format.empty() && options.log_format) {
    std::fprintf(stderr, "application_log_config.log_format: --log-format says it too, expected one of them\n");
    return nullptr;
  }
  return loaded.bootstrap;
}

// Extensions that nobody can configure are not to be disabled either: said, not refused, as Envoy has it.
void CheckDisabled(const server::Options& options) {
  for (const std::string& name : options.disabled_extensions) {
    if (!config::IsExtensionName(name))
      server::Log("misc").warn("--disable-extensions: there is no extension '{}'", name);
  }
}

}  // namespace

int main(int argc, char** argv) {
  pillion::tls::PrepareLibrary();
  const server::ParsedOptions parsed = server::ParseOptions(argc, argv);
  if (parsed.exit_code) {
    std::fputs(parsed.text.c_str(), *parsed.exit_code == 0 ? stdout : stderr);
    return *parsed.exit_code;
  }
  const server::Options& options = parsed.options;
  if (const absl::Status status = SetUpLog(options); !status.ok()) return Fail(status);
  CheckDisabled(options);

  config::PassedOver passed_over;
  std::shared_ptr<const config::Bootstrap> bootstrap = LoadBootstrap(options, passed_over);
  if (bootstrap == nullptr) return EXIT_FAILURE;
  if (options.mode == server::Options::Mode::kValidate) {
    const std::string& path = options.config_path;
    std::printf("configuration '%s' OK\n", path.empty() ? "--config-yaml" : path.c_str());
    return EXIT_SUCCESS;
  }
  if (!bootstrap->log_format.empty()) server::SetLogFormat(bootstrap->log_format, options.log_format_escaped);
  for (const std::string& flag : options.without_effect) server::Log("main").warn("{}", flag);
  if (options.core_dump) {
    rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
      limit.rlim_cur = limit.rlim_max;
      setrlimit(RLIMIT_CORE, &limit);
    }
  }

  server::Server process(options, std::move(bootstrap), LoadOptionsOf(options, passed_over));
  if (const absl::Status status = process.Start(); !status.ok()) return Fail(status);
  pillion::base::GiveBackMemory();  // what the configuration was read into, and the code that did it
  process.Run();
  // It ends already: a signal that comes now, when nobody listens any more, must not make a failure of it.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return EXIT_SUCCESS;
}
