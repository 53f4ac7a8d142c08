#pragma once

// pillionctl ca: a development CA.

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace pillion::ctl {

class CaCommand {
 public:
  // Adds itself to `app`, which this outlives until it was parsed.
  explicit CaCommand(CLI::App& app);

  // What the command line asks for, after it was parsed.
  absl::Status Run() const;

 private:
  absl::Status Serve() const;
  absl::Status Issue() const;
  absl::Status Show() const;

  CLI::App* run_;
  CLI::App* issue_;
  CLI::App* show_;
  std::string folder_;
  std::string trust_domain_;
  std::vector<std::string> workloads_;
  std::vector<std::string> listens_;
  bool allow_remote_ = false;
  std::string svid_ttl_ = "1h";
  std::string ca_ttl_ = "30d";
};

}  // namespace pillion::ctl
