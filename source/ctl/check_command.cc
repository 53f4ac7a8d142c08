#include "source/ctl/check_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "source/config/load.h"
#include "source/ctl/check.h"
#include "source/filters/load_options.h"

namespace pillion::ctl {

CheckCommand::CheckCommand(CLI::App& app)
    : command_(app.add_subcommand("check", "Whether pillion would take files; all that is wrong, each with its place")) {
  command_->add_option("FILE", files_, "Bootstraps, or sets of resources as a control plane gives them; YAML or JSON")
      ->required();
  command_->add_option("--bootstrap", bootstrap_, "The bootstrap of the process that sets of resources are for");
}

absl::StatusOr<std::optional<int>> CheckCommand::Run() const {
  if (!command_->parsed()) return std::nullopt;
  std::shared_ptr<const config::Bootstrap> bootstrap;
  if (!bootstrap_.empty()) {
    absl::StatusOr<std::shared_ptr<const config::Bootstrap>> loaded = config::LoadFile(bootstrap_, filters::LoadOptions());
    if (!loaded.ok()) return loaded.status();
    bootstrap = *std::move(loaded);
  }
  bool good = true;
  for (const std::string& path : files_) {
    const Checked checked = CheckFile(path, bootstrap);
    for (const config::ConfigError& error : checked.errors) {
      std::fprintf(stderr, "%s\n", config::ErrorText(path, error).c_str());
    }
    for (const config::ConfigError& note : checked.notes) {
      std::fprintf(stderr, "note: %s\n", config::ErrorText(path, note).c_str());
    }
    good = good && checked.errors.empty();
    if (checked.errors.empty()) std::printf("%s: good (%s)\n", path.c_str(), checked.what.c_str());
  }
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace pillion::ctl
