#pragma once

// pillionctl explain: what a request would meet at a process that runs.

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pillion::ctl {

class ExplainCommand {
 public:
  // Adds itself to `app`, which this outlives until it was parsed.
  explicit ExplainCommand(CLI::App& app);

  // The exit status; nothing: the command line does not ask for it.
  absl::StatusOr<std::optional<int>> Run() const;

 private:
  CLI::App* command_;
  std::string admin_;
  std::string token_file_;
  bool json_ = false;
  // By the name of the parameter.
  std::vector<std::pair<std::string, std::vector<std::string>>> parameters_;
};

}  // namespace pillion::ctl
