#pragma once

// pillionctl check: whether files would be taken.

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pillion::ctl {

class CheckCommand {
 public:
  // Adds itself to `app`, which this outlives until it was parsed.
  explicit CheckCommand(CLI::App& app);

  // The exit status; nothing: the command line does not ask for it.
  absl::StatusOr<std::optional<int>> Run() const;

 private:
  CLI::App* command_;
  std::vector<std::string> files_;
  std::string bootstrap_;
};

}  // namespace pillion::ctl
