#pragma once

// pillionctl reload: other clusters, listeners and secrets for a process that runs.

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace pillion::ctl {

class ReloadCommand {
 public:
  // Adds itself to `app`, which this outlives until it was parsed.
  explicit ReloadCommand(CLI::App& app);

  // The exit status: whether all was taken. Nothing: the command line does not ask for it.
  absl::StatusOr<std::optional<int>> Run() const;

 private:
  CLI::App* command_;
  std::string admin_;
  std::string file_;
  std::string token_file_;
  bool json_ = false;
};

}  // namespace pillion::ctl
