#pragma once

// pillionctl diff: what is different between two configurations.

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "source/ctl/configuration.h"

namespace pillion::ctl {

class DiffCommand {
 public:
  // Exit statuses, as diff(1) has them.
  static constexpr int kEqual = 0;
  static constexpr int kDifferent = 1;
  static constexpr int kTrouble = 2;

  // Adds itself to `app`, which this outlives until it was parsed.
  explicit DiffCommand(CLI::App& app);

  bool asked() const { return command_->parsed(); }
  // The exit status; nothing: the command line does not ask for it.
  absl::StatusOr<std::optional<int>> Run() const;

 private:
  absl::StatusOr<Configuration> Read(const std::string& from) const;

  CLI::App* command_;
  std::string a_;
  std::string b_;
  std::string token_file_;
  bool json_ = false;
};

}  // namespace pillion::ctl
