#include "source/ctl/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "source/base/version.h"
#include "source/ctl/ca_command.h"
#include "source/ctl/check_command.h"
#include "source/ctl/diff_command.h"
#include "source/ctl/explain_command.h"
#include "source/ctl/reload_command.h"
#include "source/identity/text.h"

namespace pillion::ctl {

int Run(int argc, char** argv) {
  CLI::App app("pillionctl: what belongs to pillion, and is not on the way of a request", "pillionctl");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("pillionctl ") + base::kVersion, "Print the version and end");
  CaCommand ca(app);
  const CheckCommand check(app);
  const DiffCommand diff(app);
  const ExplainCommand explain(app);
  const ReloadCommand reload(app);

  std::ostringstream text;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = app.exit(error, text, text) == 0;
    if (asked) {
      std::fputs(text.str().c_str(), stdout);
      return EXIT_SUCCESS;
    }
    // Where a word is not understood, CLI11 only sees that the right one is missing.
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    const bool bad_value = dynamic_cast<const CLI::ValidationError*>(&error) != nullptr;
    const std::string place = unknown.empty() || bad_value ? "" : identity::Quote(unknown.front()) + " is not known: ";
    std::fprintf(stderr, "pillionctl: %s%s\nRun it with --help for more.\n", place.c_str(), error.what());
    return diff.asked() ? DiffCommand::kTrouble : EXIT_FAILURE;
  }
  const int trouble = diff.asked() ? DiffCommand::kTrouble : EXIT_FAILURE;
  const auto fail = [trouble](const absl::Status& status) {
    std::fprintf(stderr, "pillionctl: %s\n", std::string(status.message()).c_str());
    return trouble;
  };
  for (const absl::StatusOr<std::optional<int>>& ended : {check.Run(), diff.Run(), explain.Run(), reload.Run()}) {
    if (!ended.ok()) return fail(ended.status());
    if (*ended) return **ended;
  }
  const absl::Status status = ca.Run();
  return status.ok() ? EXIT_SUCCESS : fail(status);
}

}  // namespace pillion::ctl
